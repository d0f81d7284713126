// A plan that fuses gives the bits of one that does not (keep_all).
#include <cstring>

#include "core/half.h"
#include "networks.h"
#include "ops/op.h"
#include "random_network.h"
#include "session_fixture.h"

namespace nibble::test {
namespace {

using Outputs = std::vector<std::vector<std::byte>>;

std::vector<std::byte> some_input(const TensorInfo& info, uint32_t seed) {
  std::vector<std::byte> bytes;
  for (float value : some_values(info.elements(), seed)) {
    const auto number = static_cast<int8_t>(value * 127);
    const uint16_t half = half_from_float(value);
    const void* first = info.type == DType::i8    ? static_cast<const void*>(&number)
                        : info.type == DType::f16 ? static_cast<const void*>(&half)
                                                  : static_cast<const void*>(&value);
    const size_t size = info.type == DType::i8 ? 1 : info.type == DType::f16 ? 2 : 4;
    bytes.insert(bytes.end(), static_cast<const std::byte*>(first), static_cast<const std::byte*>(first) + size);
  }
  return bytes;
}

template <class T>
void run_as(Session& session, const std::vector<std::byte>& input, Outputs& outputs) {
  std::vector<T> values(input.size() / sizeof(T));
  std::memcpy(values.data(), input.data(), input.size());
  expect_ok(session.write("x", std::span<const T>(values)));
  expect_ok(session.run());
  expect_ok(session.run());  // again, over what the first run left in the activations
  for (const TensorInfo& info : session.outputs()) {
    std::vector<T> out(info.elements());
    expect_ok(session.read(info.name, std::span<T>(out)));
    const auto bytes = std::as_bytes(std::span(out));
    outputs.emplace_back(bytes.begin(), bytes.end());
  }
}

Outputs run(Session& session, uint32_t seed) {
  Outputs outputs;
  const TensorInfo& info = session.inputs()[0];
  const std::vector<std::byte> input = some_input(info, seed);
  if (info.type == DType::i8) run_as<int8_t>(session, input, outputs);
  if (info.type == DType::f16) run_as<uint16_t>(session, input, outputs);
  if (info.type == DType::f32) run_as<float>(session, input, outputs);
  return outputs;
}

size_t count(const std::string& text, std::string_view part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

class FusionTest : public SessionTest {
 protected:
  struct Saved {
    size_t nodes = 0, copies = 0, depthwise_lanes = 0;
  };

  static void compare(DType type, int64_t batch, int64_t size, uint32_t seed, Saved& saved) {
    const Model network = model(random_network(type, batch, size, seed));
    SessionOptions apart;
    apart.keep_all = true;
    Session unfused = session(network, apart), fused = session(network);
    const Outputs expected = run(unfused, seed), found = run(fused, seed);
    EXPECT_EQ(count(unfused.plan_text(), " + "), 0u);
    EXPECT_EQ(expected.size(), found.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_TRUE(expected[i] == found[i])
          << "output " << i << " of seed " << seed << ", " << to_string(type) << ", batch " << batch << "\n"
          << fused.plan_text();
    }
    saved.nodes += count(fused.plan_text(), " + ");
    saved.depthwise_lanes += count(fused.plan_text(), "conv2d_depthwise_w8_i8_lanes");
    saved.copies += count(unfused.plan_text(), "  copy_") - count(fused.plan_text(), "  copy_");
  }

  static Saved compare_many(DType type, int64_t batch, uint32_t seeds, int64_t size = 8) {
    Saved saved;
    for (uint32_t seed = 1; seed <= seeds; ++seed) compare(type, batch, size, seed, saved);
    if (batch == 1) {
      EXPECT_GE(saved.copies, seeds / 6) << "hardly any part of a Concat was written in place";
    }
    EXPECT_GE(saved.nodes, seeds / 2) << "hardly anything was fused: the networks prove nothing";
    return saved;
  }
};

// Linear -> a [1, 10], Linear -> b [1, 6], both joined, and then a is read again: by what counts on zeros behind its
// ten values, where the join puts two of b's.
TEST_F(FusionTest, a_part_that_is_read_after_its_join_keeps_its_spare_lanes) {
  Graph g;
  TensorDesc x;
  x.name = "x";
  x.shape = {1, 16};
  g.inputs = {g.add_tensor(x)};
  const auto linear = [&](const char* name, int64_t outputs, uint32_t seed) {
    TensorDesc weights;
    weights.name = name;
    weights.shape = {outputs, 16};
    const TensorId id = g.add_constant(weights, ConstantData::of(some_values(static_cast<size_t>(outputs) * 16, seed)));
    const auto node = g.add_node(name, Linear{}, {g.inputs[0], id});
    EXPECT_TRUE(node) << node.error().message;
    return g.nodes[static_cast<size_t>(*node)].outputs[0];
  };
  const TensorId a = linear("a", 10, 1), b = linear("b", 6, 2);
  const auto add = [&](const char* name, Op op, std::vector<TensorId> inputs) {
    const auto node = g.add_node(name, std::move(op), std::move(inputs));
    EXPECT_TRUE(node) << node.error().message;
    g.outputs.push_back(g.nodes[static_cast<size_t>(*node)].outputs[0]);
  };
  add("join", Concat{.axis = 1}, {a, b});
  add("norm", LayerNorm{.axis = 1}, {a});
  add("product", MatMul{.transpose_b = true}, {a, a});
  const Model network = model(std::move(g));
  SessionOptions apart;
  apart.keep_all = true;
  Session unfused = session(network, apart), fused = session(network);
  EXPECT_TRUE(run(unfused, 5) == run(fused, 5)) << fused.plan_text();
}

TEST_F(FusionTest, integer_networks_keep_every_bit) { compare_many(DType::i8, 1, 30); }
// Enough tiles for rows whose lanes pass each other weights and tables, and rows of tiles that end between them.
TEST_F(FusionTest, integer_networks_of_wider_images_keep_every_bit) {
  const Saved saved = compare_many(DType::i8, 1, 8, 37);
  const gpu::Caps& caps = device().state()->caps();
  if (caps.has(gpu::Caps::lanes) && caps.subgroup_size == 8) {
    EXPECT_GE(saved.depthwise_lanes, 1u) << "no depthwise layer had its table in lanes";
  } else {
    EXPECT_EQ(saved.depthwise_lanes, 0u);
  }
}
TEST_F(FusionTest, integer_networks_of_batch_2_keep_every_bit) { compare_many(DType::i8, 2, 15); }
TEST_F(FusionTest, fp32_networks_keep_every_bit) { compare_many(DType::f32, 1, 15); }
TEST_F(FusionTest, fp16_networks_keep_every_bit) { compare_many(DType::f16, 2, 15); }

}  // namespace
}  // namespace nibble::test
