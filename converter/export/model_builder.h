// Builds an ONNX model node by node: constants, names that do not clash, attributes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "graph/graph.h"
#include "nibble/result.h"

namespace nibble::onnx_export {

// TensorProto.DataType of ONNX.
enum class ElementType : int32_t {
  float32 = 1,
  uint8 = 2,
  int8 = 3,
  int32 = 6,
  int64 = 7,
  boolean = 9,
  float16 = 10,
};

using Names = std::vector<std::string>;
using Attribute =
    std::pair<std::string, std::variant<int64_t, float, std::string, std::vector<int64_t>, std::vector<float>>>;
using Attributes = std::vector<Attribute>;

class ModelBuilder {
 public:
  explicit ModelBuilder(int64_t opset);
  ~ModelBuilder();
  ModelBuilder(const ModelBuilder&) = delete;
  ModelBuilder& operator=(const ModelBuilder&) = delete;

  // Constants keep their names and sizes alone: for finding out what cannot be written.
  void leave_out_data() { keeps_data_ = false; }

  // A name that nothing else has yet: `wish`, or `wish` with a number behind it.
  std::string unique(const std::string& wish);

  void input(const std::string& name, ElementType type, const Shape& shape);
  void output(const std::string& name, ElementType type, const Shape& shape);

  // Constants; each gives the name that it got.
  std::string constant(const std::string& wish, ElementType type, const std::vector<int64_t>& dims,
                       std::span<const std::byte> bytes);
  template <class T>
  std::string constant(const std::string& wish, const std::vector<int64_t>& dims, const std::vector<T>& values) {
    return constant(wish, type_of(T{}), dims, std::as_bytes(std::span(values)));
  }
  std::string scalar(const std::string& wish, float value) { return constant<float>(wish, {}, {value}); }

  // Adds a node with one output and gives that output's name: `output` as it is (make it unique before).
  std::string node(std::string_view type, const Names& inputs, const std::string& output,
                   const Attributes& attributes = {}, const std::string& name = "");

  void metadata(const std::string& key, const std::string& value);
  // An error beyond the 2 GB that a protobuf message may have.
  Result<std::string> bytes() const;

 private:
  static ElementType type_of(float) { return ElementType::float32; }
  static ElementType type_of(int8_t) { return ElementType::int8; }
  static ElementType type_of(uint8_t) { return ElementType::uint8; }
  static ElementType type_of(int32_t) { return ElementType::int32; }
  static ElementType type_of(int64_t) { return ElementType::int64; }

  struct Proto;
  std::unique_ptr<Proto> proto_;
  std::set<std::string> names_;       // of tensors
  std::set<std::string> node_names_;  // no two nodes of a model are called the same either
  uint64_t constant_bytes_ = 0;
  bool keeps_data_ = true;
};

}  // namespace nibble::onnx_export
