#include "media/npy.h"

#include <cmath>
#include <cstring>

#include "media_testing.h"

namespace nibble::media::test {
namespace {

template <class T>
std::string raw(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

std::string npy_text(const std::string& header, const std::string& data, char version = 1) {
  std::string out = std::string("\x93NUMPY") + version + '\0';
  const size_t length = header.size();
  out += static_cast<char>(length & 255);
  out += static_cast<char>(length >> 8);
  if (version > 1) out += std::string(2, '\0');
  return out + header + data;
}

std::string header_of(const std::string& descr, const std::string& shape, bool fortran = false) {
  return "{'descr': '" + descr + "', 'fortran_order': " + (fortran ? "True" : "False") + ", 'shape': " + shape +
         ", }\n";
}

Result<NpyArray> parse(const std::string& text) {
  return parse_npy({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

template <class T>
std::vector<T> values_of(const NpyArray& array) {
  std::vector<T> out(array.data.size() / sizeof(T));
  std::memcpy(out.data(), array.data.data(), array.data.size());
  return out;
}

TEST(Npy, writes_the_bytes_that_numpy_writes) {
  std::vector<float> values{0, 1, 2, 3, 4, 5};
  const std::vector<int64_t> shape{2, 3};
  const auto bytes = encode_npy(DType::f32, shape, std::as_bytes(std::span(values)));
  ASSERT_TRUE(succeeds(bytes));
  // numpy.save of arange(6, dtype=float32).reshape(2, 3)
  const std::string header =
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }" + std::string(58, ' ') + "\n";
  EXPECT_EQ(std::string(bytes->begin(), bytes->end()), npy_text(header, raw(values)));
  EXPECT_EQ(bytes->size() - raw(values).size(), 128u);
}

TEST(Npy, reads_back_every_type_it_writes) {
  const TempFolder folder;
  const std::vector<uint8_t> data{1, 0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1};
  for (const DType type : {DType::f32, DType::f16, DType::i8, DType::u8, DType::i32, DType::i64, DType::boolean}) {
    const auto count = static_cast<int64_t>(data.size() / bytes_per_element(type));
    for (const auto& shape : {std::vector<int64_t>{count}, std::vector<int64_t>{1, count, 1}}) {
      ASSERT_TRUE(succeeds(write_npy(folder / "a.npy", type, shape, std::as_bytes(std::span(data)))));
      const auto array = read_npy(folder / "a.npy");
      ASSERT_TRUE(succeeds(array));
      EXPECT_EQ(array->type, type);
      EXPECT_EQ(array->shape, shape);
      EXPECT_EQ(values_of<uint8_t>(*array), data);
    }
  }
  EXPECT_FALSE(encode_npy(DType::i4, std::vector<int64_t>{16}, std::as_bytes(std::span(data))));
  EXPECT_FALSE(encode_npy(DType::f32, std::vector<int64_t>{3}, std::as_bytes(std::span(data))));
}

TEST(Npy, reads_scalars_empty_arrays_and_all_versions) {
  const auto scalar = parse(npy_text(header_of("<f4", "()"), raw<float>({2.5f})));
  ASSERT_TRUE(succeeds(scalar));
  EXPECT_TRUE(scalar->shape.empty());
  EXPECT_EQ(scalar->elements(), 1u);
  const auto empty = parse(npy_text(header_of("<i8", "(3, 0, 2)"), ""));
  ASSERT_TRUE(succeeds(empty));
  EXPECT_EQ(empty->elements(), 0u);
  for (const char version : {1, 2, 3}) {
    EXPECT_TRUE(succeeds(parse(npy_text(header_of("|u1", "(2,)"), "ab", version))));
  }
  EXPECT_TRUE(fails_naming(parse(npy_text(header_of("|u1", "(2,)"), "ab", 4)), {"version 4"}));
}

TEST(Npy, widens_double_and_16_bit_integers) {
  const auto doubles = parse(npy_text(header_of("<f8", "(2,)"), raw<double>({0.5, -3.0})));
  ASSERT_TRUE(succeeds(doubles));
  EXPECT_EQ(doubles->type, DType::f32);
  EXPECT_EQ(values_of<float>(*doubles), (std::vector<float>{0.5f, -3.0f}));
  const auto shorts = parse(npy_text(header_of("<i2", "(2,)"), raw<int16_t>({-2, 30000})));
  ASSERT_TRUE(succeeds(shorts));
  EXPECT_EQ(shorts->type, DType::i32);
  EXPECT_EQ(values_of<int32_t>(*shorts), (std::vector<int32_t>{-2, 30000}));
  const auto unsigned_shorts = parse(npy_text(header_of("<u2", "(1,)"), raw<uint16_t>({65535})));
  ASSERT_TRUE(succeeds(unsigned_shorts));
  EXPECT_EQ(values_of<int32_t>(*unsigned_shorts), std::vector<int32_t>{65535});
}

TEST(Npy, turns_fortran_order_into_rows) {
  // Element (i, j, k) of a 2 x 3 x 2 array holds 100 i + 10 j + k; the file runs over i first.
  std::vector<int32_t> columns, rows;
  for (int k = 0; k < 2; ++k) {
    for (int j = 0; j < 3; ++j) {
      for (int i = 0; i < 2; ++i) columns.push_back(100 * i + 10 * j + k);
    }
  }
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 3; ++j) {
      for (int k = 0; k < 2; ++k) rows.push_back(100 * i + 10 * j + k);
    }
  }
  const auto array = parse(npy_text(header_of("<i4", "(2, 3, 2)", true), raw(columns)));
  ASSERT_TRUE(succeeds(array));
  EXPECT_EQ(values_of<int32_t>(*array), rows);
}

TEST(Npy, refuses_other_element_types_by_name) {
  for (const char* descr : {">f4", "<u4", "<c8", "|O", "<U5", "<M8[s]", "f4"}) {
    EXPECT_TRUE(
        fails_naming(parse(npy_text(header_of(descr, "(1,)"), std::string(64, 'x'))), {std::string("'") + descr}));
  }
  EXPECT_TRUE(fails_naming(parse(npy_text("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", "abcd")),
                           {"records"}));
}

TEST(Npy, refuses_every_prefix_and_any_surplus) {
  const std::string whole = npy_text(header_of("<f4", "(2, 2)"), raw<float>({1, 2, 3, 4}));
  ASSERT_TRUE(succeeds(parse(whole)));
  for (size_t length = 0; length < whole.size(); ++length) EXPECT_FALSE(parse(whole.substr(0, length))) << length;
  EXPECT_TRUE(fails_naming(parse(whole + "x"), {"too long", "16", "17"}));
}

TEST(Npy, refuses_headers_that_are_no_dictionary_and_shapes_that_overflow) {
  const std::string sixteen(16, 'x');
  for (const char* header : {"", "{", "{'descr': '<f4'}", "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (4,)}",
                             "{'descr': '<f4', 'fortran_order': False, 'shape': (-4,)}",
                             "{'descr': '<f4', 'fortran_order': False, 'shape': 4}",
                             "{'descr': '<f4', 'fortran_order': False, 'shape': (4,), 'x': 1}",
                             "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (4,)}",
                             "{'descr': '<f4', 'fortran_order': False, 'shape': (4,)} more",
                             "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}"}) {
    EXPECT_FALSE(parse(npy_text(header, sixteen))) << header;
  }
  // 2^62 * 4 bytes is 2^64, which is 0 in 64 bits.
  const std::string huge = "(4611686018427387904, 4)";
  EXPECT_FALSE(parse(npy_text(header_of("<f4", huge), "")));
  EXPECT_FALSE(parse(npy_text(header_of("<f4", "(3037000500, 3037000500, 4)"), sixteen)));
}

TEST(Npy, converts_to_float) {
  const auto halves =
      parse(npy_text(header_of("<f2", "(6,)"), raw<uint16_t>({0x3C00, 0xC000, 0x0001, 0x7C00, 0x7BFF, 0x3555})));
  ASSERT_TRUE(succeeds(halves));
  const std::vector<float> expected{1.0f, -2.0f, 5.9604644775390625e-8f, INFINITY, 65504.0f, 0.333251953125f};
  EXPECT_EQ(to_floats(*halves), expected);
  const auto flags = parse(npy_text(header_of("|b1", "(3,)"), std::string("\0\1\2", 3)));
  ASSERT_TRUE(succeeds(flags));
  EXPECT_EQ(to_floats(*flags), (std::vector<float>{0, 1, 1}));
}

TEST(Npy, makes_tensor_names_safe_for_files) {
  EXPECT_EQ(safe_file_name("layer/conv:0"), "layer_conv_0");
  EXPECT_EQ(safe_file_name("../../etc"), "_._.._etc");
  EXPECT_EQ(safe_file_name(""), "_");
  EXPECT_EQ(safe_file_name("Plus214_Output-0.b"), "Plus214_Output-0.b");
  const std::vector<std::string> names{"a/b", "a:b", "a_b", "c"};
  EXPECT_EQ(safe_file_names(names), (std::vector<std::string>{"a_b", "a_b_2", "a_b_3", "c"}));
}

}  // namespace
}  // namespace nibble::media::test
