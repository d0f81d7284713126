// What a session computes, and for which networks.
#include <algorithm>
#include <cstring>
#include <limits>
#include <thread>

#include "format/writer.h"
#include "networks.h"
#include "ops/op.h"
#include "session_fixture.h"

namespace nibble::test {
namespace {

std::vector<float> run(Session& session, const std::vector<float>& input) {
  expect_ok(session.write("x", std::span<const float>(input)));
  expect_ok(session.run());
  std::vector<float> output(session.outputs()[0].elements());
  expect_ok(session.read(session.outputs()[0].name, std::span<float>(output)));
  return output;
}

Graph bound(const Graph& graph, const DimBindings& dims) {
  auto out = bind_dims(graph, dims);
  EXPECT_TRUE(out) << out.error().message;
  return std::move(out).value();
}

TEST_F(SessionTest, a_residual_network_gives_what_the_oracle_gives) {
  const Graph graph = residual_network();
  Session s = session(model(graph));
  for (uint32_t seed = 1; seed <= 3; ++seed) {
    const auto input = some_values(3 * 9 * 7, seed);
    expect_close(run(s, input), expected_output(bound(graph, {}), input), kFp32Tolerance);
  }
}

TEST_F(SessionTest, integers_are_those_of_the_integer_oracle) {
  const Graph graph = integer_network();
  for (const char* kernels : {"", "conv2d=conv2d_w8_i8_shift", "conv2d=conv2d_w8_i8_f32"}) {
    SessionOptions options;
    options.kernels = kernels;
    options.dims = {{"N", 2}};
    Session s = session(model(graph), options);
    const std::string row = std::string(kernels).substr(std::string(kernels).find('=') + 1);
    EXPECT_NE(s.plan_text().find(row), std::string::npos) << s.plan_text();
    EXPECT_TRUE(s.inputs()[0].quantized);
    EXPECT_EQ(s.inputs()[0].zero_point, 3);
    std::vector<int8_t> in, out(s.outputs()[0].elements());
    for (float value : some_values(2 * 5 * 6 * 6, 3)) in.push_back(static_cast<int8_t>(value * 127));
    expect_ok(s.write("x", std::span<const int8_t>(in)));
    expect_ok(s.run());
    expect_ok(s.read("pool", std::span<int8_t>(out)));
    EXPECT_EQ(out, expected_output(bound(graph, options.dims), in)) << kernels;
  }
}

TEST_F(SessionTest, activations_that_share_memory_do_not_disturb_each_other) {
  const Graph graph = deep_network(30);
  Session s = session(model(graph));
  EXPECT_LT(s.memory().activations, 30u * 8 * 9 * 7 * 4);
  const auto input = some_values(3 * 9 * 7, 9);
  expect_close(run(s, input), expected_output(bound(graph, {}), input), 1e-4f);
}

TEST_F(SessionTest, dimensions_can_be_bound_anew) {
  const Graph graph = residual_network();
  SessionOptions options;
  options.dims = {{"N", 2}};
  Session s = session(model(graph), options);
  EXPECT_EQ(s.inputs()[0].shape, (std::vector<int64_t>{2, 3, 9, 7}));
  EXPECT_EQ(s.inputs()[0].dims, (std::vector<std::string>{"N", "3", "9", "7"}));
  for (int64_t n : {5, 1, 2}) {
    expect_ok(s.bind_dims({{"N", n}}));
    EXPECT_EQ(s.outputs()[0].shape, (std::vector<int64_t>{n, 6, 9, 7}));
    const auto input = some_values(static_cast<size_t>(n) * 3 * 9 * 7, 4);
    expect_close(run(s, input), expected_output(bound(graph, {{"N", n}}), input), kFp32Tolerance);
  }
}

TEST_F(SessionTest, inputs_are_zero_at_first_and_keep_their_values) {
  Session s = session(model(identity_network(DType::f32, {5})));
  std::vector<float> out(5, 1.0f);
  expect_ok(s.run());
  expect_ok(s.read("x", std::span<float>(out)));
  EXPECT_EQ(out, std::vector<float>(5, 0.0f));
  const std::vector<float> in = {1, 2, 3, 4, 5};
  expect_ok(s.write("x", std::span<const float>(in)));
  expect_ok(s.run());
  expect_ok(s.run());
  expect_ok(s.read("x", std::span<float>(out)));
  EXPECT_EQ(out, in);
}

template <class T>
void expect_round_trip(Session s, std::vector<T> values) {
  expect_ok(s.write("", std::span<const T>(values)));
  expect_ok(s.run());
  std::vector<T> out(values.size());
  expect_ok(s.read("", std::span<T>(out)));
  EXPECT_EQ(out, values);
}

TEST_F(SessionTest, every_type_goes_in_and_out_unchanged) {
  const auto of = [&](DType type) { return session(model(identity_network(type, {1, 3, 7}))); };
  std::vector<uint8_t> bytes;
  std::vector<int8_t> signed_bytes;
  std::vector<uint16_t> halves;
  std::vector<int32_t> words;
  std::vector<int64_t> long_words;
  for (int i = 0; i < 21; ++i) {
    bytes.push_back(static_cast<uint8_t>(255 - 11 * i));
    signed_bytes.push_back(static_cast<int8_t>(127 - 12 * i));
    halves.push_back(static_cast<uint16_t>(0x3c00 + 37 * i));
    words.push_back(i % 2 ? std::numeric_limits<int32_t>::max() - i : std::numeric_limits<int32_t>::min() + i);
    long_words.push_back(words.back());
  }
  expect_round_trip(of(DType::f32), some_values(21, 3));
  expect_round_trip(of(DType::u8), bytes);
  expect_round_trip(of(DType::i8), signed_bytes);
  expect_round_trip(of(DType::f16), halves);
  expect_round_trip(of(DType::i32), words);
  expect_round_trip(of(DType::i64), long_words);
  expect_round_trip(of(DType::boolean), std::vector<uint8_t>(21, 1));
}

TEST_F(SessionTest, a_constant_can_be_an_output) {
  Graph graph = identity_network(DType::f32, {3});
  TensorDesc desc;
  desc.name = "constant";
  desc.shape = {2, 3};
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  graph.outputs.push_back(graph.add_constant(desc, ConstantData::of(values)));
  Session s = session(model(std::move(graph)));
  expect_ok(s.run());
  std::vector<float> out(6);
  expect_ok(s.read("constant", std::span<float>(out)));
  EXPECT_EQ(out, values);
}

TEST_F(SessionTest, outputs_may_be_inner_tensors_and_repeat) {
  Graph graph = residual_network();
  const TensorId first = graph.nodes[0].outputs[0];
  graph.outputs = {graph.outputs[0], first, first, graph.inputs[0]};
  Session s = session(model(graph));
  ASSERT_EQ(s.outputs().size(), 4u);
  const auto input = some_values(3 * 9 * 7, 8);
  graph.outputs = {first};
  const auto expected = expected_output(bound(graph, {}), input);
  run(s, input);
  std::vector<float> out(6 * 9 * 7), same(3 * 9 * 7);
  expect_ok(s.read(graph.desc(first).name, std::span<float>(out)));
  expect_close(out, expected, kFp32Tolerance);
  expect_ok(s.read("x", std::span<float>(same)));
  EXPECT_EQ(same, input);
}

TEST_F(SessionTest, a_reshape_that_cuts_blocks_keeps_the_elements) {
  Graph graph = identity_network(DType::f32, {1, 6, 5, 3});
  Reshape reshape;
  reshape.shape = {3, 30};
  auto node = graph.add_node("flat", reshape, {graph.inputs[0]});
  ASSERT_TRUE(node) << node.error().message;
  graph.outputs = {graph.nodes[0].outputs[0]};
  Session s = session(model(std::move(graph)));
  const auto input = some_values(90, 5);
  EXPECT_EQ(run(s, input), input);
}

TEST_F(SessionTest, an_input_that_nothing_reads_can_be_written) {
  Graph graph = residual_network();
  TensorDesc desc;
  desc.name = "unused";
  desc.shape = {4};
  graph.inputs.push_back(graph.add_tensor(desc));
  Session s = session(model(graph));
  const std::vector<float> values(4, 1.0f);
  expect_ok(s.write("unused", std::span<const float>(values)));
  const auto input = some_values(3 * 9 * 7, 1);
  EXPECT_EQ(run(s, input).size(), 6u * 9 * 7);
}

TEST_F(SessionTest, a_file_gives_the_same_as_the_graph) {
  const Graph graph = residual_network();
  auto bytes = model_bytes(graph);
  ASSERT_TRUE(bytes) << bytes.error().message;
  auto loaded = Model::load(*bytes);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->free_dims(), std::vector<std::string>{"N"});
  Session from_file = session(*loaded), from_graph = session(model(graph));
  const auto input = some_values(3 * 9 * 7, 2);
  EXPECT_EQ(run(from_file, input), run(from_graph, input));
}

TEST_F(SessionTest, submit_and_wait_give_the_same_as_run) {
  Session s = session(model(residual_network()));
  const auto input = some_values(3 * 9 * 7, 6);
  const auto expected = run(s, input);
  std::vector<float> out(expected.size());
  expect_ok(s.submit());
  auto done = s.wait(std::chrono::nanoseconds(0));
  ASSERT_TRUE(done) << done.error().message;
  while (!*done) done = s.wait(std::chrono::milliseconds(20));
  expect_ok(s.read("sum", std::span<float>(out)));
  EXPECT_EQ(out, expected);
  auto idle = s.wait();
  ASSERT_TRUE(idle);
  EXPECT_TRUE(*idle);
}

TEST_F(SessionTest, two_threads_run_two_sessions_of_one_model) {
  const Graph graph = residual_network();
  const Model shared = model(graph);
  const auto work = [&](uint32_t seed, bool& same) {
    auto s = Session::create(device(), shared);
    if (!s) return;
    const auto input = some_values(3 * 9 * 7, seed);
    const auto first = run(*s, input);
    same = true;
    for (int i = 0; i < 20; ++i) same = same && run(*s, input) == first;
  };
  bool same[2] = {};
  std::thread other(work, 1, std::ref(same[0]));
  work(2, same[1]);
  other.join();
  EXPECT_TRUE(same[0]);
  EXPECT_TRUE(same[1]);
}

TEST_F(SessionTest, sessions_made_at_the_same_time_compile_nothing_twice) {
  const auto pipelines_of = [](size_t sessions) {
    auto device = Device::create();
    EXPECT_TRUE(device) << device.error().message;
    const Model network = model(residual_network());
    std::vector<std::thread> threads;
    for (size_t i = 0; i < sessions; ++i) {
      threads.emplace_back([&] { EXPECT_TRUE(Session::create(*device, network)); });
    }
    for (std::thread& thread : threads) thread.join();
    return device->state()->gpu.stats().pipelines;
  };
  EXPECT_EQ(pipelines_of(3), pipelines_of(1));
}

TEST_F(SessionTest, a_session_outlives_the_handles_it_was_made_from) {
  std::optional<Session> s;
  {
    auto other = Device::create();
    ASSERT_TRUE(other);
    const Model network = model(residual_network());
    auto made = Session::create(*other, network);
    ASSERT_TRUE(made) << made.error().message;
    s.emplace(std::move(*made));
  }
  EXPECT_EQ(run(*s, some_values(3 * 9 * 7, 1)).size(), 6u * 9 * 7);
}

TEST_F(SessionTest, every_tensor_can_be_read_where_all_are_kept) {
  const Graph graph = residual_network();
  SessionOptions options;
  options.keep_all = true;
  Session s = session(model(graph), options);
  const auto input = some_values(3 * 9 * 7, 7);
  const auto sum = run(s, input);
  for (const Node& node : graph.nodes) {
    Graph part = graph;
    part.outputs = {node.outputs[0]};
    auto values = s.read_tensor(graph.desc(node.outputs[0]).name);
    ASSERT_TRUE(values) << values.error().message;
    EXPECT_EQ(values->info.shape, (std::vector<int64_t>{1, 6, 9, 7}));
    std::vector<float> floats(values->info.elements());
    ASSERT_EQ(values->bytes.size(), floats.size() * 4);
    std::memcpy(floats.data(), values->bytes.data(), values->bytes.size());
    expect_close(floats, expected_output(bound(part, {}), input), kFp32Tolerance);
  }
  auto fed = s.read_tensor("x");
  ASSERT_TRUE(fed);
  EXPECT_EQ(std::memcmp(fed->bytes.data(), input.data(), fed->bytes.size()), 0);
  const auto names = s.tensor_names();
  for (const char* name : {"x", "first", "second", "sum", "first.bias"}) {
    EXPECT_NE(std::find(names.begin(), names.end(), name), names.end()) << name;
  }
}

}  // namespace
}  // namespace nibble::test
