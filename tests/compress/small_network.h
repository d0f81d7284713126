// A small classifier as an ONNX file with samples beside it, for runs of nibble-convert.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "media/npy.h"
#include "tests/support/onnx_builder.h"

namespace nibble::test {

inline std::vector<float> normal_noise(size_t count, uint32_t seed, float deviation) {
  std::mt19937 random(seed);
  std::vector<float> out;
  // Sums of uniform numbers: std::normal_distribution differs between libraries.
  for (size_t i = 0; i < count; ++i) {
    double sum = 0.0;
    for (int k = 0; k < 12; ++k) sum += static_cast<double>(random()) / 4294967296.0;
    out.push_back(deviation * static_cast<float>(sum - 6.0));
  }
  return out;
}

// Rows of a weight that are a factor times other rows: a layer behind ReLU says nothing new with them.
struct RepeatedRow {
  size_t row, of;
  float factor;
};

// Five 3x3 convolutions of 16, 32, 32, 32, 32 channels with ReLU on [1, 8, 12, 12], mean, 10 classes.
// Layer 2 has `repeated` rows.
inline OnnxBuilder small_classifier(const std::vector<RepeatedRow>& repeated = {}) {
  OnnxBuilder b;
  b.input("x", {"1", "8", "12", "12"}).output("y");
  int64_t channels = 8;
  std::string at = "x";
  uint32_t seed = 1;
  for (const int64_t next : {16, 32, 32, 32, 32}) {
    const std::string n = std::to_string(seed);
    const auto row = static_cast<size_t>(channels * 9);
    std::vector<float> weights = normal_noise(static_cast<size_t>(next) * row, seed,
                                              std::sqrt(2.0f / (9.0f * static_cast<float>(channels)))),
                       biases = normal_noise(static_cast<size_t>(next), seed + 100, 0.05f);
    for (const RepeatedRow& r : seed == 2 ? repeated : std::vector<RepeatedRow>{}) {
      for (size_t i = 0; i < row; ++i) weights[r.row * row + i] = r.factor * weights[r.of * row + i];
      biases[r.row] = r.factor * biases[r.of];
    }
    b.floats("w" + n, {next, channels, 3, 3}, weights);
    b.floats("b" + n, {next}, biases);
    b.node("Conv", {at, "w" + n, "b" + n}, {"c" + n}, {{"pads", std::vector<int64_t>{1, 1, 1, 1}}}, "conv" + n);
    b.node("Relu", {"c" + n}, {"r" + n});
    at = "r" + n;
    channels = next;
    ++seed;
  }
  b.node("GlobalAveragePool", {at}, {"pool"}).node("Flatten", {"pool"}, {"flat"});
  b.floats("wf", {10, channels}, normal_noise(static_cast<size_t>(10 * channels), 50, 0.5f));
  b.floats("bf", {10}, normal_noise(10, 51, 0.1f));
  b.node("Gemm", {"flat", "wf", "bf"}, {"y"}, {{"transB", int64_t{1}}}, "fc");
  return b;
}

// A convolution of 16 channels, two residual blocks on [1, 16, 12, 12] (the second adds next to nothing), mean, 10
// classes.
inline OnnxBuilder small_residual_classifier() {
  OnnxBuilder b;
  b.input("x", {"1", "8", "12", "12"}).output("y");
  uint32_t seed = 200;
  const auto conv = [&](const std::string& from, const std::string& to, int64_t inputs, float scale) {
    const float deviation = scale * std::sqrt(2.0f / (9.0f * static_cast<float>(inputs)));
    b.floats("w_" + to, {16, inputs, 3, 3}, normal_noise(static_cast<size_t>(16 * inputs * 9), ++seed, deviation));
    b.floats("b_" + to, {16}, normal_noise(16, ++seed, 0.05f * scale));
    b.node("Conv", {from, "w_" + to, "b_" + to}, {to}, {{"pads", std::vector<int64_t>{1, 1, 1, 1}}}, "conv_" + to);
  };
  conv("x", "stem", 8, 1.0f);
  b.node("Relu", {"stem"}, {"r0"});
  for (const std::string n : {"1", "2"}) {
    conv("r" + std::to_string(std::stoi(n) - 1), "a" + n, 16, 1.0f);
    b.node("Relu", {"a" + n}, {"h" + n});
    conv("h" + n, "c" + n, 16, n == "2" ? 1e-3f : 1.0f);
    b.node("Add", {"r" + std::to_string(std::stoi(n) - 1), "c" + n}, {"s" + n}, {}, "add" + n);
    b.node("Relu", {"s" + n}, {"r" + n});
  }
  b.node("GlobalAveragePool", {"r2"}, {"pool"}).node("Flatten", {"pool"}, {"flat"});
  b.floats("wf", {10, 16}, normal_noise(160, 50, 0.5f));
  b.floats("bf", {10}, normal_noise(10, 51, 0.1f));
  b.node("Gemm", {"flat", "wf", "bf"}, {"y"}, {{"transB", int64_t{1}}}, "fc");
  return b;
}

// What a detector looks like: maps of ten channels as [1, side * side, 10], a row a position.
inline OnnxBuilder small_detector(int64_t side) {
  OnnxBuilder b;
  b.input("x", {"1", "8", std::to_string(side), std::to_string(side)}).output("y");
  int64_t channels = 8;
  std::string at = "x";
  uint32_t seed = 300;
  for (const int64_t next : {16, 16, 10}) {
    const std::string n = std::to_string(++seed);
    b.floats("w" + n, {next, channels, 3, 3},
             normal_noise(static_cast<size_t>(next * channels * 9), seed,
                          std::sqrt(2.0f / (9.0f * static_cast<float>(channels)))));
    b.floats("b" + n, {next}, normal_noise(static_cast<size_t>(next), seed + 100, 0.05f));
    b.node("Conv", {at, "w" + n, "b" + n}, {"c" + n}, {{"pads", std::vector<int64_t>{1, 1, 1, 1}}}, "conv" + n);
    at = "c" + n;
    if (next != 10) b.node("Relu", {at}, {"r" + n}), at = "r" + n;
    channels = next;
  }
  b.integers("rows", {3}, {1, 10, side * side});
  b.node("Reshape", {at, "rows"}, {"flat"});
  b.node("Transpose", {"flat"}, {"y"}, {{"perm", std::vector<int64_t>{0, 2, 1}}});
  return b;
}

// Two maps of four channels on [1, 8, 12, 12], the second with one output in so many.
inline OnnxBuilder small_maps(int64_t stride) {
  OnnxBuilder b;
  b.input("x", {"1", "8", "12", "12"}).output("y").output("z");
  for (const std::string n : {"y", "z"}) {
    const std::vector<int64_t> strides(2, n == "z" ? stride : 1);
    b.floats("w_" + n, {4, 8, 1, 1}, normal_noise(32, n == "z" ? 400 : 401, 0.5f));
    b.node("Conv", {"x", "w_" + n}, {n}, {{"strides", strides}}, "conv_" + n);
  }
  return b;
}

// net.onnx and a folder "samples" in a temporary folder of its own.
class SmallNetworkFiles {
 public:
  // Samples of [1, 8, side, side]; one value of every so many is `spike`, where that is not 0.
  explicit SmallNetworkFiles(size_t samples = 20, const OnnxBuilder& network = small_classifier(), int64_t side = 12,
                             float spike = 0.0f, size_t every = 5) {
    static int made = 0;
    folder_ = std::filesystem::temp_directory_path() /
              ("nibble_small_network_" + std::to_string(::getpid()) + "_" + std::to_string(made++));
    std::filesystem::create_directories(folder_ / "samples");
    std::ofstream(path("net.onnx"), std::ios::binary) << network.bytes();
    for (size_t i = 0; i < samples; ++i) {
      std::vector<float> values =
          normal_noise(static_cast<size_t>(8 * side * side), 1000 + static_cast<uint32_t>(i), 1.0f);
      if (spike != 0.0f && i % every == 0) values[(i * 37 + 500) % values.size()] = spike;
      const std::vector<int64_t> shape{1, 8, side, side};
      EXPECT_TRUE(media::write_npy(path("samples/s" + std::to_string(100 + i) + ".npy"), DType::f32, shape,
                                   std::as_bytes(std::span(values))));
    }
  }
  ~SmallNetworkFiles() { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string bytes(const std::string& name) const {
    std::ifstream in(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

 private:
  std::filesystem::path folder_;
};

}  // namespace nibble::test
