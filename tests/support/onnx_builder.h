// Makes ONNX models in memory, for tests of the importer.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "converter/onnx/import.h"

namespace nibble::test {

// Element types by their numbers in ONNX.
inline constexpr int32_t kOnnxFloat = 1, kOnnxUint8 = 2, kOnnxInt8 = 3, kOnnxInt32 = 6, kOnnxInt64 = 7, kOnnxBool = 9;

using OnnxShape = std::vector<int64_t>;
using OnnxNames = std::vector<std::string>;

class OnnxBuilder;

struct OnnxAttribute {
  std::string name;
  // A builder stands for its graph: the branch of an If.
  std::variant<int64_t, float, std::string, std::vector<int64_t>, std::vector<float>, const OnnxBuilder*> value;
};

class OnnxBuilder {
 public:
  explicit OnnxBuilder(int64_t opset = 17);
  ~OnnxBuilder();
  OnnxBuilder(OnnxBuilder&&) noexcept;

  // Dimensions as text: numbers, names, or "" for one that has neither.
  OnnxBuilder& input(const std::string& name, const OnnxNames& dims, int32_t type = kOnnxFloat);
  OnnxBuilder& output(const std::string& name);
  OnnxBuilder& floats(const std::string& name, const OnnxShape& shape, const std::vector<float>& values);
  OnnxBuilder& integers(const std::string& name, const OnnxShape& shape, const std::vector<int64_t>& values,
                        int32_t type = kOnnxInt64);
  // A float constant whose values lie in a file; entries such as {"location", "w.bin"}.
  OnnxBuilder& external(const std::string& name, const OnnxShape& shape,
                        const std::vector<std::pair<std::string, std::string>>& entries);
  OnnxBuilder& node(const std::string& type, const OnnxNames& inputs, const OnnxNames& outputs,
                    const std::vector<OnnxAttribute>& attributes = {}, const std::string& name = "",
                    const std::string& domain = "");

  std::string bytes() const;
  Result<onnx_import::Imported> import(const DimBindings& fixed = {}, const std::string& folder = "") const;
  // The graph, or every obstacle as one error.
  Result<Graph> graph(const DimBindings& fixed = {}) const;
  // What stands in the way, one line each; empty when nothing does.
  std::string problem() const;

 private:
  struct Proto;
  std::unique_ptr<Proto> proto_;
};

}  // namespace nibble::test
