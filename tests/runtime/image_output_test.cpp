// Outputs into images: what media::to_image() makes of the same values.
#include "frame_fixture.h"
#include "media/gpu_preprocessing.h"

namespace nibble::test {
namespace {

constexpr int kWidth = 21, kHeight = 13;
constexpr VkImageUsageFlags kStorage = VK_IMAGE_USAGE_STORAGE_BIT, kTarget = VK_IMAGE_USAGE_TRANSFER_DST_BIT;

struct TargetCase {
  const char* name;
  VkFormat format;
  VkImageUsageFlags usage;
  ImageUse::Path path;
};

class ImageTarget : public FrameTest, public ::testing::WithParamInterface<TargetCase> {};

TEST_P(ImageTarget, shows_the_picture_that_the_cpu_makes) {
  const VkFormat format = GetParam().format;
  Session session = session_of(identity_network(DType::f32, {1, 3, kHeight, kWidth}));
  std::vector<float> values = some_values(3 * kHeight * kWidth, 3);
  values[5] = std::nanf("");
  values[6] = 7.0f;
  expect_ok(session.write("x", std::span<const float>(values)));
  media::Preprocessing wanted;
  wanted.output_scale = 200;
  wanted.output_offset = 30;
  const std::vector<int64_t> shape = {1, 3, kHeight, kWidth};
  const media::Image expected = media::to_image(wanted, values, shape, nullptr, {}).value();

  gpu::AppImage image(own(), format, {kWidth, kHeight}, GetParam().usage);
  const auto use = bind_image(session, "x", image.external(), media::gpu_postprocessing(wanted));
  ASSERT_TRUE(use) << use.error().message;
  EXPECT_EQ(use->path, GetParam().path);
  run_frame(session, {{&image, *use}});
  const std::vector<uint8_t> pixels = image.pixels(frame(), gpu_device());
  const bool bgr = format == VK_FORMAT_B8G8R8A8_UNORM || format == VK_FORMAT_B8G8R8A8_SRGB;
  for (size_t i = 0; i < size_t{kWidth} * kHeight; ++i) {
    for (size_t c = 0; c < 3; ++c) {
      const int want = expected.pixels[3 * i + c];
      if (format == VK_FORMAT_R16G16B16A16_SFLOAT) {
        const auto half = static_cast<uint16_t>(pixels[8 * i + 2 * c] | pixels[8 * i + 2 * c + 1] << 8);
        // Not rounded to bytes; halves have 11 bits, and drivers may cut the others off.
        ASSERT_NEAR(float_from_half(half) * 255.0f, want, 0.5f + 255.0f / 2048) << i << " " << c;
      } else {
        // fp32 may round a tie to the other side than fp64.
        ASSERT_NEAR(pixels[4 * i + (bgr ? 2 - c : c)], want, 1) << i << " " << c;
      }
    }
    if (format != VK_FORMAT_R16G16B16A16_SFLOAT) {
      ASSERT_EQ(pixels[4 * i + 3], 255);
    }
  }
  std::vector<float> read(values.size());
  expect_error(session.read("x", std::span<float>(read)), Code::invalid_argument, {"image"});
}

INSTANTIATE_TEST_SUITE_P(
    , ImageTarget,
    ::testing::Values(TargetCase{"rgba_storage", VK_FORMAT_R8G8B8A8_UNORM, kStorage, ImageUse::Path::storage},
                      TargetCase{"rgba_copy", VK_FORMAT_R8G8B8A8_UNORM, kTarget, ImageUse::Path::copy},
                      TargetCase{"srgb_copy", VK_FORMAT_R8G8B8A8_SRGB, kTarget, ImageUse::Path::copy},
                      TargetCase{"bgra_copy", VK_FORMAT_B8G8R8A8_UNORM, kTarget, ImageUse::Path::copy},
                      TargetCase{"half_storage", VK_FORMAT_R16G16B16A16_SFLOAT, kStorage, ImageUse::Path::storage},
                      TargetCase{"half_copy", VK_FORMAT_R16G16B16A16_SFLOAT, kTarget, ImageUse::Path::copy}),
    [](const auto& info) { return std::string(info.param.name); });

using ImageOutputs = FrameTest;

TEST_F(ImageOutputs, show_the_class_that_is_largest) {
  constexpr size_t kClasses = 5, kPixels = 6 * 7;
  const uint32_t palette[kClasses] = {0xFF000000u, 0x80112233u, 0xFF445566u, 0x00FFFFFFu, 0xFF0000FFu};
  const std::vector<float> values = some_values(kClasses * kPixels, 9);
  gpu::AppImage image(own(), VK_FORMAT_R8G8B8A8_UNORM, {9, 8}, kStorage);
  const std::vector<uint8_t> blank(9 * 8 * 4, 7);
  for (const bool last : {false, true}) {
    image.upload(frame(), gpu_device(), blank);
    const Shape shape = last ? Shape{1, 6, 7, kClasses} : Shape{1, kClasses, 6, 7};
    Session session = session_of(identity_network(DType::f32, shape));
    expect_ok(session.write("x", std::span<const float>(values)));
    ImagePostprocessing wanted;
    wanted.contents = ImagePostprocessing::Contents::argmax;
    wanted.palette = palette;
    wanted.channels_last = last;
    wanted.x = 2;
    wanted.y = 1;
    run_frame(session, {{&image, bind_image(session, "x", image.external(), wanted).value()}});
    const std::vector<uint8_t> pixels = image.pixels(frame(), gpu_device());
    for (size_t y = 0; y < 8; ++y) {
      for (size_t x = 0; x < 9; ++x) {
        uint32_t got = 0, expected = 0x07070707u;
        for (size_t b = 0; b < 4; ++b) got |= uint32_t{pixels[4 * (9 * y + x) + b]} << 8 * b;
        if (x >= 2 && y >= 1 && y < 7) {
          const size_t at = 7 * (y - 1) + x - 2;
          size_t best = 0;
          const auto value = [&](size_t c) { return values[last ? at * kClasses + c : c * kPixels + at]; };
          for (size_t c = 1; c < kClasses; ++c) best = value(c) > value(best) ? c : best;
          expected = palette[best];
        }
        ASSERT_EQ(got, expected) << x << " " << y;
      }
    }
  }
}

TEST_F(ImageOutputs, show_the_class_that_they_name) {
  const uint32_t palette[] = {1, 2, 3};
  gpu::AppImage image(own(), VK_FORMAT_B8G8R8A8_UNORM, {3, 2}, kTarget);
  Session session = session_of(identity_network(DType::i64, {1, 2, 3}));
  const int64_t classes[] = {0, 1, 2, 900, -5, 1};  // beyond the palette: its last colour; negative: its first
  expect_ok(session.write("x", std::span<const int64_t>(classes)));
  ImagePostprocessing wanted;
  wanted.contents = ImagePostprocessing::Contents::classes;
  wanted.palette = palette;
  run_frame(session, {{&image, bind_image(session, "x", image.external(), wanted).value()}});
  const std::vector<uint8_t> pixels = image.pixels(frame(), gpu_device());
  const uint8_t expected[] = {1, 2, 3, 3, 1, 2};
  for (size_t i = 0; i < 6; ++i) EXPECT_EQ(pixels[4 * i + 2], expected[i]) << i;  // red, the third byte of BGRA
}

TEST_F(ImageOutputs, dequantize_stored_integers) {
  Graph graph = identity_network(DType::u8, {1, 1, 4, 5});
  graph.tensors[0].desc.quant = Quant::tensor(0.5f, 10);
  Session session = session_of(std::move(graph));
  std::vector<uint8_t> values(20);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<uint8_t>(3 + 7 * i);
  expect_ok(session.write("x", std::span<const uint8_t>(values)));
  gpu::AppImage image(own(), VK_FORMAT_R8G8B8A8_UNORM, {5, 4}, kStorage);
  ImagePostprocessing wanted;
  wanted.scale = 2;
  run_frame(session, {{&image, bind_image(session, "x", image.external(), wanted).value()}});
  const std::vector<uint8_t> pixels = image.pixels(frame(), gpu_device());
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(pixels[4 * i], std::max(values[i] - 10, 0)) << i;  // 2 * 0.5 * (stored - 10)
    EXPECT_EQ(pixels[4 * i], pixels[4 * i + 2]);
  }
}

// An image in, an image out, and the same bits as the plain run on values.
TEST_F(ImageOutputs, of_a_frame_on_images_are_those_of_the_plain_run) {
  Session plain = session_of(residual_network()), framed = session_of(residual_network());
  const media::Image picture = some_picture(20, 30);
  const std::vector<int64_t> shape = {1, 3, 9, 7};
  media::Preprocessing wanted;
  wanted.mean = {0.5};
  wanted.std = {0.5};
  const std::vector<float> input = media::apply(wanted, picture, shape).value();
  std::vector<float> output(6 * 9 * 7);
  expect_ok(plain.write("x", std::span<const float>(input)));
  expect_ok(plain.run());
  expect_ok(plain.read("sum", std::span<float>(output)));

  gpu::AppImage in(own(), VK_FORMAT_R8G8B8A8_UNORM, {20, 30}, VK_IMAGE_USAGE_SAMPLED_BIT);
  in.upload(frame(), gpu_device(), bytes_for(VK_FORMAT_R8G8B8A8_UNORM, picture));
  gpu::AppImage out(own(), VK_FORMAT_R8G8B8A8_UNORM, {7, 9}, kStorage);
  const gpu::Buffer values =
      gpu::Buffer::create(gpu_device(), output.size() * 4, gpu::BufferPurpose::readback, "values").value();
  ImagePostprocessing classes;
  classes.contents = ImagePostprocessing::Contents::argmax;
  const ImageUse in_use =
      bind_image(framed, "x", in.external(), media::gpu_preprocessing(wanted, 20, 30, shape).value()).value();
  const ImageUse out_use = bind_image(framed, "sum", out.external(), classes).value();
  expect_ok(bind_buffer(framed, "sum", values.handle(), 0));
  run_frame(framed, {{&in, in_use}, {&out, out_use}});
  std::vector<float> got(output.size());
  ASSERT_TRUE(values.read(0, std::as_writable_bytes(std::span(got))));
  EXPECT_EQ(got, output);
  const std::vector<uint8_t> pixels = out.pixels(frame(), gpu_device());
  for (size_t i = 0; i < 63; ++i) {
    size_t best = 0;
    for (size_t c = 1; c < 6; ++c) best = output[c * 63 + i] > output[best * 63 + i] ? c : best;
    EXPECT_EQ(pixels[4 * i], best) << i;
  }
  expect_ok(bind_buffer(framed, "sum", VK_NULL_HANDLE, 0));
}

TEST_F(ImageOutputs, that_do_not_fit_are_refused_with_the_reason) {
  Session session = session_of(identity_network(DType::f32, {1, 3, 8, 8}));
  const gpu::AppImage image(own(), VK_FORMAT_R8G8B8A8_UNORM, {8, 8}, kStorage);
  const auto refuse = [&](auto change, const std::vector<std::string>& words) {
    ExternalImage external = image.external();
    ImagePostprocessing wanted;
    change(external, wanted);
    expect_error(bind_image(session, "x", external, wanted), Code::invalid_argument, words);
  };
  using E = ExternalImage;
  using P = ImagePostprocessing;
  refuse([](E& e, P&) { e.usage = VK_IMAGE_USAGE_SAMPLED_BIT; }, {"output 'x'", "STORAGE or TRANSFER_DST"});
  refuse([](E& e, P&) { e.format = VK_FORMAT_B8G8R8A8_UNORM; }, {"lacks usage TRANSFER_DST"});
  refuse([](E&, P& p) { p.x = 1; }, {"does not fit", "8 x 8"});
  refuse([](E& e, P&) { e.extent.height = 7; }, {"does not fit", "8 x 7"});
  refuse([](E&, P& p) { p.contents = P::Contents::classes; }, {"3 channels"});
  refuse([](E&, P& p) { p.scale = std::nan(""); }, {"scale"});
  refuse([](E&, P& p) { p.linear_light = true; }, {"R16G16B16A16_SFLOAT"});
}

}  // namespace
}  // namespace nibble::test
