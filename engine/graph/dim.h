// A tensor dimension: a number, or an expression over names such as "N" that a session binds.
//
// Kept as a polynomial with integer coefficients; a division that does not come out even becomes an opaque atom
// "floor((H+1)/2)". Arithmetic saturates at the limits of int64, so hostile numbers cannot overflow: whoever makes a
// tensor checks the result against kMaxDim.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "nibble/result.h"

namespace nibble {

inline constexpr int64_t kMaxDim = (int64_t{1} << 31) - 1;  // sizes and offsets are 32-bit in kernels

using DimBindings = std::map<std::string, int64_t>;

class Dim {
 public:
  Dim(int64_t value = 0);  // implicit on purpose: sizes are mostly numbers
  static Dim symbol(std::string name);
  // "3", "N", "2*N+1", "floor((H+1)/2)"
  static Result<Dim> parse(std::string_view text);

  bool is_const() const;
  int64_t value() const;  // only when is_const()
  std::string to_string() const;

  // The names that occur, sorted.
  std::vector<std::string> symbols() const;
  // The number this is under the bindings; a name that is not bound counts as 1.
  int64_t evaluate(const DimBindings& bindings) const;
  Dim bind(const DimBindings& bindings) const { return Dim(evaluate(bindings)); }

  Dim& operator+=(const Dim& other);
  Dim& operator-=(const Dim& other);
  Dim& operator*=(const Dim& other);
  friend Dim operator+(Dim a, const Dim& b) { return a += b; }
  friend Dim operator-(Dim a, const Dim& b) { return a -= b; }
  friend Dim operator*(Dim a, const Dim& b) { return a *= b; }
  // Division towards minus infinity; exact where every term divides. A zero divisor gives 0 (callers refuse it first).
  friend Dim floor_div(const Dim& a, const Dim& b);
  friend Dim ceil_div(const Dim& a, const Dim& b);
  // True when a / b leaves nothing for every binding (as far as the normal form shows it).
  friend bool divides(const Dim& b, const Dim& a);
  friend bool operator==(const Dim& a, const Dim& b) { return a.terms_ == b.terms_; }

 private:
  using Monomial = std::vector<std::string>;  // sorted atoms; empty for the constant term
  void add_term(const Monomial& monomial, int64_t coefficient);
  std::map<Monomial, int64_t> terms_;  // no zero coefficients
};

Dim floor_div(const Dim& a, const Dim& b);
Dim ceil_div(const Dim& a, const Dim& b);
bool divides(const Dim& b, const Dim& a);

using Shape = std::vector<Dim>;

std::string to_string(const Shape& shape);  // "[N, 3, 224, 224]"
bool is_const(const Shape& shape);
std::vector<int64_t> values(const Shape& shape);  // only when is_const(shape)
Dim elements(const Shape& shape);

}  // namespace nibble
