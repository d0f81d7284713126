#include "format/attributes.h"

#include <bit>

#include "core/text.h"
#include "core/try.h"
#include "ops/op.h"

namespace nibble {
namespace {

const char* type_name(const AttributeValue& value) {
  static constexpr const char* kNames[] = {"boolean",          "integer",         "number",
                                           "list of integers", "list of numbers", "shape"};
  return kNames[value.index()];
}

class Collector {
 public:
  template <class T>
  void operator()(const char* name, const T& field) {
    if constexpr (std::is_enum_v<T>) {
      out.push_back({name, static_cast<int32_t>(field)});
    } else {
      out.push_back({name, field});
    }
  }
  std::vector<Attribute> out;
};

// Floats by their bits, so that -0 and NaN are kept as well.
bool same(const AttributeValue& a, const AttributeValue& b) {
  const float* x = std::get_if<float>(&a);
  const float* y = std::get_if<float>(&b);
  if (x && y) return std::bit_cast<uint32_t>(*x) == std::bit_cast<uint32_t>(*y);
  return a == b;
}

class Setter {
 public:
  explicit Setter(const std::vector<Attribute>& attributes)
      : attributes_(attributes), used_(attributes.size(), false) {}

  template <class T>
  void operator()(const char* name, T& field) {
    bool found = false;
    for (size_t i = 0; i < attributes_.size(); ++i) {
      if (attributes_[i].name != name) continue;
      if (found) fail(Code::corrupt_file, attributes_[i], "is given twice");
      found = used_[i] = true;
      set(attributes_[i], field);
    }
  }

  Status finish() {
    for (size_t i = 0; i < attributes_.size(); ++i) {
      if (used_[i] || attributes_[i].optional) continue;
      fail(Code::unsupported_version, attributes_[i], "is not known to this version of nibble");
    }
    return status_;
  }

 private:
  template <class T>
  void set(const Attribute& attribute, T& field) {
    using Stored = std::conditional_t<std::is_enum_v<T>, int32_t, T>;
    const Stored* value = std::get_if<Stored>(&attribute.value);
    if (!value) {
      const AttributeValue expected = Stored{};
      return fail(Code::unsupported_version, attribute,
                  format("is a %s, a %s was expected", type_name(attribute.value), type_name(expected)));
    }
    if constexpr (std::is_enum_v<T>) {
      if constexpr (std::is_same_v<T, UnaryKind> || std::is_same_v<T, BinaryKind>) {
        if (!is_valid(static_cast<T>(*value))) {
          return fail(Code::unsupported_version, attribute, format("has the unknown value %d", *value));
        }
      }
      field = static_cast<T>(*value);
    } else {
      field = *value;
    }
  }

  void fail(Code code, const Attribute& attribute, const std::string& what) {
    if (!status_) return;
    status_ = Error{code, format("attribute '%s' %s", std::string(attribute.name).c_str(), what.c_str())};
  }

  const std::vector<Attribute>& attributes_;
  std::vector<bool> used_;
  Status status_;
};

}  // namespace

std::vector<Attribute> changed_attributes(const Op& op) {
  return visit_op(op, [](auto concrete) {
    Collector defaults, actual;
    decltype(concrete){}.visit(defaults);
    concrete.visit(actual);
    std::vector<Attribute> out;
    for (size_t i = 0; i < actual.out.size(); ++i) {
      if (!same(actual.out[i].value, defaults.out[i].value)) out.push_back(std::move(actual.out[i]));
    }
    return out;
  });
}

Status set_attributes(Op& op, const std::vector<Attribute>& attributes) {
  return std::visit(
      [&](auto& concrete) -> Status {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(concrete)>, std::monostate>) {
          return Error{Code::internal, "attributes set on no operator"};
        } else {
          Setter setter(attributes);
          concrete.visit(setter);
          return setter.finish();
        }
      },
      op.value);
}

}  // namespace nibble
