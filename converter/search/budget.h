// What the user bounds, as the command line spells it.
#pragma once

#include <optional>
#include <string>

#include "converter/search/divergence.h"
#include "nibble/result.h"

namespace nibble::search {

// A number, or a share of the original's.
struct Bound {
  double value = 0.0;
  bool relative = false;
  double of(double original) const { return relative ? value * original : value; }
};

// "300000", "1.5e6", "619k", "4MB" (k, M, G: powers of 1,000, a B may follow), "0.125x". Above 0. `option` is named in
// errors.
Result<Bound> parse_bound(const std::string& text, const std::string& option);

// --max-drop: "2" is points of top-1 where there are labels, else points of agreement, else (no classes) an error that
// asks for a kind. "top1:2", "agreement:2" in points below 100 %, "kl:0.05" in nats, "sqnr:30" the least decibels.
struct DropBound {
  enum class Kind { automatic, top1, agreement, kl, sqnr };
  Kind kind = Kind::automatic;
  double value = 0.0;
};
Result<DropBound> parse_drop(const std::string& text);
const char* to_string(DropBound::Kind kind);

// What the kind is for these samples; errors say what is missing.
Result<DropBound> settle(const DropBound& bound, bool has_classes, bool has_labels);

// The bounded figure of a measurement, as a number that must not exceed limit(): for sqnr both are negative.
Estimate figure(const DropBound& settled, const Divergence& divergence);
double limit(const DropBound& settled);
// "agreement 96.3 % [91.2, 100.0], 20 samples".
std::string describe(const DropBound& settled, const Divergence& divergence);

struct Budget {
  std::optional<Bound> bytes, multiply_adds;
  std::optional<double> milliseconds;
  std::optional<DropBound> drop;
  bool any() const { return bytes || multiply_adds || milliseconds || drop; }
};

}  // namespace nibble::search
