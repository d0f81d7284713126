// nibble-convert with samples and networks that would ruin a conversion: what a user gets to read.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

#include "media/npy.h"
#include "tests/support/onnx_builder.h"
#include "tests/tools/tool_process.h"

namespace nibble::test {
namespace {

namespace fs = std::filesystem;
using Floats = std::vector<float>;

constexpr const char* kTool = NIBBLE_CONVERT;

Floats random_values(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  Floats out;
  for (size_t i = 0; i < count; ++i)
    out.push_back(static_cast<float>(static_cast<double>(random() % 20001) / 10000.0 - 1.0));
  return out;
}

class BadInput : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("nibble_bad_input_" + std::to_string(::getpid()));
    fs::create_directories(folder_ / "samples");
    write(classifier(), "net.onnx");
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  static OnnxBuilder classifier(float bad = 0.0f) {
    OnnxBuilder b(13);
    Floats w = random_values(24 * 12, 3);
    if (bad != 0.0f) w[7] = bad;
    b.input("x", {"1", "12"}).output("y").floats("w", {24, 12}, w).floats("v", {10, 24}, random_values(240, 4));
    b.node("Gemm", {"x", "w"}, {"h"}, {{"transB", int64_t{1}}}, "first").node("Relu", {"h"}, {"r"});
    b.node("Gemm", {"r", "v"}, {"y"}, {{"transB", int64_t{1}}}, "second");
    return b;
  }
  static OnnxBuilder picture_network() {
    OnnxBuilder b(13);
    b.input("x", {"1", "3", "24", "24"}).output("y").floats("w", {8, 3, 3, 3}, random_values(216, 3));
    b.node("Conv", {"x", "w"}, {"c"}, {}, "conv").node("GlobalAveragePool", {"c"}, {"g"}).node("Flatten", {"g"}, {"y"});
    return b;
  }
  void write(const OnnxBuilder& builder, const std::string& name) const {
    std::ofstream(path(name), std::ios::binary) << builder.bytes();
  }
  void sample(size_t i, const std::vector<int64_t>& shape, const Floats& values) const {
    const std::string name = path("samples/" + std::to_string(1000 + i) + ".npy");
    ASSERT_TRUE(media::write_npy(name, DType::f32, shape, std::as_bytes(std::span(values))));
  }
  void samples(size_t count, float scale = 1.0f, size_t from = 0) const {
    for (size_t i = 0; i < count; ++i) {
      Floats v = random_values(12, static_cast<uint32_t>(50 + from + i));
      for (float& x : v) x *= scale;
      sample(from + i, {1, 12}, v);
    }
  }
  // A smooth picture of its own brightness and slope.
  void pictures(size_t count) const {
    for (size_t s = 0; s < count; ++s) {
      Floats v;
      const Floats r = random_values(9, static_cast<uint32_t>(s + 1));
      for (size_t c = 0; c < 3; ++c) {
        for (int y = 0; y < 24; ++y) {
          for (int x = 0; x < 24; ++x)
            v.push_back(r[c] + r[3 + c] * static_cast<float>(y) / 24 + r[6 + c] * static_cast<float>(x) / 24);
        }
      }
      sample(s, {1, 3, 24, 24}, v);
    }
  }
  ToolResult convert(std::vector<std::string> more, const std::string& model = "net.onnx") const {
    std::vector<std::string> arguments{path(model), "-o", path("out.nbl")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_tool(kTool, arguments);
  }
  ToolResult calibrated(std::vector<std::string> more = {}, const std::string& model = "net.onnx") const {
    more.insert(more.begin(), {"--calibrate", path("samples")});
    return convert(more, model);
  }
  bool written() const { return fs::exists(path("out.nbl")); }

  fs::path folder_;
};

void expect_words(const std::string& text, const std::vector<std::string>& words) {
  for (const std::string& word : words) EXPECT_NE(text.find(word), std::string::npos) << word << "\nin: " << text;
}

TEST_F(BadInput, good_samples_pass) {
  samples(24);
  const ToolResult r = calibrated({"--samples", "12"});
  EXPECT_EQ(r.code, 0) << r.err;
  EXPECT_EQ(r.err.find("warning"), std::string::npos) << r.err;
  EXPECT_TRUE(written());
}

TEST_F(BadInput, no_samples) {
  ToolResult r = convert({});
  EXPECT_EQ(r.code, 1);
  expect_words(r.err, {"need samples", "--calibrate"});
  r = calibrated();  // an empty folder
  EXPECT_EQ(r.code, 1);
  expect_words(r.err, {path("samples")});
  samples(3);
  r = calibrated({"--skip", "5"});
  EXPECT_EQ(r.code, 1) << r.err;
  EXPECT_FALSE(written());
}

TEST_F(BadInput, few_samples_are_a_warning) {
  samples(3);
  const ToolResult r = calibrated();
  EXPECT_EQ(r.code, 0) << r.err;
  expect_words(r.err, {"warning", "3 samples", "100"});
}

TEST_F(BadInput, samples_of_the_wrong_shape) {
  samples(10);
  sample(4, {1, 13}, random_values(13, 9));
  const ToolResult r = calibrated();
  EXPECT_EQ(r.code, 1);
  expect_words(r.err, {"1004.npy", "'x'", "[1, 12]", "[1, 13]"});
  EXPECT_FALSE(written());
}

TEST_F(BadInput, samples_that_hold_no_numbers) {
  samples(60);
  Floats bad = random_values(12, 9);
  bad[5] = std::numeric_limits<float>::quiet_NaN();
  sample(41, {1, 12}, bad);
  const ToolResult r = calibrated();
  EXPECT_EQ(r.code, 1);
  expect_words(r.err, {"1041.npy", "'x'", "NaN"});
  EXPECT_FALSE(written());
}

TEST_F(BadInput, weights_that_are_no_numbers) {
  samples(10);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    write(classifier(bad), "broken.onnx");
    for (const char* format : {"int8", "int4", "fp16"}) {
      const ToolResult r = calibrated({"--weights", format}, "broken.onnx");
      EXPECT_EQ(r.code, 1) << format;
      expect_words(r.err, {"'first'", "weights", "NaN", "value 7 of 288"});
    }
    const ToolResult unquantized = convert({"--weights", "fp32"}, "broken.onnx");
    EXPECT_EQ(unquantized.code, 1);
    expect_words(unquantized.err, {"'first'", "NaN"});
  }
  EXPECT_FALSE(written());
}

TEST_F(BadInput, activations_that_overflow) {
  OnnxBuilder b(13);
  Floats w = random_values(24 * 12, 3);
  for (float& v : w) v *= 3e38f;
  b.input("x", {"1", "12"}).output("y").floats("w", {24, 12}, w);
  b.node("Gemm", {"x", "w"}, {"h"}, {{"transB", int64_t{1}}}, "first").node("Exp", {"h"}, {"y"}, {}, "last");
  write(b, "overflow.onnx");
  samples(10);
  const ToolResult r = calibrated({}, "overflow.onnx");
  EXPECT_EQ(r.code, 1) << r.out;
  EXPECT_FALSE(written());
}

TEST_F(BadInput, noise_is_refused_unless_allowed) {
  write(picture_network(), "pictures.onnx");
  for (size_t i = 0; i < 10; ++i) sample(i, {1, 3, 24, 24}, random_values(3 * 24 * 24, static_cast<uint32_t>(i + 1)));
  ToolResult r = calibrated({}, "pictures.onnx");
  EXPECT_EQ(r.code, 1);
  expect_words(r.err, {"random noise", "--allow-noise", path("samples")});
  EXPECT_FALSE(written());
  r = calibrated({"--allow-noise"}, "pictures.onnx");
  EXPECT_EQ(r.code, 0) << r.err;
  expect_words(r.err, {"warning", "random noise"});
  pictures(10);
  r = calibrated({}, "pictures.onnx");
  EXPECT_EQ(r.code, 0) << r.err;
  EXPECT_EQ(r.err.find("random noise"), std::string::npos) << r.err;
}

TEST_F(BadInput, samples_of_one_value_are_a_warning) {
  write(picture_network(), "pictures.onnx");
  for (size_t i = 0; i < 10; ++i) sample(i, {1, 3, 24, 24}, Floats(3 * 24 * 24, 0.25f));
  const ToolResult r = calibrated({"--allow-collapse"}, "pictures.onnx");
  expect_words(r.err, {"warning", "one value"});
}

TEST_F(BadInput, channels_that_never_change_are_said) {
  OnnxBuilder b(13);
  Floats w = random_values(24 * 12, 3), bias(24, 0.1f);
  for (size_t o = 0; o < 5; ++o) {
    for (size_t i = 0; i < 12; ++i) w[o * 12 + i] = 0.0f;
  }
  b.input("x", {"1", "12"}).output("y").floats("w", {24, 12}, w).floats("b", {24}, bias);
  b.floats("v", {10, 24}, random_values(240, 4));
  b.node("Gemm", {"x", "w", "b"}, {"h"}, {{"transB", int64_t{1}}}, "first").node("Relu", {"h"}, {"r"});
  b.node("Gemm", {"r", "v"}, {"y"}, {{"transB", int64_t{1}}}, "second");
  write(b, "dead.onnx");
  samples(16);
  const ToolResult r = calibrated({}, "dead.onnx");
  EXPECT_EQ(r.code, 0) << r.err;
  expect_words(r.out, {"5 channels had one value"});
}

TEST_F(BadInput, a_result_that_has_collapsed_is_not_written_unless_allowed) {
  samples(12, 1e4f);       // calibration sees these
  samples(16, 1.0f, 100);  // and these come after them
  ToolResult r = calibrated({"--samples", "12"});
  EXPECT_EQ(r.code, 1) << r.out;
  expect_words(r.err, {"collapsed", "not written", "the same output for all 16", "--allow-collapse", "most noise"});
  EXPECT_FALSE(written());
  r = calibrated({"--samples", "12", "--allow-collapse"});
  EXPECT_EQ(r.code, 0) << r.err;
  expect_words(r.err, {"warning", "collapsed"});
  EXPECT_TRUE(written());
}

TEST_F(BadInput, a_report_is_left_where_the_result_is_refused) {
  samples(12, 1e4f);
  samples(16, 1.0f, 100);
  const ToolResult r = calibrated({"--samples", "12", "--report", path("r.html"), "--report", path("r.json")});
  EXPECT_EQ(r.code, 1);
  std::ifstream page(path("r.html")), facts(path("r.json"));
  const std::string html((std::istreambuf_iterator<char>(page)), {});
  expect_words(html, {"The result has collapsed", "<svg", "first", "second"});
  const auto json = nlohmann::json::parse(facts, nullptr, false);
  ASSERT_FALSE(json.is_discarded());
  EXPECT_EQ(json["result"]["verdict"], "collapsed");
  EXPECT_EQ(json["result"]["held_out"], true);
  EXPECT_EQ(json["layers"].size(), 2u);
  EXPECT_FALSE(json["layers"][0]["sensitivity"].is_null());
}

TEST_F(BadInput, a_network_that_is_quantized_keeps_its_scales_and_says_so) {
  samples(12);
  ASSERT_EQ(calibrated({"--export-onnx", path("quantized.onnx")}).code, 0);
  const ToolResult r = convert({}, "quantized.onnx");
  EXPECT_EQ(r.code, 0) << r.err;
  expect_words(r.err, {"comes quantized", "its own scales are kept"});
}

TEST_F(BadInput, an_exported_network_converts_to_the_same_file_again) {
  samples(12);
  ASSERT_EQ(calibrated({"--export-onnx", path("quantized.onnx")}).code, 0);
  fs::rename(path("out.nbl"), path("first.nbl"));
  ASSERT_EQ(convert({"--export-onnx", path("again.onnx")}, "quantized.onnx").code, 0);
  const auto bytes = [&](const std::string& name) {
    std::ifstream in(path(name), std::ios::binary);
    return std::string((std::istreambuf_iterator<char>(in)), {});
  };
  EXPECT_EQ(bytes("quantized.onnx").size() > 0, true);
  EXPECT_NEAR(static_cast<double>(bytes("again.onnx").size()), static_cast<double>(bytes("quantized.onnx").size()),
              0.1 * static_cast<double>(bytes("quantized.onnx").size()));
}

}  // namespace
}  // namespace nibble::test
