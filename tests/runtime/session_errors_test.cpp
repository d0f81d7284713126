// What a session refuses, and what it says then.
#include <cstdlib>
#include <filesystem>
#include <random>

#include "networks.h"
#include "ops/op.h"
#include "session_fixture.h"

namespace nibble::test {
namespace {

TEST_F(SessionTest, a_wrong_name_lists_what_the_model_has) {
  Session s = session(model(residual_network()));
  const std::vector<float> values(3 * 9 * 7);
  expect_error(s.write("image", std::span<const float>(values)), Code::not_found,
               {"no input 'image'", "'x' f32 [1, 3, 9, 7]"});
  std::vector<float> out(6 * 9 * 7);
  expect_ok(s.run());
  expect_error(s.read("logits", std::span<float>(out)), Code::not_found,
               {"no output 'logits'", "'sum' f32 [1, 6, 9, 7]"});
  expect_error(s.read_tensor("nowhere"), Code::not_found, {"nowhere"});
}

TEST_F(SessionTest, an_empty_name_is_refused_where_there_are_several) {
  Graph graph = identity_network(DType::f32, {2});
  TensorDesc second;
  second.name = "y";
  second.shape = {2};
  graph.inputs.push_back(graph.add_tensor(second));
  Session s = session(model(std::move(graph)));
  const std::vector<float> values(2);
  expect_error(s.write("", std::span<const float>(values)), Code::invalid_argument, {"2 inputs", "'x'", "'y'"});
}

TEST_F(SessionTest, a_wrong_type_names_both) {
  Session s = session(model(residual_network()));
  const std::vector<uint8_t> bytes(3 * 9 * 7);
  expect_error(s.write("x", std::span<const uint8_t>(bytes)), Code::invalid_argument, {"'x'", "f32", "u8"});
  std::vector<int32_t> out(6 * 9 * 7);
  expect_ok(s.run());
  expect_error(s.read("sum", std::span<int32_t>(out)), Code::invalid_argument, {"'sum'", "f32", "i32"});
}

TEST_F(SessionTest, a_wrong_number_of_elements_names_both) {
  Session s = session(model(residual_network()));
  const std::vector<float> values(3 * 9 * 7 - 1);
  expect_error(s.write("x", std::span<const float>(values)), Code::invalid_argument, {"189", "188", "[1, 3, 9, 7]"});
}

TEST_F(SessionTest, values_beyond_32_bits_are_refused) {
  Session s = session(model(identity_network(DType::i64, {3})));
  const std::vector<int64_t> values = {1, int64_t{1} << 40, 2};
  expect_error(s.write("x", std::span<const int64_t>(values)), Code::invalid_argument, {"element 1", "1099511627776"});
}

TEST_F(SessionTest, reading_before_the_first_run_is_refused) {
  Session s = session(model(residual_network()));
  std::vector<float> out(6 * 9 * 7);
  expect_error(s.read("sum", std::span<float>(out)), Code::invalid_argument, {"before"});
}

TEST_F(SessionTest, a_run_in_flight_keeps_everything_else_away) {
  Session s = session(model(residual_network()));
  std::vector<float> values(3 * 9 * 7), out(6 * 9 * 7);
  expect_ok(s.submit());
  expect_error(s.write("x", std::span<const float>(values)), Code::invalid_argument, {"wait()"});
  expect_error(s.read("sum", std::span<float>(out)), Code::invalid_argument, {"wait()"});
  expect_error(s.submit(), Code::invalid_argument, {"wait()"});
  expect_error(s.bind_dims({{"N", 2}}), Code::invalid_argument, {"wait()"});
  auto done = s.wait();
  ASSERT_TRUE(done);
  EXPECT_TRUE(*done);
  expect_ok(s.write("x", std::span<const float>(values)));
}

TEST_F(SessionTest, a_session_may_go_while_it_runs) {
  Session s = session(model(deep_network(20)));
  expect_ok(s.submit());
}

TEST_F(SessionTest, an_unknown_dimension_names_those_there_are) {
  SessionOptions options;
  options.dims = {{"batch", 2}};
  expect_error(Session::create(device(), model(residual_network()), options), Code::invalid_argument, {"batch", "N"});
  Session s = session(model(residual_network()));
  expect_error(s.bind_dims({{"N", 0}}), Code::invalid_argument, {"N"});
  expect_error(s.bind_dims({{"M", 1}}), Code::invalid_argument, {"M", "N"});
  // And the session is as it was.
  EXPECT_EQ(s.inputs()[0].shape, (std::vector<int64_t>{1, 3, 9, 7}));
  expect_ok(s.run());
}

TEST_F(SessionTest, the_memory_limit_is_checked_before_anything_is_allocated) {
  const Model network = model(residual_network());
  const uint64_t needed = session(network).memory().total();
  const uint64_t before = stats().allocations;
  SessionOptions options;
  options.memory_limit = needed - 1;
  expect_error(Session::create(device(), network, options), Code::out_of_memory,
               {std::to_string(needed), std::to_string(needed - 1)});
  EXPECT_EQ(stats().allocations, before);
  options.memory_limit = needed;
  EXPECT_TRUE(Session::create(device(), network, options));
}

// A device that says it has just the memory that one session needs, beside the weights that a second one shares.
TEST_F(SessionTest, a_model_beyond_the_devices_memory_is_refused_before_any_upload) {
  const Model network = model(deep_network(10));
  const MemoryUse use = session(network).memory();
  const auto with_memory = [](uint64_t bytes) {
    const std::string before = std::getenv("NIBBLE_CAPS_MASK") ? std::getenv("NIBBLE_CAPS_MASK") : "";
    const std::string mask = (before.empty() ? "" : before + ",") + "memory_bytes=" + std::to_string(bytes);
    setenv("NIBBLE_CAPS_MASK", mask.c_str(), 1);
    auto made = Device::create();
    setenv("NIBBLE_CAPS_MASK", before.c_str(), 1);
    EXPECT_TRUE(made) << made.error().message;
    return std::move(made).value();
  };
  const Device small = with_memory(use.total() - 1);
  const auto used = [](const Device& d) { return d.state()->gpu.stats(); };
  expect_error(Session::create(small, network), Code::out_of_memory,
               {std::to_string(use.total()), std::to_string(use.total() - 1), small.name()});
  EXPECT_EQ(used(small).uploaded_bytes, 0u);
  EXPECT_EQ(used(small).pipelines, 0u);
  EXPECT_EQ(used(small).allocations, 0u);

  const Device enough = with_memory(2 * use.total() - use.weights);
  const auto first = Session::create(enough, network), second = Session::create(enough, network);
  EXPECT_TRUE(first);
  EXPECT_TRUE(second);
  const uint64_t uploaded = used(enough).uploaded_bytes;
  expect_error(Session::create(enough, network), Code::out_of_memory, {std::to_string(use.total()), "in use"});
  EXPECT_EQ(used(enough).uploaded_bytes, uploaded);
}

TEST_F(SessionTest, sizes_beyond_the_device_are_refused_with_both_numbers) {
  Session s = session(model(residual_network()));
  auto bound = s.bind_dims({{"N", 2'000'000}});  // 1.5 GB of input
  expect_error(bound, Code::unsupported_device, {"bytes", device().name()});
  expect_ok(s.run());
}

// Each size is one that a dimension may have; the number of elements is 2^64 + 4.
TEST_F(SessionTest, more_elements_than_can_be_counted_are_refused) {
  Graph g;
  TensorDesc x;
  x.name = "x";
  x.shape = {Dim::symbol("A"), Dim::symbol("B"), Dim::symbol("C"), Dim::symbol("D")};
  g.inputs = {g.add_tensor(x)};
  const auto node = g.add_node("y", Unary{UnaryKind::relu}, {g.inputs[0]});
  ASSERT_TRUE(node) << node.error().message;
  g.outputs = {g.nodes[0].outputs[0]};
  SessionOptions options;
  options.dims = {{"A", 384773}, {"B", 49477}, {"C", 34724}, {"D", 27905}};
  expect_error(Session::create(device(), model(std::move(g)), options), Code::invalid_argument, {"'x'", "elements"});
}

TEST_F(SessionTest, an_unknown_kernel_is_refused_by_name) {
  SessionOptions options;
  options.kernels = "conv2d=conv2d_of_dreams";
  expect_error(Session::create(device(), model(residual_network()), options), Code::invalid_argument,
               {"conv2d_of_dreams"});
}

TEST_F(SessionTest, an_inner_tensor_is_hidden_unless_all_are_kept) {
  Session s = session(model(residual_network()));
  expect_ok(s.run());
  expect_error(s.read_tensor("first"), Code::invalid_argument, {"first", "keep_all"});
  EXPECT_TRUE(s.read_tensor("sum"));
}

TEST_F(SessionTest, a_device_that_does_not_exist_is_not_found) {
  DeviceOptions options;
  options.select = "the device of dreams";
  expect_error(Device::create(options), Code::not_found, {"the device of dreams", device().name()});
  options.select = "77";
  expect_error(Device::create(options), Code::not_found, {"77"});
}

TEST_F(SessionTest, the_pipeline_cache_is_kept_where_the_user_says) {
  const auto path = std::filesystem::temp_directory_path() /
                    ("nibble-pipelines-" + std::to_string(std::random_device()()) + ".cache");
  DeviceOptions options;
  options.pipeline_cache = path.string();
  {
    auto cached = Device::create(options);
    ASSERT_TRUE(cached) << cached.error().message;
    ASSERT_TRUE(Session::create(*cached, model(residual_network())));
    EXPECT_FALSE(std::filesystem::exists(path));
    expect_ok(cached->save_pipeline_cache());
    EXPECT_TRUE(std::filesystem::exists(path));
  }
  auto again = Device::create(options);
  ASSERT_TRUE(again) << again.error().message;
  auto s = Session::create(*again, model(residual_network()));
  ASSERT_TRUE(s) << s.error().message;
  expect_ok(s->run());
  std::filesystem::remove(path);
}

TEST_F(SessionTest, files_that_are_no_models_are_refused) {
  const std::vector<std::byte> text(100, std::byte{'a'});
  expect_error(Model::load(text), Code::corrupt_file, {});
  expect_error(Model::load(std::span<const std::byte>()), Code::corrupt_file, {});
  expect_error(Model::load("/nowhere/at/all.nbl"), Code::not_found, {"/nowhere/at/all.nbl"});
}

}  // namespace
}  // namespace nibble::test
