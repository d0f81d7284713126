#include "converter/search/budget.h"

#include <cmath>
#include <cstdlib>

#include "core/text.h"
#include "core/try.h"

namespace nibble::search {
namespace {

// The number at the start of the text and what follows it; nothing where there is no finite number.
std::optional<std::pair<double, std::string>> number_and_rest(const std::string& text) {
  // strtod also reads hexadecimal, and skips spaces.
  if (text.empty() || (!std::isdigit(static_cast<unsigned char>(text[0])) && text[0] != '.') ||
      (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))) {
    return std::nullopt;
  }
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || !std::isfinite(value)) return std::nullopt;
  return std::pair(value, std::string(end));
}

}  // namespace

Result<Bound> parse_bound(const std::string& text, const std::string& option) {
  const Error wrong{Code::invalid_argument,
                    option + " '" + text + "': expected a number above 0, such as 300000, 619k, 4MB or 0.125x"};
  const auto parsed = number_and_rest(text);
  if (!parsed) return wrong;
  auto [value, rest] = *parsed;
  Bound out;
  if (rest == "x") {
    out.relative = true;
  } else {
    if (!rest.empty() && rest.back() == 'B') rest.pop_back();
    if (rest == "k" || rest == "K")
      value *= 1e3;
    else if (rest == "M")
      value *= 1e6;
    else if (rest == "G")
      value *= 1e9;
    else if (!rest.empty())
      return wrong;
  }
  if (!(value > 0.0)) return wrong;
  out.value = value;
  return out;
}

const char* to_string(DropBound::Kind kind) {
  switch (kind) {
    case DropBound::Kind::automatic: return "automatic";
    case DropBound::Kind::top1: return "top1";
    case DropBound::Kind::agreement: return "agreement";
    case DropBound::Kind::kl: return "kl";
    case DropBound::Kind::sqnr: return "sqnr";
  }
  return "?";
}

Result<DropBound> parse_drop(const std::string& text) {
  DropBound out;
  std::string number = text;
  if (const size_t colon = text.find(':'); colon != std::string::npos) {
    number = text.substr(colon + 1);
    const std::string kind = text.substr(0, colon);
    bool known = false;
    for (auto k : {DropBound::Kind::top1, DropBound::Kind::agreement, DropBound::Kind::kl, DropBound::Kind::sqnr}) {
      if (kind == to_string(k)) out.kind = k, known = true;
    }
    if (!known) {
      return Error{Code::invalid_argument,
                   "--max-drop '" + text + "': expected top1:, agreement:, kl: or sqnr: before the number"};
    }
  }
  const auto parsed = number_and_rest(number);
  if (!parsed || !parsed->second.empty()) {
    return Error{Code::invalid_argument,
                 "--max-drop '" + text + "': expected a number from 0 on, such as 2, kl:0.05 or sqnr:30"};
  }
  out.value = parsed->first;
  return out;
}

Result<DropBound> settle(const DropBound& bound, bool has_classes, bool has_labels) {
  DropBound out = bound;
  if (out.kind == DropBound::Kind::automatic) {
    if (!has_classes) {
      return Error{
          Code::invalid_argument,
          "--max-drop: the network's first output is not scores of classes; say what is bounded: sqnr:DECIBELS"};
    }
    out.kind = has_labels ? DropBound::Kind::top1 : DropBound::Kind::agreement;
  }
  if (out.kind == DropBound::Kind::top1 && !has_labels)
    return Error{Code::invalid_argument, "--max-drop top1: needs labels of the held-out samples: give --labels"};
  if ((out.kind == DropBound::Kind::agreement || out.kind == DropBound::Kind::kl) && !has_classes) {
    return Error{Code::invalid_argument,
                 std::string("--max-drop ") + to_string(out.kind) +
                     ": the network's first output is not scores of classes; use sqnr:DECIBELS"};
  }
  return out;
}

Estimate figure(const DropBound& settled, const Divergence& d) {
  const auto decibels = [](double ratio) { return 10.0 * std::log10(std::max(ratio, 1e-20)); };
  switch (settled.kind) {
    case DropBound::Kind::top1: return d.top1_drop.value_or(Estimate{});
    case DropBound::Kind::kl: return d.kl.value_or(Estimate{});
    case DropBound::Kind::sqnr:
      return {decibels(d.noise_ratio.mean), decibels(d.noise_ratio.low), decibels(d.noise_ratio.high)};
    default: {
      const Estimate a = d.agreement.value_or(Estimate{1, 1, 1});
      return {100 * (1 - a.mean), 100 * (1 - a.high), 100 * (1 - a.low)};
    }
  }
}

double limit(const DropBound& settled) {
  return settled.kind == DropBound::Kind::sqnr ? -settled.value : settled.value;
}

std::string describe(const DropBound& settled, const Divergence& divergence) {
  const Estimate e = figure(settled, divergence);
  switch (settled.kind) {
    case DropBound::Kind::top1:
      return format("top-1 drop %.2f points [%.2f, %.2f], %zu samples", e.mean, e.low, e.high, divergence.samples);
    case DropBound::Kind::kl:
      return format("KL %.4f nats [%.4f, %.4f], %zu samples", e.mean, e.low, e.high, divergence.samples);
    case DropBound::Kind::sqnr:
      return format("SQNR %.1f dB [%.1f, %.1f], %zu samples", -e.mean, -e.high, -e.low, divergence.samples);
    default:
      return format("agreement %.1f %% [%.1f, %.1f], %zu samples", 100 - e.mean, 100 - e.high, 100 - e.low,
                    divergence.samples);
  }
}

}  // namespace nibble::search
