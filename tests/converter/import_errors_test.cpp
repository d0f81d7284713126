// What cannot be imported: refused with a message that says all, without a crash.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/support/onnx_builder.h"

namespace nibble::test {
namespace {

namespace fs = std::filesystem;

void expect_words(const std::string& text, const std::vector<std::string>& words) {
  for (const std::string& word : words)
    EXPECT_NE(text.find(word), std::string::npos) << "'" << word << "' missing in: " << text;
}

class onnx_files : public ::testing::Test {
 protected:
  onnx_files() : folder_(fs::temp_directory_path() / ("nibble_onnx_files." + std::to_string(getpid()))) {
    fs::create_directories(folder_ / "models");
  }
  ~onnx_files() override { fs::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return (folder_ / name).string();
  }
  std::string error_of(const std::string& path) const {
    const auto imported = onnx_import::import_file(path);
    if (!imported) return imported.error().message;
    return imported->obstacles.empty() ? "" : onnx_import::describe(imported->obstacles);
  }
  // The error of a model in the folder "models" with weights in an external file.
  std::string external(const std::vector<std::pair<std::string, std::string>>& entries) const {
    OnnxBuilder b;
    b.input("x", {"4"}).output("y").external("w", {4}, entries).node("Add", {"x", "w"}, {"y"});
    return error_of(write("models/net.onnx", b.bytes()));
  }

  fs::path folder_;
};

OnnxBuilder relu() {
  OnnxBuilder b;
  b.input("x", {"2"}).output("y").node("Relu", {"x"}, {"y"});
  return b;
}

TEST_F(onnx_files, that_are_no_models_are_named) {
  EXPECT_EQ(error_of(write("good.onnx", relu().bytes())), "");
  expect_words(error_of((folder_ / "absent.onnx").string()), {"absent.onnx", "no such file"});
  expect_words(error_of(folder_.string()), {"is a directory"});
  expect_words(error_of(write("empty.onnx", "")), {"empty.onnx", "is empty"});
  expect_words(error_of(write("text.onnx", "# a text file\nthat says nothing\n")), {"text.onnx", "not an ONNX"});
  const std::string bytes = relu().bytes();
  expect_words(error_of(write("cut.onnx", bytes.substr(0, bytes.size() - 9))), {"cut.onnx"});
}

TEST_F(onnx_files, external_data_stays_in_the_folder_of_the_model) {
  write("outside.bin", std::string(16, '\0'));
  write("models/w.bin", std::string(16, '\0'));
  write("models/short.bin", std::string(15, '\0'));
  fs::create_symlink(folder_ / "outside.bin", folder_ / "models" / "link.bin");
  fs::create_directory(folder_ / "models" / "folder.bin");
  EXPECT_EQ(external({{"location", "w.bin"}}), "");
  EXPECT_EQ(external({{"location", "w.bin"}, {"offset", "0"}, {"length", "16"}}), "");
  expect_words(external({{"location", "../outside.bin"}}), {"outside the model's folder"});
  expect_words(external({{"location", (folder_ / "outside.bin").string()}}), {"outside the model's folder"});
  expect_words(external({{"location", "link.bin"}}), {"outside the model's folder"});
  expect_words(external({{"location", "folder.bin"}}), {"folder.bin", "missing"});
  expect_words(external({{"location", "absent.bin"}}), {"absent.bin", "missing"});
  expect_words(external({{"location", ""}}), {"outside the model's folder"});
  expect_words(external({{"location", "short.bin"}}), {"15 bytes", "expected 16"});
  expect_words(external({{"location", "w.bin"}, {"offset", "4"}}), {"expected 16 from offset 4"});
  expect_words(external({{"location", "w.bin"}, {"length", "12"}}), {"length 12"});
  expect_words(external({{"location", "w.bin"}, {"offset", "-4"}}), {"expected a number"});
  expect_words(external({{"location", "w.bin"}, {"offset", "99999999999999999999"}}), {"expected a number"});
}

TEST(onnx_obstacles, are_listed_all_at_once_by_name) {
  OnnxBuilder b;
  b.input("x", {"1", "2", "4", "4"}).output("y");
  b.node("Wavelet", {"x"}, {"a"}, {}, "first")
      .node("Relu", {"a"}, {"b"}, {}, "between")
      .node("NonZero", {"x"}, {"c"}, {}, "second");
  b.node("MaxPool", {"x"}, {"d"}, {{"kernel_shape", std::vector<int64_t>{2, 2}}, {"mystery", int64_t{1}}}, "third");
  b.node("Gelu", {"x"}, {"e"}, {}, "fourth", "com.example").node("Sum", {"b", "c", "d", "e"}, {"y"});
  const std::string text = b.problem();
  expect_words(text, {"Wavelet 'first'", "NonZero 'second'", "MaxPool 'third'", "attribute 'mystery'", "Gelu 'fourth'",
                      "domain com.example"});
  EXPECT_EQ(text.find("between"), std::string::npos) << "a node is blamed for what it reads: " << text;
}

TEST(onnx_obstacles, name_unsupported_attributes_and_run_time_parameters) {
  OnnxBuilder b;
  b.input("x", {"1", "3", "8", "8"}).input("w", {"3", "3", "1", "1"}).output("y");
  b.node("Conv", {"x", "w"}, {"y"}, {}, "conv");
  expect_words(b.problem(), {"Conv 'conv'", "weights", "run time"});
  OnnxBuilder c;
  c.input("x", {"1", "3", "8", "8", "8"})
      .output("y")
      .node("MaxPool", {"x"}, {"y"}, {{"kernel_shape", std::vector<int64_t>{2, 2, 2}}});
  expect_words(c.problem(), {"3 spatial axes"});
  OnnxBuilder absent;
  absent.input("x", {"4"})
      .output("y")
      .integers("two", {1}, {2})
      .node("Mul", {"two", ""}, {"m"})
      .node("Reshape", {"x", "m"}, {"y"});
  expect_words(absent.problem(), {"Mul 'm'", "input 1 is missing"});
  OnnxBuilder d;
  d.input("x", {"4"}).output("y").node("Relu", {"later"}, {"y"}).node("Relu", {"x"}, {"later"});
  expect_words(d.problem(), {"'later' is made by no node before it"});
}

TEST(onnx_obstacles, hostile_numbers_are_refused) {
  const int64_t huge = std::numeric_limits<int64_t>::max();
  const auto pool = [](std::vector<OnnxAttribute> attributes) {
    OnnxBuilder b;
    b.input("x", {"1", "1", "4", "4"}).output("y").node("MaxPool", {"x"}, {"y"}, attributes);
    return b.problem();
  };
  EXPECT_NE(pool({{"kernel_shape", std::vector<int64_t>{huge, huge}}}), "");
  EXPECT_NE(pool({{"kernel_shape", std::vector<int64_t>{2, 2}}, {"strides", std::vector<int64_t>{0, 1}}}), "");
  EXPECT_NE(pool({{"kernel_shape", std::vector<int64_t>{2}}}), "");
  EXPECT_NE(pool({{"kernel_shape", int64_t{2}}}), "");
  const auto transposed = [](std::vector<int64_t> shape) {
    OnnxBuilder b;
    b.input("x", {"1", "1", "4", "4"}).output("y").floats("w", {1, 1, 2, 2}, {1, 2, 3, 4});
    b.node("ConvTranspose", {"x", "w"}, {"y"}, {{"output_shape", std::move(shape)}});
    return b.problem();
  };
  EXPECT_NE(transposed({-huge, 4}), "");
  EXPECT_NE(transposed({huge, 4}), "");
  OnnxBuilder pad;
  pad.input("x", {"4"}).output("y").integers("p", {2}, {huge, huge}).node("Pad", {"x", "p"}, {"y"});
  EXPECT_NE(pad.problem(), "");
  OnnxBuilder outer;  // 65536 * 65536 sums
  outer.input("x", {"4"}).output("y").integers("n", {}, {65536}).integers("z", {}, {0}).integers("u", {}, {1});
  outer.integers("a", {2}, {-1, 1}).node("Range", {"z", "n", "u"}, {"r"}).node("Reshape", {"r", "a"}, {"column"});
  outer.node("Unsqueeze", {"r"}, {"row"}, {{"axes", std::vector<int64_t>{0}}})
      .node("Unsqueeze", {"r"}, {"tall"}, {{"axes", std::vector<int64_t>{1}}});
  outer.node("Add", {"row", "tall"}, {"sums"}).node("Reshape", {"x", "sums"}, {"y"});
  EXPECT_NE(outer.problem(), "");
  OnnxBuilder claimed;
  claimed.input("x", {"4"}).output("y").floats("w", {huge / 2, 2}, {1}).node("Add", {"x", "w"}, {"y"});
  expect_words(claimed.problem(), {"initializer 'w'"});
}

TEST_F(onnx_files, end_where_they_are_told) {
  OnnxBuilder b;
  b.input("x", {"1", "8"}).output("best").integers("k", {1}, {3});
  b.node("Relu", {"x"}, {"scores"}).node("Neg", {"scores"}, {"other"});
  b.node("TopK", {"scores", "k"}, {"values", "best"}, {}, "top");
  b.node("Det", {"other"}, {"unread"});  // nobody needs it, so that it is no obstacle
  const std::string path = write("tail.onnx", b.bytes());
  EXPECT_EQ(error_of(path), "TopK 'top': the operator is not supported; --outputs ends the network before it");
  const auto cut = onnx_import::import_file(path, {}, {"other", "scores"});
  ASSERT_TRUE(cut) << cut.error().message;
  ASSERT_TRUE(cut->obstacles.empty()) << onnx_import::describe(cut->obstacles);
  ASSERT_EQ(cut->graph.outputs.size(), 2u);
  EXPECT_EQ(cut->graph.desc(cut->graph.outputs[0]).name, "other");
  EXPECT_EQ(cut->graph.desc(cut->graph.outputs[1]).name, "scores");
  const auto absent = onnx_import::import_file(path, {}, {"boxes"});
  ASSERT_FALSE(absent);
  expect_words(absent.error().message, {"tail.onnx", "'boxes'", "'best'"});
}

}  // namespace
}  // namespace nibble::test
