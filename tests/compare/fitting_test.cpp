#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <numeric>

#include "converter/report/real_tensor.h"
#include "converter/report/sample_values.h"
#include "media/image.h"
#include "media/npy.h"

namespace nibble::report {
namespace {

media::Image gradient(int width, int height) {
  media::Image image = media::make_image(width, height, 3);
  for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<uint8_t>(37 * i + i / 7);
  return image;
}

Graph network(DType type, Shape shape, const std::string& name = "x") {
  Graph graph;
  TensorDesc desc;
  desc.name = name;
  desc.type = type;
  desc.shape = std::move(shape);
  graph.inputs.push_back(graph.add_tensor(desc));
  return graph;
}

class Folder {
 public:
  Folder()
      : path_(std::filesystem::path(testing::TempDir()) /
              ("compare_" + std::to_string(reinterpret_cast<uintptr_t>(this)))) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string file(const char* name) const { return (path_ / name).string(); }
  media::SampleSet samples() const { return *media::open_samples(path_.string(), {}); }

 private:
  std::filesystem::path path_;
};

TEST(Fitting, bytes_for_a_byte_input_are_those_of_the_picture) {
  media::Preprocessing p;
  p.mean = {0.485, 0.456, 0.406};
  p.std = {0.229, 0.224, 0.225};
  const media::Image image = gradient(40, 30);
  const std::vector<int64_t> shape{1, 3, 24, 24};
  const auto bytes = media::apply_u8(p, image, shape);
  const auto values = media::apply(p, image, shape);
  ASSERT_TRUE(bytes && values);
  reference::FloatValue value;
  value.shape = shape;
  value.real = *values;
  TensorDesc wanted;
  wanted.type = DType::u8;
  const reference::FloatValue made = fitted(value, wanted, p);
  ASSERT_EQ(made.stored.size(), bytes->size());
  EXPECT_TRUE(std::equal(bytes->begin(), bytes->end(), made.stored.begin()));
}

TEST(Fitting, bytes_of_a_channels_last_input_use_the_last_axis) {
  media::Preprocessing p;
  p.layout = media::Layout::nhwc;
  p.mean = {0.5, 0.25, 0.0};
  p.std = {0.5, 0.25, 1.0};
  const media::Image image = gradient(9, 5);
  const std::vector<int64_t> shape{1, 5, 9, 3};
  reference::FloatValue value;
  value.shape = shape;
  value.real = *media::apply(p, image, shape);
  TensorDesc wanted;
  wanted.type = DType::u8;
  const std::vector<uint8_t> bytes = *media::apply_u8(p, image, shape);
  const reference::FloatValue made = fitted(value, wanted, p);
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), made.stored.begin(), made.stored.end()));
}

TEST(Fitting, quantized_input_rounds_by_its_scale) {
  reference::FloatValue value;
  value.shape = {4};
  value.real = {0.0f, 1.0f, -1.0f, 1000.0f};
  TensorDesc wanted;
  wanted.type = DType::i8;
  wanted.quant = Quant::tensor(0.5f, 3);
  EXPECT_EQ(fitted(value, wanted, {}).stored, (std::vector<int64_t>{3, 5, 1, 127}));
}

TEST(Fitting, output_pixels_become_the_values_they_were_made_of) {
  media::Preprocessing p;
  p.output_scale = 127.5;
  p.output_offset = 127.5;
  std::vector<float> pixels{0.0f, 255.0f};
  pixels_to_values(p, pixels);
  EXPECT_FLOAT_EQ(pixels[0], -1.0f);
  EXPECT_FLOAT_EQ(pixels[1], 1.0f);
}

TEST(SampleValues, free_dimensions_take_the_sizes_of_the_other_network) {
  const Folder folder;
  ASSERT_TRUE(media::write_png(folder.file("a.png"), gradient(20, 10)));
  const Graph reference = network(DType::f32, {Dim::symbol("N"), 3, Dim::symbol("H"), Dim::symbol("W")});
  const Graph stored = network(DType::u8, {1, 3, 8, 6});
  const auto sample = sample_values(reference, stored, folder.samples(), 0, {});
  ASSERT_TRUE(sample) << sample.error().message;
  EXPECT_EQ(sample->reference_dims, (DimBindings{{"N", 1}, {"H", 8}, {"W", 6}}));
  EXPECT_EQ(sample->values[0].shape, (std::vector<int64_t>{1, 3, 8, 6}));
  EXPECT_EQ(sample->values[0].desc.type, DType::f32);
}

TEST(SampleValues, arrays_bind_what_both_networks_leave_free) {
  const Folder folder;
  const std::vector<float> numbers(5, 2.5f);
  ASSERT_TRUE(media::write_npy(folder.file("a.npy"), DType::f32, std::vector<int64_t>{1, 5},
                               std::as_bytes(std::span(numbers))));
  const Graph reference = network(DType::f32, {1, Dim::symbol("T")}),
              stored = network(DType::f32, {1, Dim::symbol("length")});
  const auto sample = sample_values(reference, stored, folder.samples(), 0, {});
  ASSERT_TRUE(sample) << sample.error().message;
  EXPECT_EQ(sample->reference_dims, (DimBindings{{"T", 5}}));
  EXPECT_EQ(sample->stored_dims, (DimBindings{{"length", 5}}));
  EXPECT_EQ(sample->values[0].real, numbers);
}

TEST(SampleValues, refuses_networks_with_different_inputs) {
  const Folder folder;
  ASSERT_TRUE(media::write_png(folder.file("a.png"), gradient(8, 8)));
  const Graph reference = network(DType::f32, {1, 3, 8, 8});
  const auto sizes = sample_values(reference, network(DType::f32, {1, 3, 8, 9}), folder.samples(), 0, {});
  ASSERT_FALSE(sizes);
  EXPECT_NE(sizes.error().message.find("[1, 3, 8, 9]"), std::string::npos) << sizes.error().message;
  const auto ranks = sample_values(reference, network(DType::f32, {3, 8, 8}), folder.samples(), 0, {});
  ASSERT_FALSE(ranks);
  Graph two = network(DType::f32, {1, 3, 8, 8});
  two.inputs.push_back(two.add_tensor(two.tensors[0].desc));
  EXPECT_FALSE(sample_values(reference, two, folder.samples(), 0, {}));
}

}  // namespace
}  // namespace nibble::report
