// Attributes of any operator as names and typed values, through its visit().
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "graph/graph.h"

namespace nibble {

// Enums are integers here.
using AttributeValue = std::variant<bool, int32_t, float, std::vector<int64_t>, std::vector<float>, Shape>;

struct Attribute {
  std::string_view name;
  AttributeValue value;
  bool optional = false;  // a reader that does not know it may go on without
};

// Those that differ from the initializers of the operator's fields, in visit()'s order.
std::vector<Attribute> changed_attributes(const Op& op);

// Sets the named fields. An attribute that the operator lacks, or one of another type, is unsupported_version unless it
// is optional; the same name twice is corrupt_file.
Status set_attributes(Op& op, const std::vector<Attribute>& attributes);

}  // namespace nibble
