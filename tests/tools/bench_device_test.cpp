// The probes and matrix products of nibble-bench on a device.
#include <gtest/gtest.h>

#include "gpu/device.h"
#include "nibble/device.h"
#include "tools/bench_ceilings.h"
#include "tools/bench_matrix_model.h"
#include "tools/bench_probe.h"

namespace nibble::tools {
namespace {

TEST(ProbeTest, every_kernel_runs_or_says_what_the_device_lacks) {
  const auto device = gpu::Device::create({});
  ASSERT_TRUE(device) << device.error().message;
  for (const ProbeKernel& kernel : probe_kernels()) {
    const auto pipeline = probe_pipeline(*device, kernel.name);
    EXPECT_EQ(static_cast<bool>(pipeline), device->caps().has(kernel.needs)) << kernel.name;
    if (pipeline) continue;
    EXPECT_NE(pipeline.error().message.find(gpu::bits_to_text(kernel.needs)), std::string::npos);
  }
  EXPECT_FALSE(probe_pipeline(*device, "nothing"));
  EXPECT_FALSE(measure_arithmetic(*device, "nothing"));
}

TEST(ProbeTest, moves_buffers_of_any_power_of_two) {
  const auto device = gpu::Device::create({});
  ASSERT_TRUE(device) << device.error().message;
  for (const uint64_t bytes : {uint64_t{1} << 14, uint64_t{1} << 22}) {
    for (const bool cached : {false, true}) {
      const auto bandwidth = measure_bandwidth(*device, bytes, cached);
      ASSERT_TRUE(bandwidth) << bandwidth.error().message;
      EXPECT_EQ(bandwidth->bytes, bytes);
      EXPECT_GT(bandwidth->read, 0);
      EXPECT_GT(bandwidth->copy, 0);
    }
  }
}

class MatrixProduct : public testing::TestWithParam<Product> {};

// Widths and rows that no tile divides; int4 has a last group that is not full.
const std::vector<int64_t> kWidths = {39, 13, 39, 13};

TEST_P(MatrixProduct, gives_a_rate_for_each_shape) {
  const auto device = Device::create();
  ASSERT_TRUE(device) << device.error().message;
  const auto rates = measure_matrices(*device, {{GetParam(), 5, kWidths}}, 0);
  ASSERT_TRUE(rates) << rates.error().message;
  ASSERT_EQ(rates->size(), 2u);
  EXPECT_EQ((*rates)[0].inputs, 39);
  EXPECT_EQ((*rates)[1].outputs, 39);
  for (const MatrixRate& rate : *rates) {
    EXPECT_GT(rate.operations_per_second(), 0);
    EXPECT_GT(rate.weight_bytes, 0u);
    EXPECT_FALSE(rate.kernel.empty());
  }
}

TEST_P(MatrixProduct, refuses_a_result_that_is_wrong) {
  const auto device = Device::create();
  ASSERT_TRUE(device) << device.error().message;
  const MatrixJob job{GetParam(), 5, kWidths};
  auto model = make_matrix_model(job);
  ASSERT_TRUE(model) << model.error().message;
  auto session = Session::create(*device, model->model);
  ASSERT_TRUE(session) << session.error().message;
  ASSERT_TRUE(write_matrix_input(*session, job));
  ASSERT_TRUE(session->run());
  const Status right = check_matrix_results(*session, job, *model);
  EXPECT_TRUE(right) << right.error().message;
  // As if the device had left out one product of the second layer's output 3.
  MatrixLayer& layer = model->layers[1];
  const auto last = static_cast<size_t>(4 * layer.inputs - 1);
  if (layer.real.empty()) {
    layer.whole[last] = 0;
  } else {
    layer.real[last] = 0;
  }
  const Status wrong = check_matrix_results(*session, job, *model);
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message.find(to_string(GetParam())), std::string::npos) << wrong.error().message;
  EXPECT_NE(wrong.error().message.find("output 3"), std::string::npos) << wrong.error().message;
}

INSTANTIATE_TEST_SUITE_P(products, MatrixProduct,
                         testing::Values(Product::f32, Product::i8_i8, Product::i4_i8, Product::i4_f32),
                         [](const auto& product) { return std::string(key_of(product.param)); });

}  // namespace
}  // namespace nibble::tools
