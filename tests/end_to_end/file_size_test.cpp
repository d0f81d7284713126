// Sizes of whole files against the fp32 weights, for networks of at least 200,000 weights without depthwise layers.
#include <gtest/gtest.h>

#include "end_to_end/networks.h"
#include "format/writer.h"

namespace nibble::test {
namespace {

class FileSize : public testing::TestWithParam<const char*> {};

double share_of_fp32(const Network& network, quantization::WeightFormat weights) {
  auto record = recorded(network);
  EXPECT_TRUE(record) << record.error().message;
  auto reference = import_network(network, true);
  EXPECT_TRUE(reference) << reference.error().message;
  uint64_t fp32 = 0;
  for (const Tensor& t : reference->tensors) {
    if (t.is_constant() && t.desc.type == DType::f32) fp32 += t.constant->bytes.size();
  }
  quantization::Options options;
  options.weights = weights;
  auto graph = quantized_network(network, options, {record->inputs});
  EXPECT_TRUE(graph) << graph.error().message;
  auto bytes = model_bytes(*graph);
  EXPECT_TRUE(bytes) << bytes.error().message;
  return static_cast<double>(bytes->size()) / static_cast<double>(fp32);
}

TEST_P(FileSize, of_int8_is_at_most_27_percent) {
  if (network_path(network(GetParam())).empty()) GTEST_SKIP() << "the shared networks are not there";
  EXPECT_LE(share_of_fp32(network(GetParam()), quantization::WeightFormat::int8), 0.27);
}

TEST_P(FileSize, of_int4_is_at_most_16_percent) {
  if (network_path(network(GetParam())).empty()) GTEST_SKIP() << "the shared networks are not there";
  EXPECT_LE(share_of_fp32(network(GetParam()), quantization::WeightFormat::int4), 0.16);
}

INSTANTIATE_TEST_SUITE_P(Dense, FileSize, testing::Values("squeezenet1_1", "resnet20_cifar10", "style_candy"));

}  // namespace
}  // namespace nibble::test
