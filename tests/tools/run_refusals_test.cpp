// What nibble-run says to bad input: one line, exit code 1, no file left.
#include <gtest/gtest.h>

#include "media/image.h"
#include "media/media_testing.h"
#include "media/npy.h"
#include "tool_models.h"
#include "tool_process.h"

namespace nibble::test {
namespace {

using media::test::TempFolder;

class RunRefusalsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    write_sums(sums);
    write_color_classifier(colors);
    const std::vector<float> values(6, 1.0f);
    ASSERT_TRUE(
        media::write_npy(good, DType::f32, std::vector<int64_t>{1, 2}, std::as_bytes(std::span(values).first(2))));
    ASSERT_TRUE(
        media::write_npy(wide, DType::f32, std::vector<int64_t>{1, 3}, std::as_bytes(std::span(values).first(3))));
    ASSERT_TRUE(media::write_npy(three, DType::f32, std::vector<int64_t>{3, 2}, std::as_bytes(std::span(values))));
    media::Image image = media::make_image(4, 4, 3);
    ASSERT_TRUE(media::write_png(photo, image));
    files_before = folder.files();
  }
  void TearDown() override { EXPECT_EQ(folder.files(), files_before) << "a file was left behind"; }

  void refuses(const std::vector<std::string>& arguments, const std::vector<std::string>& words) {
    expect_refused(run_tool(NIBBLE_RUN, arguments), words);
  }
  std::string bad_file(const std::string& name, const std::string& bytes) {
    ++files_before;
    return folder.write(name, bytes);
  }

  TempFolder folder;
  std::string sums = folder / "sums.nbl", colors = folder / "colors.nbl", good = folder / "good.npy",
              wide = folder / "wide.npy", three = folder / "three.npy", photo = folder / "photo.png";
  size_t files_before = 0;
};

TEST_F(RunRefusalsTest, files_that_are_no_models) {
  refuses({folder / "absent.nbl"}, {"absent.nbl", "no such file"});
  refuses({folder.path()}, {folder.path(), "folder"});
  refuses({bad_file("text.nbl", "not a network at all, only some text")}, {"text.nbl", "not a .nbl file"});
  refuses({bad_file("empty.nbl", "")}, {"empty.nbl", "empty"});
  const std::string whole = media::test::bytes_of(sums);
  refuses({bad_file("cut.nbl", whole.substr(0, whole.size() / 2))}, {"cut.nbl"});
  refuses({}, {".nbl file"});
}

TEST_F(RunRefusalsTest, inputs_that_the_model_does_not_have) {
  refuses({sums, "--input", "c=" + good}, {"'c'", "'a' f32 [1, 2]", "'b/x' f32 [1, 2]"});
  refuses({sums, "--input", good}, {"needs a name", "'a'", "'b/x'"});
  refuses({sums, "--input", "a=" + good}, {"no values for input 'b/x' f32 [1, 2]"});
  refuses({sums, "--input", "a=" + good, "--input", "a=" + good}, {"'a'", "twice"});
}

TEST_F(RunRefusalsTest, arrays_of_another_shape_or_type) {
  refuses({sums, "--input", "a=" + wide, "--input", "b/x=" + good}, {"wide.npy", "[1, 3]", "'a' f32 [1, 2]"});
  refuses({sums, "--input", "a=" + good, "--input", "b/x=" + three}, {"three.npy", "N = 3", "1"});
  const std::vector<int64_t> integers = {1, 2};
  ++files_before;
  ASSERT_TRUE(
      media::write_npy(folder / "ids.npy", DType::i64, std::vector<int64_t>{1, 2}, std::as_bytes(std::span(integers))));
  refuses({sums, "--input", "a=" + (folder / "ids.npy"), "--input", "b/x=" + good}, {"ids.npy", "'a'", "f32", "i64"});
  ++files_before;
  const std::vector<float> one = {1};
  ASSERT_TRUE(media::write_npy(folder / "one.npy", DType::f32, std::vector<int64_t>{1}, std::as_bytes(std::span(one))));
  refuses({sums, "--input", "a=" + (folder / "one.npy"), "--input", "b/x=" + good}, {"one.npy", "[1]", "[N, 2]"});
}

TEST_F(RunRefusalsTest, files_that_are_no_inputs) {
  refuses({colors, "--input", folder / "absent.jpg"}, {"absent.jpg", "no such file"});
  refuses({colors, "--input", bad_file("text.jpg", "no picture")}, {"text.jpg"});
  refuses({colors, "--input", bad_file("empty.png", "")}, {"empty.png", "empty"});
  refuses({colors, "--input", bad_file("cut.npy", "\x93NUMPY")}, {"cut.npy"});
  std::filesystem::create_directory(folder / "none");
  ++files_before;
  refuses({colors, "--input", folder / "none"}, {"none"});
}

TEST_F(RunRefusalsTest, sizes_that_contradict) {
  const std::string input = "a=" + good, other = "b/x=" + good;
  refuses({sums, "--input", input, "--input", other, "--dim", "N=2"}, {"N = 1", "2"});
  refuses({sums, "--input", input, "--input", other, "--dim", "M=2"}, {"'M'", "N"});
  refuses({sums, "--input", input, "--input", other, "--dim", "N=many"}, {"N=many", "NAME=SIZE"});
  refuses({sums, "--input", input, "--input", other, "--dim", "N=0"}, {"N=0"});
}

TEST_F(RunRefusalsTest, outputs_that_cannot_be_written) {
  const std::vector<std::string> run = {sums, "--input", "a=" + good, "--input", "b/x=" + good};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), run.begin(), run.end());
    return more;
  };
  refuses(with({"--output-dir", good}), {"good.npy", "not a folder"});
  refuses(with({"--output-dir", "/dev/full"}), {"/dev/full", "not a folder"});
  refuses(with({"--output-dir", folder / "deep/er", "--output-image", folder / "out.png"}), {"sum:0", "no picture"});
  refuses({colors, "--input", photo, "--output-image", folder / "out.png"}, {"'scores'", "no picture"});
}

TEST_F(RunRefusalsTest, pictures_that_cannot_be_written) {
  ++files_before;
  write_negative(folder / "negative.nbl");
  const std::vector<std::string> run = {folder / "negative.nbl", "--input", photo, "--output-image"};
  const auto to = [&](const std::string& path) {
    std::vector<std::string> arguments = run;
    arguments.push_back(path);
    return arguments;
  };
  refuses(to(folder / "absent/out.png"), {"absent/out.png", "cannot be created"});
  refuses(to(folder.path()), {folder.path(), "folder"});
  if (std::filesystem::exists("/dev/full")) refuses(to("/dev/full"), {"/dev/full", "No space left"});
  const std::string other = folder.write("other.png", std::string("x"));
  ++files_before;
  refuses({folder / "negative.nbl", "--input", photo, "--input", photo, "--output-image", folder / "out.png"},
          {"one picture"});
}

TEST_F(RunRefusalsTest, a_full_standard_output) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "this system has no /dev/full";
  expect_refused(run_tool(NIBBLE_RUN, {colors, "--input", photo}, {}, "/dev/full"), {"standard output"});
}

TEST_F(RunRefusalsTest, questions_that_the_outputs_do_not_answer) {
  ++files_before;
  write_negative(folder / "negative.nbl");
  refuses({folder / "negative.nbl", "--input", photo, "--top", "3"}, {"--top", "negative"});
  refuses({colors, "--input", photo, "--top", "3", "--output", "other"}, {"'other'", "'scores'"});
  refuses({colors, "--input", photo, "--top", "0"}, {"--top"});
  refuses({colors, "--input", photo, "--frobnicate"}, {"--frobnicate", "--help"});
}

TEST_F(RunRefusalsTest, damaged_settings) {
  refuses({colors, "--input", photo, "--preprocess", bad_file("p.json", R"({"resise": 3})")}, {"p.json", "resise"});
  refuses({colors, "--input", photo, "--preprocess", folder / "absent.json"}, {"absent.json", "no such file"});
}

TEST_F(RunRefusalsTest, devices_that_are_not_there) {
  refuses({colors, "--input", photo, "--device", "no such gpu"}, {"no such gpu", "there are: 0 '"});
  refuses({colors, "--input", photo, "--device", "99"}, {"99", "there are: 0 '"});
  refuses({colors, "--input", photo, "--mask", "frob=1"}, {"frob"});
  const std::map<std::string, std::string> no_driver = {{"VK_ICD_FILENAMES", folder / "absent"},
                                                        {"VK_DRIVER_FILES", folder / "absent"}};
  expect_refused(run_tool(NIBBLE_RUN, {colors, "--input", photo}, no_driver), {"no Vulkan driver", "install"});
  expect_refused(run_tool(NIBBLE_RUN, {"--list-devices"}, no_driver), {"no Vulkan driver", "install"});
}

}  // namespace
}  // namespace nibble::test
