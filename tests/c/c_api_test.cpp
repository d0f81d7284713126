// The C API against the C++ one: same results, same errors, and structures of other versions.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <memory>

#include "format/writer.h"
#include "nibble/nibble.h"
#include "nibble/nibble_c.h"
#include "runtime/networks.h"

namespace nibble::test {
namespace {

constexpr size_t kInput = 3 * 9 * 7, kOutput = 6 * 9 * 7;

// What went wrong, as "code: message"; frees it.
std::string text(nbl_error* error) {
  if (!error) return "";
  std::string out = std::to_string(nbl_error_code(error)) + ": " + nbl_error_message(error);
  nbl_error_free(error);
  return out;
}

template <class T, void (*give_back)(T*)>
struct GiveBack {
  void operator()(T* handle) const { give_back(handle); }
};
template <class T, void (*give_back)(T*)>
using Handle = std::unique_ptr<T, GiveBack<T, give_back>>;
using DeviceHandle = Handle<nbl_device, nbl_device_close>;
using ModelHandle = Handle<nbl_model, nbl_model_free>;
using SessionHandle = Handle<nbl_session, nbl_session_free>;
using Text = Handle<char, nbl_string_free>;

DeviceHandle open_device() {
  nbl_device* device = nullptr;
  EXPECT_EQ(text(nbl_device_open(nullptr, &device)), "");
  return DeviceHandle(device);
}

ModelHandle load(const Graph& graph) {
  const auto bytes = model_bytes(graph);
  nbl_model* model = nullptr;
  EXPECT_EQ(text(nbl_model_load_memory(bytes->data(), bytes->size(), &model)), "");
  return ModelHandle(model);
}

SessionHandle make_session(const DeviceHandle& device, const ModelHandle& model,
                           const nbl_session_options* options = nullptr) {
  nbl_session* session = nullptr;
  EXPECT_EQ(text(nbl_session_create(device.get(), model.get(), options, &session)), "");
  return SessionHandle(session);
}

TEST(CApi, tells_versions) {
  EXPECT_EQ(nbl_c_api_version(), uint32_t{NBL_C_API_VERSION});
  EXPECT_STREQ(nbl_version(), nibble::version());
  EXPECT_EQ(nbl_error_code(nullptr), NBL_OK);
  EXPECT_STREQ(nbl_error_message(nullptr), "");
}

TEST(CApi, lists_the_devices) {
  nbl_device_list* list = nullptr;
  ASSERT_EQ(text(nbl_device_list_create(&list)), "");
  const auto devices = list_devices().value();
  ASSERT_EQ(nbl_device_list_size(list), devices.size());
  for (size_t i = 0; i < devices.size(); ++i) {
    auto info = NBL_INIT(nbl_device_info);
    ASSERT_EQ(text(nbl_device_list_get(list, i, &info)), "");
    EXPECT_EQ(info.name, devices[i].name);
    EXPECT_EQ(info.kind, devices[i].kind);
    EXPECT_EQ(info.memory_bytes, devices[i].memory_bytes);
    EXPECT_EQ(info.problem, devices[i].problem);
  }
  auto info = NBL_INIT(nbl_device_info);
  EXPECT_NE(text(nbl_device_list_get(list, devices.size(), &info)).find("index"), std::string::npos);
  nbl_device_list_free(list);
}

TEST(CApi, runs_as_the_cpp_api_does) {
  const Graph graph = residual_network();
  const auto bytes = model_bytes(graph).value();
  const std::vector<float> in = some_values(kInput, 3);
  std::vector<float> expected(kOutput), got(kOutput);
  {
    Session session = Session::create(Device::create().value(), Model::load(bytes).value()).value();
    ASSERT_TRUE(session.write("x", std::span<const float>(in)));
    ASSERT_TRUE(session.run());
    ASSERT_TRUE(session.read("sum", std::span<float>(expected)));
  }
  SessionHandle session;
  {
    // The session keeps what it needs of both.
    const DeviceHandle device = open_device();
    const ModelHandle model = load(graph);
    session = make_session(device, model);
  }
  ASSERT_EQ(text(nbl_session_write(session.get(), nullptr, NBL_F32, in.data(), in.size())), "");
  ASSERT_EQ(text(nbl_session_run(session.get())), "");
  ASSERT_EQ(text(nbl_session_read(session.get(), "sum", NBL_F32, got.data(), got.size())), "");
  EXPECT_EQ(got, expected);

  std::fill(got.begin(), got.end(), 0.0f);
  ASSERT_EQ(text(nbl_session_submit(session.get())), "");
  int32_t done = 0;
  ASSERT_EQ(text(nbl_session_wait(session.get(), UINT64_MAX, &done)), "");
  EXPECT_EQ(done, 1);
  ASSERT_EQ(text(nbl_session_read(session.get(), nullptr, NBL_F32, got.data(), got.size())), "");
  EXPECT_EQ(got, expected);
}

TEST(CApi, describes_a_model_and_binds_its_dimensions) {
  const DeviceHandle device = open_device();
  const ModelHandle model = load(residual_network());
  ASSERT_EQ(nbl_model_input_count(model.get()), 1u);
  ASSERT_EQ(nbl_model_output_count(model.get()), 1u);
  ASSERT_EQ(nbl_model_free_dim_count(model.get()), 1u);
  EXPECT_STREQ(nbl_model_free_dim(model.get(), 0), "N");
  EXPECT_EQ(nbl_model_free_dim(model.get(), 1), nullptr);
  EXPECT_EQ(nbl_model_metadata(model.get(), "none"), nullptr);
  EXPECT_EQ(nbl_model_metadata_key(model.get(), 1000), nullptr);
  auto info = NBL_INIT(nbl_tensor_info);
  ASSERT_EQ(text(nbl_model_input(model.get(), 0, &info)), "");
  EXPECT_STREQ(info.name, "x");
  EXPECT_EQ(info.type, NBL_F32);
  EXPECT_EQ(std::vector<int64_t>(info.shape, info.shape + info.rank), (std::vector<int64_t>{1, 3, 9, 7}));
  EXPECT_EQ(info.elements, kInput);
  EXPECT_EQ(info.bytes, kInput * 4);
  EXPECT_EQ(info.quantized, 0);

  const nbl_dim two{"N", 2};
  auto options = NBL_INIT(nbl_session_options);
  options.dims = &two;
  options.dim_count = 1;
  const SessionHandle session = make_session(device, model, &options);
  ASSERT_EQ(text(nbl_session_input(session.get(), 0, &info)), "");
  EXPECT_EQ(info.elements, 2 * kInput);
  const nbl_dim three{"N", 3};
  ASSERT_EQ(text(nbl_session_bind_dims(session.get(), &three, 1)), "");
  ASSERT_EQ(text(nbl_session_output(session.get(), 0, &info)), "");
  EXPECT_EQ(info.elements, 3 * kOutput);
  const nbl_dim twice[] = {{"N", 1}, {"N", 2}};
  EXPECT_NE(text(nbl_session_bind_dims(session.get(), twice, 2)).find("'N' is given twice"), std::string::npos);
  ASSERT_EQ(text(nbl_session_output(session.get(), 0, &info)), "");
  EXPECT_EQ(info.elements, 3 * kOutput);
}

TEST(CApi, tells_what_runs_and_what_it_takes) {
  const DeviceHandle device = open_device();
  const ModelHandle model = load(residual_network());
  auto options = NBL_INIT(nbl_session_options);
  options.profile = 1;
  options.keep_all = 1;
  const SessionHandle session = make_session(device, model, &options);
  ASSERT_EQ(text(nbl_session_run(session.get())), "");

  size_t steps = 99;
  ASSERT_EQ(text(nbl_session_profile(session.get(), &steps)), "");
  auto step = NBL_INIT(nbl_step_time);
  for (size_t i = 0; i < steps; ++i) {
    ASSERT_EQ(text(nbl_session_profile_step(session.get(), i, &step)), "");
    EXPECT_NE(std::string(step.label), "");
    EXPECT_NE(std::string(step.kernel), "");
  }
  EXPECT_NE(text(nbl_session_profile_step(session.get(), steps, &step)), "");

  auto memory = NBL_INIT(nbl_memory_use);
  ASSERT_EQ(text(nbl_session_memory(session.get(), &memory)), "");
  EXPECT_GE(memory.weights, constant_bytes(residual_network()));
  EXPECT_EQ(memory.total, memory.weights + memory.activations + memory.tables + memory.inputs + memory.outputs);
  const Text plan(nbl_session_plan_text(session.get())), caps(nbl_device_capabilities(device.get()));
  EXPECT_NE(std::string(plan.get()).find("conv2d"), std::string::npos);
  EXPECT_NE(std::string(caps.get()).find("subgroup"), std::string::npos);
  EXPECT_NE(std::string(nbl_device_name(device.get())), "");

  ASSERT_STREQ(nbl_session_tensor_name(session.get(), 0), "x");
  EXPECT_EQ(nbl_session_tensor_name(session.get(), 100000), nullptr);
  size_t bytes = 0;
  nbl_type type = -1;
  ASSERT_EQ(text(nbl_session_read_tensor(session.get(), "sum", nullptr, 0, &bytes, &type)), "");
  ASSERT_EQ(bytes, kOutput * sizeof(float));
  EXPECT_EQ(type, NBL_F32);
  std::vector<float> sum(kOutput, -1.0f), output(kOutput);
  EXPECT_NE(text(nbl_session_read_tensor(session.get(), "sum", sum.data(), bytes - 1, &bytes, nullptr))
                .find("capacity is 1511 bytes, 'sum' has 1512"),
            std::string::npos);
  EXPECT_EQ(sum[0], -1.0f);
  ASSERT_EQ(text(nbl_session_read_tensor(session.get(), "sum", sum.data(), bytes, &bytes, nullptr)), "");
  ASSERT_EQ(text(nbl_session_read(session.get(), "sum", NBL_F32, output.data(), kOutput)), "");
  EXPECT_EQ(sum, output);
}

TEST(CApi, tunes) {
  const DeviceHandle device = open_device();
  const ModelHandle model = load(residual_network());
  auto options = NBL_INIT(nbl_tune_options);
  options.time_limit_ns = 2'000'000'000;
  int calls = 0;
  options.user = &calls;
  options.progress = [](void* user, const nbl_tune_progress* progress) {
    EXPECT_LE(progress->done, progress->total);
    ++*static_cast<int*>(user);
  };
  auto report = NBL_INIT(nbl_tune_report);
  ASSERT_EQ(text(nbl_tune(device.get(), model.get(), &options, &report)), "");
  EXPECT_GT(calls, 0);
  EXPECT_GT(report.problems, 0u);
  EXPECT_LE(report.measured, report.problems);
  auto state = NBL_INIT(nbl_cache_state);
  ASSERT_EQ(text(nbl_device_cache_state(device.get(), &state)), "");
  EXPECT_LE(state.tuned, report.problems);
  EXPECT_EQ(state.ignored, nullptr);
}

TEST(CApi, errors_name_the_function_and_the_reason) {
  nbl_model* model = nullptr;
  EXPECT_EQ(text(nbl_model_load_file("/no/such/file.nbl", &model)).substr(0, 22), "2: nbl_model_load_file");
  EXPECT_EQ(text(nbl_model_load_memory("no network", 10, &model)).substr(0, 2), "3:");
  EXPECT_EQ(text(nbl_model_load_memory(nullptr, 0, &model)).substr(0, 2), "3:");
  EXPECT_EQ(text(nbl_model_load_file(nullptr, &model)), "1: nbl_model_load_file: path is NULL");
  EXPECT_EQ(text(nbl_model_load_file("x", nullptr)), "1: nbl_model_load_file: model is NULL");
  EXPECT_EQ(model, nullptr);
  auto options = NBL_INIT(nbl_device_options);
  options.select = "a device that nobody has";
  nbl_device* none = nullptr;
  EXPECT_EQ(text(nbl_device_open(&options, &none)).substr(0, 2), "2:");
  EXPECT_EQ(none, nullptr);

  const DeviceHandle device = open_device();
  const ModelHandle loaded = load(residual_network());
  const SessionHandle session = make_session(device, loaded);
  std::vector<float> values(kInput + 1);
  EXPECT_EQ(text(nbl_session_write(session.get(), "x", NBL_F32, values.data(), kInput + 1)).substr(0, 2), "1:");
  EXPECT_EQ(text(nbl_session_write(session.get(), "x", NBL_I8, values.data(), kInput)).substr(0, 2), "1:");
  EXPECT_EQ(text(nbl_session_write(session.get(), "y", NBL_F32, values.data(), kInput)).substr(0, 2), "2:");
  EXPECT_EQ(text(nbl_session_write(session.get(), "x", NBL_F32, nullptr, kInput)),
            "1: nbl_session_write: values is NULL");
  EXPECT_EQ(text(nbl_session_write(session.get(), "x", NBL_I4, values.data(), kInput)),
            "1: nbl_session_write: type 4 is no type of inputs and outputs");
  EXPECT_EQ(text(nbl_session_read(session.get(), "sum", 77, values.data(), 1)),
            "1: nbl_session_read: type 77 is no type of inputs and outputs");
  auto limited = NBL_INIT(nbl_session_options);
  limited.memory_limit = 10;
  nbl_session* refused = nullptr;
  EXPECT_EQ(text(nbl_session_create(device.get(), loaded.get(), &limited, &refused)).substr(0, 2), "7:");
  EXPECT_EQ(refused, nullptr);
}

TEST(CApi, no_handle_is_no_crash) {
  int32_t done = 0;
  size_t bytes = 0;
  EXPECT_EQ(text(nbl_session_run(nullptr)), "1: nbl_session_run: session is NULL");
  EXPECT_NE(text(nbl_session_submit(nullptr)), "");
  EXPECT_NE(text(nbl_session_wait(nullptr, 0, &done)), "");
  EXPECT_NE(text(nbl_session_bind_dims(nullptr, nullptr, 0)), "");
  EXPECT_NE(text(nbl_session_profile(nullptr, &bytes)), "");
  EXPECT_NE(text(nbl_session_read_tensor(nullptr, "x", nullptr, 0, &bytes, nullptr)), "");
  EXPECT_NE(text(nbl_session_create(nullptr, nullptr, nullptr, nullptr)), "");
  EXPECT_NE(text(nbl_device_open(nullptr, nullptr)), "");
  EXPECT_NE(text(nbl_device_list_create(nullptr)), "");
  EXPECT_NE(text(nbl_device_save_pipeline_cache(nullptr)), "");
  EXPECT_NE(text(nbl_tune(nullptr, nullptr, nullptr, nullptr)), "");
  EXPECT_EQ(nbl_session_input_count(nullptr) + nbl_session_output_count(nullptr) + nbl_model_input_count(nullptr) +
                nbl_model_output_count(nullptr) + nbl_model_free_dim_count(nullptr) + nbl_device_list_size(nullptr),
            0u);
  EXPECT_EQ(nbl_session_plan_text(nullptr), nullptr);
  EXPECT_EQ(nbl_device_capabilities(nullptr), nullptr);
  EXPECT_STREQ(nbl_device_name(nullptr), "");
  nbl_session_free(nullptr);
  nbl_model_free(nullptr);
  nbl_device_close(nullptr);
  nbl_device_list_free(nullptr);
  nbl_error_free(nullptr);
  nbl_string_free(nullptr);
}

// An application of another version than the library: its structures are shorter or longer.
TEST(CApi, structures_may_be_older_or_newer) {
  const ModelHandle model = load(residual_network());
  struct Newer {
    nbl_tensor_info info = NBL_INIT(nbl_tensor_info);
    uint64_t later = 7;
  } newer;
  newer.info.struct_size = sizeof(Newer);
  ASSERT_EQ(text(nbl_model_input(model.get(), 0, &newer.info)), "");
  EXPECT_EQ(newer.info.elements, kInput);
  EXPECT_EQ(newer.info.struct_size, sizeof(Newer));
  EXPECT_EQ(newer.later, 0u);

  auto older = NBL_INIT(nbl_tensor_info);
  older.struct_size = offsetof(nbl_tensor_info, elements);
  older.elements = 12345;
  ASSERT_EQ(text(nbl_model_input(model.get(), 0, &older)), "");
  EXPECT_EQ(older.rank, 4u);
  EXPECT_EQ(older.elements, 12345u);

  nbl_tensor_info uninitialized;
  for (const uint32_t size : {0u, 3u, std::numeric_limits<uint32_t>::max()}) {
    uninitialized.struct_size = size;
    EXPECT_NE(text(nbl_model_input(model.get(), 0, &uninitialized)).find("use NBL_INIT"), std::string::npos) << size;
  }

  struct NewerOptions {
    nbl_device_options options = NBL_INIT(nbl_device_options);
    uint64_t later = 0;
  } options;
  options.options.struct_size = sizeof(NewerOptions);
  nbl_device* device = nullptr;
  EXPECT_EQ(text(nbl_device_open(&options.options, &device)), "");
  nbl_device_close(device);
  options.later = uint64_t{1} << 40;
  EXPECT_EQ(text(nbl_device_open(&options.options, &device)).substr(0, 2), "4:");
}

}  // namespace
}  // namespace nibble::test
