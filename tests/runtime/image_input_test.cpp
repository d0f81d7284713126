// Images as inputs: what a network gets must be what media::apply() makes of the same picture.
#include "frame_fixture.h"
#include "media/gpu_preprocessing.h"

namespace nibble::test {
namespace {

constexpr int kWidth = 37, kHeight = 29;

struct PathCase {
  const char* name;
  VkFormat format;
  VkImageUsageFlags usage;
  VkImageTiling tiling;
  ImageUse::Path path;
};

class ImagePath : public FrameTest, public ::testing::WithParamInterface<PathCase> {
 protected:
  bool supported() {
    const auto properties = own().load<PFN_vkGetPhysicalDeviceFormatProperties>("vkGetPhysicalDeviceFormatProperties");
    VkFormatProperties found{};
    properties(own().handles().physical_device, GetParam().format, &found);
    const auto features =
        GetParam().tiling == VK_IMAGE_TILING_LINEAR ? found.linearTilingFeatures : found.optimalTilingFeatures;
    const VkFormatFeatureFlags wanted[] = {VK_FORMAT_FEATURE_SAMPLED_IMAGE_BIT, VK_FORMAT_FEATURE_STORAGE_IMAGE_BIT,
                                           VK_FORMAT_FEATURE_TRANSFER_SRC_BIT};
    return features & wanted[static_cast<size_t>(GetParam().path)];
  }
};

// Byte for byte: scaling in both directions, by the same fixed point.
TEST_P(ImagePath, gives_the_values_of_the_cpu) {
  if (!supported()) GTEST_SKIP() << "the device cannot use this format so";
  const media::Image picture = some_picture(kWidth, kHeight);
  media::Preprocessing wanted;
  wanted.mean = {0.485, 0.456, 0.406};
  wanted.std = {0.229, 0.224, 0.225};
  const std::vector<int64_t> shape = {1, 3, 14, 17};
  const std::vector<float> expected = media::apply(wanted, picture, shape).value();

  gpu::AppImage image(own(), GetParam().format, {kWidth, kHeight}, GetParam().usage, GetParam().tiling);
  image.upload(frame(), gpu_device(), bytes_for(GetParam().format, picture));
  Session session = session_of(identity_network(DType::f32, {1, 3, 14, 17}));
  const auto use =
      bind_image(session, "x", image.external(), media::gpu_preprocessing(wanted, kWidth, kHeight, shape).value());
  ASSERT_TRUE(use) << use.error().message;
  EXPECT_EQ(use->path, GetParam().path);
  run_frame(session, {{&image, *use}});
  std::vector<float> got(expected.size());
  expect_ok(session.read("x", std::span<float>(got)));
  EXPECT_EQ(got, expected);

  // The session's own runs read the image too.
  expect_ok(session.run());
  std::fill(got.begin(), got.end(), 0.0f);
  expect_ok(session.read("x", std::span<float>(got)));
  EXPECT_EQ(got, expected);
  expect_error(session.write("x", std::span<const float>(got)), Code::invalid_argument, {"'x'", "image"});
  expect_ok(unbind_image(session, "x"));
  expect_ok(session.write("x", std::span<const float>(got)));
}

constexpr VkImageUsageFlags kSampled = VK_IMAGE_USAGE_SAMPLED_BIT, kStorage = VK_IMAGE_USAGE_STORAGE_BIT,
                            kSource = VK_IMAGE_USAGE_TRANSFER_SRC_BIT;
constexpr VkImageTiling kOptimal = VK_IMAGE_TILING_OPTIMAL, kLinear = VK_IMAGE_TILING_LINEAR;
using Path = ImageUse::Path;
INSTANTIATE_TEST_SUITE_P(
    , ImagePath,
    ::testing::Values(PathCase{"rgba_sampled", VK_FORMAT_R8G8B8A8_UNORM, kSampled | kStorage, kOptimal, Path::sampled},
                      PathCase{"rgba_storage", VK_FORMAT_R8G8B8A8_UNORM, kStorage, kOptimal, Path::storage},
                      PathCase{"rgba_copy", VK_FORMAT_R8G8B8A8_UNORM, kSource, kOptimal, Path::copy},
                      PathCase{"rgba_linear", VK_FORMAT_R8G8B8A8_UNORM, kSampled, kLinear, Path::sampled},
                      PathCase{"srgb_sampled", VK_FORMAT_R8G8B8A8_SRGB, kSampled, kOptimal, Path::sampled},
                      PathCase{"srgb_copy", VK_FORMAT_R8G8B8A8_SRGB, kSource, kOptimal, Path::copy},
                      PathCase{"bgra_sampled", VK_FORMAT_B8G8R8A8_UNORM, kSampled, kOptimal, Path::sampled},
                      PathCase{"bgra_copy", VK_FORMAT_B8G8R8A8_SRGB, kSource, kOptimal, Path::copy},
                      PathCase{"half_sampled", VK_FORMAT_R16G16B16A16_SFLOAT, kSampled, kOptimal, Path::sampled},
                      PathCase{"half_storage", VK_FORMAT_R16G16B16A16_SFLOAT, kStorage, kOptimal, Path::storage},
                      PathCase{"half_copy", VK_FORMAT_R16G16B16A16_SFLOAT, kSource, kOptimal, Path::copy},
                      PathCase{"half_linear", VK_FORMAT_R16G16B16A16_SFLOAT, kSource, kLinear, Path::copy}),
    [](const auto& info) { return std::string(info.param.name); });

using ImageInputs = FrameTest;

struct Scaling {
  const char* json;
  std::vector<int64_t> shape;
  float tolerance = 0;
};

TEST_F(ImageInputs, scale_cut_and_place_as_the_cpu_does) {
  // A byte of bilinear may lie one beside the CPU's, where fp32 rounds a tie to the other side.
  const Scaling cases[] = {
      {R"({})", {1, 3, kHeight, kWidth}},
      {R"({"resize": {"mode": "stretch", "filter": "bicubic"}})", {1, 3, 41, 16}},
      {R"({"resize": {"mode": "stretch", "filter": "bilinear"}})", {1, 3, 41, 16}, 1.0f / 255},
      {R"({"resize": {"mode": "stretch", "filter": "bilinear"}})", {1, 3, 11, 60}, 1.0f / 255},
      {R"({"resize": 16, "crop": 14, "mean": 0.5, "std": 0.25})", {1, 3, 14, 14}},
      {R"({"crop": [20, 24]})", {1, 3, 10, 13}},
      {R"({"resize": {"mode": "letterbox", "fill": [114, 20, 3]}, "color": "bgr"})", {1, 3, 32, 24}},
      {R"({"resize": {"mode": "letterbox", "fill": 114, "anchor": "topleft", "filter": "bilinear"}})",
       {1, 3, 32, 24},
       1.0f / 255},
      {R"({"resize": {"mode": "letterbox", "fill": [9, 200, 100]}, "color": "gray"})", {1, 1, 20, 40}},
      {R"({"layout": "nhwc"})", {1, 9, 50, 3}},
      {R"({"resize": [29, 50]})", {1, 3, 29, 50}},
      {R"({"resize": [12, 37]})", {1, 3, 12, 37}},
  };
  const media::Image picture = some_picture(kWidth, kHeight);
  gpu::AppImage image(own(), VK_FORMAT_R8G8B8A8_UNORM, {kWidth, kHeight}, kSampled);
  image.upload(frame(), gpu_device(), bytes_for(VK_FORMAT_R8G8B8A8_UNORM, picture));
  for (const Scaling& scaling : cases) {
    SCOPED_TRACE(scaling.json);
    const media::Preprocessing wanted = media::parse_preprocessing(scaling.json).value();
    const std::vector<float> expected = media::apply(wanted, picture, scaling.shape).value();
    Session session = session_of(identity_network(DType::f32, Shape(scaling.shape.begin(), scaling.shape.end())));
    const auto use = bind_image(session, "x", image.external(),
                                media::gpu_preprocessing(wanted, kWidth, kHeight, scaling.shape).value());
    ASSERT_TRUE(use) << use.error().message;
    run_frame(session, {{&image, *use}});
    std::vector<float> got(expected.size());
    expect_ok(session.read("x", std::span<float>(got)));
    size_t differing = 0;
    for (size_t i = 0; i < got.size(); ++i) {
      ASSERT_NEAR(got[i], expected[i], scaling.tolerance * 1.001f) << i;
      differing += got[i] != expected[i] ? 1 : 0;
    }
    EXPECT_LE(differing, scaling.tolerance > 0 ? got.size() / 20 : 0);
  }
}

TEST_F(ImageInputs, become_halves_and_stored_integers_of_the_input) {
  const media::Image picture = some_picture(kWidth, kHeight);
  gpu::AppImage image(own(), VK_FORMAT_R8G8B8A8_UNORM, {kWidth, kHeight}, kSampled);
  image.upload(frame(), gpu_device(), bytes_for(VK_FORMAT_R8G8B8A8_UNORM, picture));
  media::Preprocessing wanted;
  wanted.mean = {0.5};
  wanted.std = {0.25};
  const std::vector<int64_t> shape = {1, 3, 7, 9};  // 189 elements: the last word is not full
  const std::vector<float> values = media::apply(wanted, picture, shape).value();
  const auto preprocessing = media::gpu_preprocessing(wanted, kWidth, kHeight, shape).value();
  {
    Session session = session_of(identity_network(DType::f16, {1, 3, 7, 9}));
    run_frame(session, {{&image, bind_image(session, "x", image.external(), preprocessing).value()}});
    std::vector<uint16_t> got(values.size());
    expect_ok(session.read("x", std::span<uint16_t>(got)));
    for (size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], half_from_float(values[i])) << i;
  }
  {
    Graph graph = identity_network(DType::i8, {1, 3, 7, 9});
    graph.tensors[0].desc.quant = Quant::tensor(0.015f, 3);
    Session session = session_of(std::move(graph));
    run_frame(session, {{&image, bind_image(session, "x", image.external(), preprocessing).value()}});
    std::vector<int8_t> got(values.size());
    expect_ok(session.read("x", std::span<int8_t>(got)));
    for (size_t i = 0; i < got.size(); ++i) {
      ASSERT_EQ(got[i], std::clamp(std::lround(values[i] / 0.015f) + 3, -128l, 127l)) << i;
    }
  }
  {
    Session session = session_of(identity_network(DType::u8, {1, 3, 7, 9}));
    run_frame(session, {{&image, bind_image(session, "x", image.external(), preprocessing).value()}});
    std::vector<uint8_t> got(values.size());
    expect_ok(session.read("x", std::span<uint8_t>(got)));
    EXPECT_EQ(got, media::apply_u8(wanted, picture, shape).value());
  }
}

TEST_F(ImageInputs, change_from_frame_to_frame) {
  Session session = session_of(identity_network(DType::f32, {1, 3, 12, 10}));
  gpu::AppImage first(own(), VK_FORMAT_R8G8B8A8_UNORM, {kWidth, kHeight}, kSampled);
  gpu::AppImage second(own(), VK_FORMAT_R8G8B8A8_UNORM, {kWidth, kHeight}, kSampled);
  gpu::AppImage larger(own(), VK_FORMAT_R8G8B8A8_UNORM, {64, 50}, kSampled);
  for (int round = 0; round < 12; ++round) {
    gpu::AppImage& image = round % 4 == 3 ? larger : (round % 2 ? second : first);
    const VkExtent2D size = image.external().extent;
    media::Image picture = some_picture(static_cast<int>(size.width), static_cast<int>(size.height));
    picture.pixels[static_cast<size_t>(round)] ^= 0x55;
    image.upload(frame(), gpu_device(), bytes_for(VK_FORMAT_R8G8B8A8_UNORM, picture));
    const auto made = gpu_device().stats().pipelines;
    const auto use = bind_image(session, "x", image.external());
    ASSERT_TRUE(use) << use.error().message;
    if (round == 1 || round == 2) {
      EXPECT_EQ(gpu_device().stats().pipelines, made) << "the same size compiles nothing";
    }
    run_frame(session, {{&image, *use}});
    std::vector<float> got(3 * 12 * 10);
    expect_ok(session.read("x", std::span<float>(got)));
    EXPECT_EQ(got, media::apply({}, picture, std::vector<int64_t>{1, 3, 12, 10}).value()) << round;
  }
}

TEST_F(ImageInputs, that_cannot_be_used_are_refused_with_the_reason) {
  Session session = session_of(identity_network(DType::f32, {1, 3, 8, 8}));
  const gpu::AppImage image(own(), VK_FORMAT_R8G8B8A8_UNORM, {16, 16}, kSampled);
  const auto refuse = [&](auto change, const std::vector<std::string>& words) {
    ExternalImage external = image.external();
    ImagePreprocessing preprocessing;
    change(external, preprocessing);
    expect_error(bind_image(session, "x", external, preprocessing), Code::invalid_argument, words);
  };
  using E = ExternalImage;
  using P = ImagePreprocessing;
  refuse([](E& e, P&) { e.image = VK_NULL_HANDLE; }, {"'x'", "null"});
  refuse([](E& e, P&) { e.view = VK_NULL_HANDLE; }, {"view", "SAMPLED"});
  refuse([](E& e, P&) { e.format = VK_FORMAT_D32_SFLOAT; }, {"126", "R8G8B8A8_UNORM", "R16G16B16A16_SFLOAT"});
  refuse([](E& e, P&) { e.format = VK_FORMAT_UNDEFINED; }, {"format"});
  refuse([](E& e, P&) { e.usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT; },
         {"lacks usage SAMPLED or STORAGE or TRANSFER_SRC", "0x10"});
  refuse([](E& e, P&) { e.usage = kStorage, e.format = VK_FORMAT_B8G8R8A8_UNORM; }, {"SAMPLED", "TRANSFER_SRC"});
  refuse([](E& e, P&) { e.usage = 0; }, {"usage"});
  refuse([](E& e, P&) { e.extent = {0, 4}; }, {"0 x 4"});
  refuse([](E& e, P&) { e.layout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL; }, {"layout 2", "expected 5"});
  refuse([](E& e, P&) { e.tiling = VK_IMAGE_TILING_DRM_FORMAT_MODIFIER_EXT; }, {"tiling"});
  refuse([](E&, P& p) { p.color = ImageColor::gray; }, {"3 channels", "has 1"});
  refuse([](E&, P& p) { p.std[1] = 0; }, {"std"});
  refuse([](E&, P& p) { p.linear_light = true; }, {"R16G16B16A16_SFLOAT"});
  refuse([](E&, P& p) { p.placement.source_x = 10, p.placement.source_width = 8; }, {"8 x 16 at 10, 0", "16 x 16"});
  refuse([](E&, P& p) { p.placement.source_y = -1; }, {"-1"});
  refuse([](E&, P& p) { p.placement.source_x = 16; }, {"0 x 16"});
  refuse([](E&, P& p) { p.placement.x = 8; }, {"none is in the input of 8 x 8"});
  refuse([](E&, P& p) { p.placement.width = UINT32_MAX; }, {"32768"});
  expect_error(bind_image(session, "y", image.external()), Code::not_found, {"'y'"});
  Session batch = session_of(identity_network(DType::f32, {2, 3, 8, 8}));
  expect_error(bind_image(batch, "x", image.external()), Code::invalid_argument, {"[2, 3, 8, 8]", "no picture"});
  Session integers = session_of(identity_network(DType::i32, {1, 3, 8, 8}));
  expect_error(bind_image(integers, "x", image.external()), Code::invalid_argument, {"i32"});
  // What was refused left nothing behind.
  std::vector<float> values(3 * 8 * 8, 1.0f);
  expect_ok(session.write("x", std::span<const float>(values)));
}

// A small device's range: what the image needs on the way is known when it is bound.
TEST_F(ImageInputs, beyond_the_devices_reach_are_refused_when_they_are_bound) {
  DeviceOptions options;
  options.mask = "max_buffer_range=8192";
  const Device small = Device::wrap(gpu::external_of(own().handles(), ExternalDevice{}), options).value();
  Session session = Session::create(small, make_model(identity_network(DType::f32, {1, 3, 8, 8})).value()).value();
  const gpu::AppImage large(own(), VK_FORMAT_R8G8B8A8_UNORM, {64, 64}, kSampled);
  const gpu::AppImage tall(own(), VK_FORMAT_R8G8B8A8_UNORM, {2, 300}, kSampled);
  expect_error(bind_image(session, "x", large.external()), Code::invalid_argument, {"16384 bytes", "8192"});
  expect_error(bind_image(session, "x", tall.external()), Code::invalid_argument, {"9600 bytes", "8192"});
  const gpu::AppImage output(own(), VK_FORMAT_R8G8B8A8_UNORM, {8, 8}, VK_IMAGE_USAGE_STORAGE_BIT);
  const std::vector<uint32_t> palette(3000);
  ImagePostprocessing classes;
  classes.contents = ImagePostprocessing::Contents::argmax;
  classes.palette = palette;
  expect_error(bind_image(session, "x", output.external(), classes), Code::invalid_argument, {"12000 bytes", "8192"});
  expect_ok(session.run());
}

TEST_F(ImageInputs, are_all_given_back_by_an_empty_name) {
  Session session = session_of(residual_network());
  const gpu::AppImage in(own(), VK_FORMAT_R8G8B8A8_UNORM, {7, 9}, kSampled);
  const gpu::AppImage out(own(), VK_FORMAT_R8G8B8A8_UNORM, {7, 9}, VK_IMAGE_USAGE_STORAGE_BIT);
  ImagePostprocessing classes;
  classes.contents = ImagePostprocessing::Contents::argmax;
  ASSERT_TRUE(bind_image(session, "", in.external()));
  ASSERT_TRUE(bind_image(session, "", out.external(), classes));
  std::vector<float> input(3 * 9 * 7), output(6 * 9 * 7);
  expect_error(session.write("x", std::span<const float>(input)), Code::invalid_argument, {"application's image"});
  expect_error(unbind_image(session, "z"), Code::not_found, {"'z'"});
  expect_ok(unbind_image(session, ""));
  expect_ok(session.write("x", std::span<const float>(input)));
  expect_ok(session.run());
  expect_ok(session.read("sum", std::span<float>(output)));
  expect_error(bind_buffer(session, "", VK_NULL_HANDLE, 0), Code::not_found, {"no input or output ''", "'x'", "'sum'"});
}

TEST(ImagePlacements, letterbox_and_crop_keep_the_proportions) {
  const ImagePlacement wide = letterboxed({200, 100}, 50, 50);
  EXPECT_EQ(wide, (ImagePlacement{0, 0, 0, 0, 50, 25, 0, 12}));
  EXPECT_EQ(letterboxed({100, 200}, 50, 50, false), (ImagePlacement{0, 0, 0, 0, 25, 50, 0, 0}));
  EXPECT_EQ(center_cropped({200, 100}, 50, 50), (ImagePlacement{50, 0, 100, 100, 0, 0, 0, 0}));
  EXPECT_EQ(center_cropped({100, 100}, 50, 25), (ImagePlacement{0, 25, 100, 50, 0, 0, 0, 0}));
}

}  // namespace
}  // namespace nibble::test
