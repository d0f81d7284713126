#include <cstring>

#include "converter/onnx/importer.h"

namespace nibble::onnx_import {

// Several ONNX operators share a function, so each is declared once per row: redeclaring is allowed.
#define NBL_ONNX(name, function) Status function(NodeContext&);
#define NBL_ONNX_MICROSOFT(name, function) Status function(NodeContext&);
#include "converter/onnx/operators.inc"
#undef NBL_ONNX
#undef NBL_ONNX_MICROSOFT

namespace {

struct Row {
  const char* domain;
  const char* name;
  ImportFunction function;
};
constexpr Row kRows[] = {
#define NBL_ONNX(name, function) {"", #name, function},
#define NBL_ONNX_MICROSOFT(name, function) {kMicrosoft, #name, function},
#include "converter/onnx/operators.inc"
#undef NBL_ONNX
#undef NBL_ONNX_MICROSOFT
};

}  // namespace

ImportFunction find_import_function(const std::string& domain, const std::string& operator_type) {
  for (const Row& row : kRows) {
    if (operator_type == row.name && domain == row.domain) return row.function;
  }
  return nullptr;
}

std::vector<std::string> supported_operators(const std::string& domain) {
  std::vector<std::string> out;
  for (const Row& row : kRows) {
    if (domain == row.domain) out.push_back(row.name);
  }
  return out;
}

// Operators that only ever serve shape arithmetic here: fold_integers() has not been able to compute this one.
Status import_known_only(NodeContext& node) {
  return node.unsupported("supported only on integers that are known when converting");
}

}  // namespace nibble::onnx_import
