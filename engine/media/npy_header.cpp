#include "media/npy_header.h"

#include "core/text.h"
#include "core/try.h"

namespace nibble::media {
namespace {

class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : text_(text) {}

  Result<NpyHeader> parse() {
    NpyHeader header;
    bool seen[3] = {false, false, false};
    NBL_CHECK(expect('{'));
    while (!accept('}')) {
      NBL_TRY(const std::string key, quoted());
      NBL_CHECK(expect(':'));
      const int which = key == "descr" ? 0 : key == "fortran_order" ? 1 : key == "shape" ? 2 : -1;
      if (which < 0 || seen[which]) return damaged(format("key '%s' is unknown or repeated", key.c_str()));
      seen[which] = true;
      NBL_CHECK(value(which, header));
      if (!accept(',')) {
        NBL_CHECK(expect('}'));
        break;
      }
    }
    for (const bool found : seen) {
      if (!found) return damaged("'descr', 'fortran_order' and 'shape' are needed");
    }
    skip_space();
    if (at_ != text_.size()) return damaged("there is text behind the dictionary");
    return header;
  }

 private:
  Error damaged(const std::string& what) const { return Error{Code::corrupt_file, ".npy header is damaged: " + what}; }

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }

  bool accept(char c) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  Status expect(char c) {
    if (accept(c)) return {};
    return damaged(format("'%c' was expected at position %zu", c, at_));
  }

  Result<std::string> quoted() {
    skip_space();
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote != '\'' && quote != '"') {
      return Error{Code::invalid_argument, "records and other composed element types are not supported"};
    }
    const size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) return damaged("a quoted text has no end");
    std::string out(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return out;
  }

  Status value(int which, NpyHeader& header) {
    if (which == 0) {
      NBL_TRY(header.descr, quoted());
      return {};
    }
    if (which == 2) return shape(header.shape);
    skip_space();
    const std::string_view rest = text_.substr(at_);
    header.fortran_order = rest.starts_with("True");
    if (!header.fortran_order && !rest.starts_with("False")) return damaged("'fortran_order' must be True or False");
    at_ += header.fortran_order ? 4 : 5;
    return {};
  }

  Status shape(std::vector<int64_t>& out) {
    constexpr size_t kMaxRank = 32;  // NumPy's own limit
    NBL_CHECK(expect('('));
    while (!accept(')')) {
      skip_space();
      const size_t first = at_;
      int64_t size = 0;
      for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
        if (at_ - first >= 18) return damaged("a size has more than 18 digits");
        size = size * 10 + (text_[at_] - '0');
      }
      if (at_ == first) return damaged("'shape' must hold whole numbers");
      if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // written by Python 2
      if (out.size() == kMaxRank) return damaged("'shape' has more than 32 sizes");
      out.push_back(size);
      if (!accept(',')) {
        NBL_CHECK(expect(')'));
        break;
      }
    }
    return {};
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Result<NpyHeader> parse_npy_header(std::string_view text) { return HeaderParser(text).parse(); }

std::string print_npy_header(const NpyHeader& header) {
  std::string shape;
  for (const int64_t size : header.shape) shape += format("%lld, ", static_cast<long long>(size));
  if (header.shape.size() > 1) shape.resize(shape.size() - 2);  // (3, 4) but (3,)
  if (header.shape.size() == 1) shape.pop_back();
  return format("{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }", header.descr.c_str(),
                header.fortran_order ? "True" : "False", shape.c_str());
}

}  // namespace nibble::media
