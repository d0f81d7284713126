// The integer contract node by node: from the same stored integers, a device and the integer oracle make the same
// stored integers, with no step of tolerance.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/text.h"
#include "graph/cost.h"
#include "nibble/session.h"
#include "ops/op.h"
#include "reference/evaluate.h"
#include "runtime/model_internal.h"

namespace nibble::test {

// The tensor as the device left it.
inline Result<reference::Value> device_value(const Session& session, const TensorDesc& desc) {
  auto values = session.read_tensor(desc.name);
  if (!values) return values.error();
  return reference::value_from_bytes<double>(desc, values->bytes);
}

// Empty when all elements are equal.
inline std::string difference(const reference::Value& device, const reference::Value& oracle) {
  size_t wrong = 0, first = 0;
  for (size_t i = 0; i < oracle.stored.size(); ++i) {
    if (device.stored[i] == oracle.stored[i]) continue;
    if (wrong++ == 0) first = i;
  }
  if (wrong == 0) return "";
  return format("%zu of %zu differ; element %zu is %lld, expected %lld", wrong, oracle.stored.size(), first,
                static_cast<long long>(device.stored[first]), static_cast<long long>(oracle.stored[first]));
}

// Runs `bound` (fixed shapes; a value for each of its float inputs) on the device and every integer node of it on the
// oracle, from what the device gave that node. Returns the number of nodes that were compared.
inline size_t expect_equal_integer_nodes(Graph bound, const std::vector<std::vector<float>>& inputs) {
  for (size_t i = 0; i < bound.tensors.size(); ++i) {  // read back by name
    if (!bound.tensors[i].is_constant()) bound.tensors[i].desc.name = "t" + std::to_string(i);
  }
  const auto device = Device::create();
  EXPECT_TRUE(device) << device.error().message;
  const auto model = make_model(bound);
  EXPECT_TRUE(model) << model.error().message;
  if (!device || !model) return 0;
  SessionOptions options;
  options.keep_all = true;
  auto session = Session::create(*device, *model, options);
  EXPECT_TRUE(session) << session.error().message;
  if (!session) return 0;
  for (size_t i = 0; i < inputs.size(); ++i)
    EXPECT_TRUE(session->write(session->inputs()[i].name, std::span<const float>(inputs[i])));
  const Status ran = session->run();
  EXPECT_TRUE(ran) << ran.error().message;

  size_t compared = 0;
  for (const Node& node : bound.nodes) {
    if (!ran || !is_integer_node(bound, node)) continue;
    std::vector<reference::Value> values;
    values.reserve(node.inputs.size());
    std::vector<const reference::Value*> pointers;
    for (TensorId id : node.inputs) {
      const bool fed = id != kNoTensor && !bound.tensor(id).is_constant();
      if (fed) {
        auto value = device_value(*session, bound.desc(id));
        EXPECT_TRUE(value) << value.error().message;
        if (!value) return compared;
        values.push_back(std::move(*value));
      }
      pointers.push_back(fed ? &values.back() : nullptr);
    }
    const auto expected = reference::evaluate_node<double>(bound, node, pointers);
    const auto found = device_value(*session, bound.desc(node.outputs[0]));
    EXPECT_TRUE(expected && found) << op_name(node) << " '" << node.name << "'";
    if (!expected || !found) return compared;
    EXPECT_EQ(difference(*found, (*expected)[0]), "") << op_name(node) << " '" << node.name << "'";
    ++compared;
  }
  return compared;
}

}  // namespace nibble::test
