#include "graph/dim.h"

#include <algorithm>
#include <cctype>
#include <limits>
#include <set>

#include "core/text.h"
#include "core/try.h"

namespace nibble {
namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin = std::numeric_limits<int64_t>::min() + 1;
constexpr size_t kMaxTerms = 64;  // beyond any real network; bounds what a hostile file can make us do
constexpr size_t kMaxText = 1024;
constexpr int kMaxNesting = 16;

int64_t saturating_add(int64_t a, int64_t b) {
  int64_t out;
  if (__builtin_add_overflow(a, b, &out)) return a > 0 ? kMax : kMin;
  return out;
}

int64_t saturating_mul(int64_t a, int64_t b) {
  int64_t out;
  if (__builtin_mul_overflow(a, b, &out)) return (a > 0) == (b > 0) ? kMax : kMin;
  return out;
}

int64_t floor_div_int(int64_t a, int64_t b) {
  if (b == 0) return 0;
  if (b == -1) return a <= kMin ? kMax : -a;
  const int64_t q = a / b;
  return (a % b != 0 && (a < 0) != (b < 0)) ? q - 1 : q;
}

bool is_name_char(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.'; }

// Recursive descent over + - * ( ) numbers, names and floor(a/b).
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Dim> parse() {
    if (text_.size() > kMaxText) return fail("an expression of at most 1024 characters");
    NBL_TRY(Dim out, sum(0));
    if (at_ != text_.size()) return fail("the end");
    return out;
  }

 private:
  Error fail(const char* expected) const {
    return {Code::invalid_argument, format("dimension '%s': expected %s at character %zu",
                                           std::string(text_.substr(0, 80)).c_str(), expected, at_)};
  }
  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  Result<Dim> sum(int depth) {
    if (depth > kMaxNesting) return fail("fewer nested parentheses");
    NBL_TRY(Dim out, product(depth));
    while (at_ < text_.size()) {
      if (take('+')) {
        NBL_TRY(Dim right, product(depth));
        out += right;
      } else if (take('-')) {
        NBL_TRY(Dim right, product(depth));
        out -= right;
      } else {
        break;
      }
    }
    return out;
  }
  Result<Dim> product(int depth) {
    NBL_TRY(Dim out, atom(depth));
    while (take('*')) {
      NBL_TRY(Dim right, atom(depth));
      out *= right;
    }
    return out;
  }
  Result<Dim> atom(int depth) {
    if (take('-')) {
      NBL_TRY(Dim inner, atom(depth + 1));
      return Dim(0) - inner;
    }
    if (take('(')) {
      NBL_TRY(Dim inner, sum(depth + 1));
      if (!take(')')) return fail("')'");
      return inner;
    }
    const size_t begin = at_;
    while (at_ < text_.size() && is_name_char(text_[at_])) ++at_;
    const std::string word(text_.substr(begin, at_ - begin));
    if (word.empty()) return fail("a number or a name");
    if (depth > kMaxNesting) return fail("fewer nested parentheses");
    if (word == "floor" && take('(')) {
      NBL_TRY(Dim above, sum(depth + 1));
      if (!take('/')) return fail("'/'");
      NBL_TRY(Dim below, atom(depth + 1));
      if (!take(')')) return fail("')'");
      if (below == Dim(0)) return fail("a divisor that is not 0");
      return floor_div(above, below);
    }
    if (std::isdigit(static_cast<unsigned char>(word[0]))) {
      int64_t value = 0;
      for (char c : word) {
        if (!std::isdigit(static_cast<unsigned char>(c))) return fail("a number");
        value = saturating_add(saturating_mul(value, 10), c - '0');
      }
      return Dim(value);
    }
    return Dim::symbol(word);
  }

  std::string_view text_;
  size_t at_ = 0;
};

bool is_floor(const std::string& atom) { return atom.rfind("floor(", 0) == 0; }

// Splits "floor((A)/(B))" into A and B; both sides are always in parentheses.
void split_floor(const std::string& atom, std::string& above, std::string& below) {
  int depth = 0;
  size_t middle = 0;
  for (size_t i = 6; i + 1 < atom.size(); ++i) {
    if (atom[i] == '(') ++depth;
    if (atom[i] == ')') --depth;
    if (atom[i] == '/' && depth == 0) {
      middle = i;
      break;
    }
  }
  above = atom.substr(6, middle - 6);
  below = atom.substr(middle + 1, atom.size() - middle - 2);
}

void collect_symbols(const std::string& atom, std::set<std::string>& out) {
  if (!is_floor(atom)) {
    out.insert(atom);
    return;
  }
  std::string above, below;
  split_floor(atom, above, below);
  for (const std::string& part : {above, below}) {
    if (auto dim = Dim::parse(part)) {
      for (const std::string& name : dim->symbols()) out.insert(name);
    }
  }
}

int64_t evaluate_atom(const std::string& atom, const DimBindings& bindings) {
  if (!is_floor(atom)) {
    const auto found = bindings.find(atom);
    return found == bindings.end() ? 1 : found->second;
  }
  std::string above, below;
  split_floor(atom, above, below);
  auto a = Dim::parse(above);
  auto b = Dim::parse(below);
  if (!a || !b) return 0;
  return floor_div_int(a->evaluate(bindings), b->evaluate(bindings));
}

}  // namespace

Dim::Dim(int64_t value) {
  if (value != 0) terms_[{}] = value;
}

Dim Dim::symbol(std::string name) {
  Dim out;
  for (char& c : name) {
    if (!is_name_char(c)) c = '_';
  }
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0]))) name = "_" + name;
  out.terms_[{name}] = 1;
  return out;
}

Result<Dim> Dim::parse(std::string_view text) { return Parser(text).parse(); }

bool Dim::is_const() const { return terms_.empty() || (terms_.size() == 1 && terms_.begin()->first.empty()); }

int64_t Dim::value() const { return terms_.empty() ? 0 : terms_.begin()->second; }

std::string Dim::to_string() const {
  if (terms_.empty()) return "0";
  std::string out;
  // Names before the constant term reads naturally: "2*N+1".
  const auto append = [&](const Monomial& monomial, int64_t coefficient) {
    if (!out.empty() && coefficient > 0) out += '+';
    if (monomial.empty()) {
      out += std::to_string(coefficient);
      return;
    }
    if (coefficient == -1)
      out += '-';
    else if (coefficient != 1)
      out += std::to_string(coefficient) + "*";
    for (size_t i = 0; i < monomial.size(); ++i) out += (i ? "*" : "") + monomial[i];
  };
  for (const auto& [monomial, coefficient] : terms_) {
    if (!monomial.empty()) append(monomial, coefficient);
  }
  if (const auto constant = terms_.find({}); constant != terms_.end()) append({}, constant->second);
  return out;
}

std::vector<std::string> Dim::symbols() const {
  std::set<std::string> names;
  for (const auto& [monomial, coefficient] : terms_) {
    for (const std::string& atom : monomial) collect_symbols(atom, names);
  }
  return {names.begin(), names.end()};
}

int64_t Dim::evaluate(const DimBindings& bindings) const {
  int64_t sum = 0;
  for (const auto& [monomial, coefficient] : terms_) {
    int64_t product = coefficient;
    for (const std::string& atom : monomial) product = saturating_mul(product, evaluate_atom(atom, bindings));
    sum = saturating_add(sum, product);
  }
  return sum;
}

void Dim::add_term(const Monomial& monomial, int64_t coefficient) {
  if (coefficient == 0) return;
  if (terms_.size() >= kMaxTerms && !terms_.contains(monomial)) return;
  int64_t& value = terms_[monomial];
  value = saturating_add(value, coefficient);
  if (value == 0) terms_.erase(monomial);
}

Dim& Dim::operator+=(const Dim& other) {
  const auto terms = other.terms_;
  for (const auto& [monomial, coefficient] : terms) add_term(monomial, coefficient);
  return *this;
}

Dim& Dim::operator-=(const Dim& other) {
  const auto terms = other.terms_;
  for (const auto& [monomial, coefficient] : terms) add_term(monomial, saturating_mul(coefficient, -1));
  return *this;
}

Dim& Dim::operator*=(const Dim& other) {
  Dim out;
  for (const auto& [left, a] : terms_) {
    for (const auto& [right, b] : other.terms_) {
      Monomial monomial = left;
      monomial.insert(monomial.end(), right.begin(), right.end());
      if (monomial.size() > kMaxNesting) continue;
      std::sort(monomial.begin(), monomial.end());
      out.add_term(monomial, saturating_mul(a, b));
    }
  }
  return *this = std::move(out);
}

bool divides(const Dim& b, const Dim& a) {
  if (b.terms_.size() != 1) return a == b;
  const auto& [divisor, coefficient] = *b.terms_.begin();
  for (const auto& [monomial, value] : a.terms_) {
    if (value % coefficient != 0) return false;
    if (!std::includes(monomial.begin(), monomial.end(), divisor.begin(), divisor.end())) return false;
  }
  return true;
}

Dim floor_div(const Dim& a, const Dim& b) {
  if (b == Dim(0)) return Dim(0);
  if (a.is_const() && b.is_const()) return Dim(floor_div_int(a.value(), b.value()));
  if (a == b) return Dim(1);
  if (divides(b, a)) {
    const auto& [divisor, coefficient] = *b.terms_.begin();
    Dim out;
    for (const auto& [monomial, value] : a.terms_) {
      Dim::Monomial rest;
      std::set_difference(monomial.begin(), monomial.end(), divisor.begin(), divisor.end(), std::back_inserter(rest));
      out.add_term(rest, value / coefficient);
    }
    return out;
  }
  // floor((k*b + r) / b) = k + floor(r / b): taking out what divides keeps equal sizes equal in form.
  if (b.is_const()) {
    Dim whole, rest;
    for (const auto& [monomial, value] : a.terms_) {
      // By %, since quotient times divisor may overflow.
      int64_t remainder = value % b.value();
      if (remainder != 0 && (remainder < 0) != (b.value() < 0)) remainder += b.value();
      whole.add_term(monomial, floor_div_int(value, b.value()));
      rest.add_term(monomial, remainder);
    }
    if (rest.is_const()) return whole + floor_div(rest, b);
    Dim out;
    out.terms_[{"floor((" + rest.to_string() + ")/(" + b.to_string() + "))"}] = 1;
    return whole + out;
  }
  Dim out;
  out.terms_[{"floor((" + a.to_string() + ")/(" + b.to_string() + "))"}] = 1;
  return out;
}

Dim ceil_div(const Dim& a, const Dim& b) { return floor_div(a + b - 1, b); }

std::string to_string(const Shape& shape) {
  std::string out = "[";
  for (size_t i = 0; i < shape.size(); ++i) out += (i ? ", " : "") + shape[i].to_string();
  return out + "]";
}

bool is_const(const Shape& shape) {
  return std::all_of(shape.begin(), shape.end(), [](const Dim& d) { return d.is_const(); });
}

std::vector<int64_t> values(const Shape& shape) {
  std::vector<int64_t> out;
  for (const Dim& d : shape) out.push_back(d.value());
  return out;
}

Dim elements(const Shape& shape) {
  Dim out(1);
  for (const Dim& d : shape) out *= d;
  return out;
}

}  // namespace nibble
