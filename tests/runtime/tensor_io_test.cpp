#include "runtime/tensor_io.h"

#include <gtest/gtest.h>

#include <cstring>

namespace nibble::test {
namespace {

template <class T>
std::span<const std::byte> as_bytes(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}

TensorInfo info_of(DType type, std::vector<int64_t> shape) {
  TensorInfo info;
  info.name = "t";
  info.type = type;
  info.shape = std::move(shape);
  return info;
}

TEST(TensorIo, blocks_of_four_channels_become_rows) {
  // [1, 6, 1, 2]: two blocks; channels 6 and 7 are padding.
  std::vector<float> device = {0, 10, 20, 30, 1, 11, 21, 31, 40, 50, -1, -1, 41, 51, -1, -1};
  const std::vector<float> expected = {0, 1, 10, 11, 20, 21, 30, 31, 40, 41, 50, 51};
  const std::vector<int64_t> shape = {1, 6, 1, 2};
  const auto host = unpack_blocked(info_of(DType::f32, shape), unit_shape(shape, 1), as_bytes(device));
  ASSERT_EQ(host.size(), expected.size() * 4);
  EXPECT_EQ(std::memcmp(host.data(), expected.data(), host.size()), 0);
}

TEST(TensorIo, bytes_in_blocks_keep_their_order) {
  const std::vector<int8_t> device = {1, 2, 3, 4, 5, 99, 99, 99, 6, 7, 8, 9, -10, 99, 99, 99};
  const std::vector<int8_t> expected = {1, 2, 3, 4, 5, 6, 7, 8, 9, -10};
  const std::vector<int64_t> shape = {2, 5};
  const auto host = unpack_blocked(info_of(DType::i8, shape), unit_shape(shape, 1), as_bytes(device));
  ASSERT_EQ(host.size(), expected.size());
  EXPECT_EQ(std::memcmp(host.data(), expected.data(), host.size()), 0);
}

TEST(TensorIo, long_integers_are_narrow_on_the_device) {
  const std::vector<int64_t> values = {-3, 0, 2147483647, -2147483648LL};
  std::vector<int32_t> device(4);
  const TensorInfo info = info_of(DType::i64, {4});
  ASSERT_TRUE(to_device(info, as_bytes(values), std::as_writable_bytes(std::span(device))));
  EXPECT_EQ(device, (std::vector<int32_t>{-3, 0, 2147483647, -2147483647 - 1}));
  const auto host = unpack_flat(info, as_bytes(device));
  EXPECT_EQ(std::memcmp(host.data(), values.data(), host.size()), 0);
}

TEST(TensorIo, nothing_is_written_when_a_value_does_not_fit) {
  const std::vector<int64_t> values = {5, 2147483648LL};
  std::vector<int32_t> device(2, 7);
  const Status status =
      to_device(info_of(DType::i64, {2}), as_bytes(values), std::as_writable_bytes(std::span(device)));
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("2147483648"), std::string::npos);
  EXPECT_EQ(device, (std::vector<int32_t>{7, 7}));
}

TEST(TensorIo, bytes_stand_for_boolean_and_for_nothing_else) {
  EXPECT_TRUE(check_values(info_of(DType::boolean, {2}), "input", DType::u8, 2));
  EXPECT_FALSE(check_values(info_of(DType::i8, {2}), "input", DType::u8, 2));
  EXPECT_FALSE(check_values(info_of(DType::f32, {2}), "input", DType::f16, 2));
}

}  // namespace
}  // namespace nibble::test
