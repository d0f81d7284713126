// nibble-calibrate as a user calls it: what it gathers is kept through interruptions, full disks and wrong files.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "converter/statistics/moments_file.h"
#include "tests/compress/small_network.h"
#include "tests/tools/tool_process.h"

namespace nibble {
namespace {

namespace fs = std::filesystem;
using test::run_tool;
using test::SmallNetworkFiles;
using test::ToolResult;

constexpr const char* kTool = NIBBLE_CALIBRATE;

void expect_words(const std::string& text, const std::vector<std::string>& words) {
  for (const std::string& word : words) EXPECT_NE(text.find(word), std::string::npos) << word << " in:\n" << text;
}

// What a file holds.
struct Moments {
  statistics::MomentsOrigin origin;
  std::map<std::string, statistics::LayerMoments> layers;
};

class CalibrateTool : public testing::Test {
 protected:
  std::vector<std::string> arguments(const std::string& output, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> out = {files_.path("net.onnx"), "--data", files_.path("samples"), "-o",
                                    files_.path(output)};
    out.insert(out.end(), more.begin(), more.end());
    return out;
  }
  ToolResult gather(const std::string& output, const std::vector<std::string>& more = {}) const {
    return run_tool(kTool, arguments(output, more));
  }
  Moments read(const std::string& name) const {
    const auto file = statistics::MomentsFile::open(files_.path(name));
    EXPECT_TRUE(file) << file.error().message;
    Moments out;
    if (!file) return out;
    out.origin = file->origin();
    for (const std::string& layer : file->layers()) {
      auto moments = file->layer(layer);
      EXPECT_TRUE(moments) << moments.error().message;
      if (moments) out.layers[layer] = std::move(*moments);
    }
    return out;
  }
  void write(const std::string& name, const std::string& bytes) const {
    std::ofstream(files_.path(name), std::ios::binary) << bytes;
  }
  // Fails with these words, and `kept` is as it was.
  void refused(const std::vector<std::string>& all, const std::vector<std::string>& words, const std::string& kept) {
    const std::string before = files_.bytes(kept);
    const ToolResult result = run_tool(kTool, all);
    EXPECT_NE(result.code, 0);
    EXPECT_LT(result.code, 128) << "ended by a signal";
    expect_words(result.err, words);
    EXPECT_TRUE(files_.bytes(kept) == before) << kept;
    for (const auto& entry : fs::directory_iterator(fs::path(files_.path(kept)).parent_path()))
      EXPECT_FALSE(entry.path().filename().string().starts_with(".")) << entry.path();
  }

  const SmallNetworkFiles files_{24};
};

// Sums in another order: equal up to rounding. Products of a sample are added in float.
void expect_same(const Moments& a, const Moments& b) {
  EXPECT_EQ(a.origin.samples, b.origin.samples);
  EXPECT_EQ(a.origin.network, b.origin.network);
  ASSERT_EQ(a.layers.size(), b.layers.size());
  for (const auto& [name, m] : a.layers) {
    ASSERT_TRUE(b.layers.contains(name)) << name;
    const statistics::LayerMoments& other = b.layers.at(name);
    ASSERT_TRUE(m.same_shape(other)) << name;
    EXPECT_EQ(m.count, other.count) << name;
    EXPECT_EQ(m.samples, other.samples) << name;
    double largest = 0.0, worst = 0.0;
    for (size_t i = 0; i < m.gram.size(); ++i) {
      largest = std::max(largest, std::abs(m.gram[i]));
      worst = std::max(worst, std::abs(m.gram[i] - other.gram[i]));
    }
    EXPECT_GT(largest, 0.0) << name;
    EXPECT_LE(worst, 1e-6 * largest) << name;
  }
}

TEST_F(CalibrateTool, holds_every_layer_and_sample_and_comes_out_the_same) {
  const ToolResult result = gather("a.stats");
  ASSERT_EQ(result.code, 0) << result.err;
  expect_words(result.out, {"a.stats", "24 samples", "6 layers"});
  const Moments file = read("a.stats");
  EXPECT_EQ(file.origin.sample_count(), 24u);
  for (const char* layer : {"conv1", "conv2", "conv3", "conv4", "conv5", "fc"})
    EXPECT_TRUE(file.layers.contains(layer)) << layer;
  ASSERT_EQ(gather("b.stats", {"--threads", "1"}).code, 0);
  EXPECT_TRUE(files_.bytes("a.stats") == files_.bytes("b.stats"));
  // And it is what nibble-convert takes: weights rounded by it are not those rounded by a fifth of the samples.
  const auto converted = [&](const std::string& stats, const std::string& out) {
    return run_tool(NIBBLE_CONVERT,
                    {files_.path("net.onnx"), "-o", files_.path(out), "--weights", "int4", "--calibrate",
                     files_.path("samples"), "--allow-noise", "--no-equalize", "--stats", files_.path(stats)});
  };
  ASSERT_EQ(gather("few.stats", {"--samples", "5"}).code, 0);
  const ToolResult all = converted("a.stats", "all.nbl");
  ASSERT_EQ(all.code, 0) << all.err;
  ASSERT_EQ(converted("few.stats", "few.nbl").code, 0);
  EXPECT_FALSE(files_.bytes("all.nbl") == files_.bytes("few.nbl"));
}

TEST_F(CalibrateTool, fits_the_conversion_that_is_not_told_to_leave_channels_alone) {
  // Channels that differ, repeat each other (5, of 2) or say nothing (7): those that a conversion would change.
  std::ofstream(files_.path("net.onnx"), std::ios::binary)
      << test::small_classifier({{5, 2, 1.0f}, {7, 0, 0.0f}, {9, 1, 20.0f}}).bytes();
  ASSERT_EQ(gather("a.stats").code, 0);
  ASSERT_EQ(gather("few.stats", {"--samples", "5"}).code, 0);
  const auto converted = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {
        files_.path("net.onnx"), "-o", files_.path("net.nbl"), "--calibrate", files_.path("samples"), "--allow-noise"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_tool(NIBBLE_CONVERT, arguments);
  };
  const std::string stats = files_.path("a.stats"), plan = files_.path("plan.json");
  const ToolResult first = converted({"--weights", "int4", "--stats", stats, "--plan-out", plan});
  ASSERT_EQ(first.code, 0) << first.err;
  expect_words(first.out, {"dead", "no equalisation", "--stats"});
  const std::string bytes = files_.bytes("net.nbl");
  // The plan takes that file, and no other.
  const ToolResult again = converted({"--plan", plan, "--stats", stats});
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_TRUE(files_.bytes("net.nbl") == bytes);
  for (const auto& [arguments, word] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"--plan", plan}, "give it with --stats"},
           {{"--plan", plan, "--stats", files_.path("few.stats")}, "stats"},
           {{"--stats", stats, "--equalize"}, "--equalize"},
           {{"--stats", stats, "--max-macs", "0.8x"}, "--max-macs"}}) {
    const ToolResult refused = converted(arguments);
    EXPECT_EQ(refused.code, 1) << word;
    expect_words(refused.err, {word});
  }
}

TEST_F(CalibrateTool, takes_the_memory_it_is_given_and_comes_out_the_same) {
  // Sums of 0.7, 2.7 and 2.7 MB: in one run over the samples, or in three.
  test::OnnxBuilder b(13);
  b.input("x", {"1", "8", "12", "12"}).output("y");
  b.floats("w1", {64, 8, 1, 1}, test::normal_noise(512, 1, 0.3f)).node("Conv", {"x", "w1"}, {"a"}, {}, "first");
  b.floats("w2", {64, 64, 3, 3}, test::normal_noise(64 * 576, 2, 0.05f)).node("Conv", {"a", "w2"}, {"b"}, {}, "second");
  b.floats("w3", {4, 64, 3, 3}, test::normal_noise(4 * 576, 3, 0.05f)).node("Conv", {"b", "w3"}, {"y"}, {}, "third");
  write("net.onnx", b.bytes());
  ASSERT_EQ(gather("usual.stats").code, 0);
  const ToolResult small = gather("small.stats", {"--memory", "1"});
  ASSERT_EQ(small.code, 0) << small.err;
  EXPECT_EQ(read("small.stats").origin.sample_count(), 24u);
  EXPECT_TRUE(files_.bytes("usual.stats") == files_.bytes("small.stats"));
  // Parts too.
  ASSERT_EQ(gather("part.stats", {"--memory", "3", "--save-every", "9"}).code, 0);
  ASSERT_EQ(gather("other.stats", {"--save-every", "9"}).code, 0);
  EXPECT_TRUE(files_.bytes("part.stats") == files_.bytes("other.stats"));
}

TEST_F(CalibrateTool, goes_on_where_it_ended) {
  ASSERT_EQ(gather("whole.stats").code, 0);
  ASSERT_EQ(gather("part.stats", {"--samples", "7"}).code, 0);
  EXPECT_EQ(read("part.stats").origin.sample_count(), 7u);
  ASSERT_EQ(gather("part.stats").code, 0);
  expect_same(read("whole.stats"), read("part.stats"));
  // A third run finds nothing left to do.
  const std::string before = files_.bytes("part.stats");
  ASSERT_EQ(gather("part.stats").code, 0);
  EXPECT_TRUE(files_.bytes("part.stats") == before);
}

TEST_F(CalibrateTool, fills_a_gap_in_the_middle) {
  ASSERT_EQ(gather("whole.stats").code, 0);
  ASSERT_EQ(gather("gap.stats", {"--samples", "4"}).code, 0);
  ASSERT_EQ(gather("gap.stats", {"--skip", "15", "--samples", "5"}).code, 0);
  EXPECT_EQ(read("gap.stats").origin.samples.size(), 2u);
  ASSERT_EQ(gather("gap.stats", {"--save-every", "3"}).code, 0);
  expect_same(read("whole.stats"), read("gap.stats"));
}

TEST_F(CalibrateTool, killed_at_any_moment_it_loses_at_most_what_was_not_saved) {
  ASSERT_EQ(gather("whole.stats").code, 0);
  std::vector<std::string> all = arguments("killed.stats", {"--save-every", "1"});
  all.insert(all.begin(), kTool);
  for (int round = 0; round < 2; ++round) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      std::vector<char*> argv;
      for (std::string& text : all) argv.push_back(text.data());
      argv.push_back(nullptr);
      if (!std::freopen("/dev/null", "w", stdout) || !std::freopen("/dev/null", "w", stderr)) _exit(126);
      execv(kTool, argv.data());
      _exit(127);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + 25 * round));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) != 0);
    if (fs::exists(files_.path("killed.stats"))) read("killed.stats");  // whole at any moment
  }
  ASSERT_EQ(gather("killed.stats").code, 0);
  expect_same(read("whole.stats"), read("killed.stats"));
}

TEST_F(CalibrateTool, halves_add_up_to_the_whole) {
  ASSERT_EQ(gather("whole.stats").code, 0);
  ASSERT_EQ(gather("a.stats", {"--samples", "12"}).code, 0);
  ASSERT_EQ(gather("b.stats", {"--skip", "12"}).code, 0);
  const auto merge = [&](const std::string& first, const std::string& second) {
    return run_tool(kTool, {"--merge", files_.path(first), files_.path(second), "-o", files_.path("sum.stats")});
  };
  ASSERT_EQ(merge("a.stats", "b.stats").code, 0);
  expect_same(read("whole.stats"), read("sum.stats"));
  ASSERT_EQ(merge("b.stats", "a.stats").code, 0);
  expect_same(read("whole.stats"), read("sum.stats"));
  // Samples count once.
  refused({"--merge", files_.path("a.stats"), files_.path("whole.stats"), "-o", files_.path("sum.stats")},
          {"whole.stats", "is in both"}, "sum.stats");
  refused({"--merge", files_.path("a.stats"), files_.path("none.stats"), "-o", files_.path("sum.stats")},
          {"none.stats"}, "sum.stats");
}

TEST_F(CalibrateTool, what_does_not_belong_together_is_refused_before_any_work) {
  ASSERT_EQ(gather("a.stats", {"--samples", "4"}).code, 0);
  test::OnnxBuilder other(13);
  other.input("x", {"1", "8", "12", "12"}).output("y").floats("w", {4, 8, 1, 1}, test::normal_noise(32, 7, 1.0f));
  other.node("Conv", {"x", "w"}, {"y"}, {}, "conv1");
  write("other.onnx", other.bytes());
  refused({files_.path("other.onnx"), "--data", files_.path("samples"), "-o", files_.path("a.stats")},
          {"a.stats", "networks differ"}, "a.stats");
  refused(arguments("a.stats", {"--positions", "32"}), {"a.stats", "positions differ", "'64'", "'32'"}, "a.stats");
  write("net.json", R"({"color":"gray"})");
  refused(arguments("a.stats", {"--preprocess", files_.path("net.json")}), {"a.stats", "preprocessings differ"},
          "a.stats");
  // A file that is no statistics is not written over.
  refused(arguments("net.onnx"), {"net.onnx", "not a file of statistics"}, "net.onnx");
  refused({"--merge", files_.path("a.stats"), "-o", files_.path("net.onnx")}, {"net.onnx", "not a file of statistics"},
          "net.onnx");
  test::OnnxBuilder plain(13);
  plain.input("x", {"1", "8", "12", "12"}).output("y").node("Relu", {"x"}, {"y"}, {}, "relu");
  write("plain.onnx", plain.bytes());
  refused({files_.path("plain.onnx"), "--data", files_.path("samples"), "-o", files_.path("p.stats")},
          {"plain.onnx", "no layer has weights"}, "a.stats");
  EXPECT_FALSE(fs::exists(files_.path("p.stats")));
}

TEST_F(CalibrateTool, damaged_files_are_refused) {
  ASSERT_EQ(gather("a.stats", {"--samples", "4"}).code, 0);
  const std::string good = files_.bytes("a.stats");
  ASSERT_GT(good.size(), 1000u);
  for (const size_t length :
       {size_t{0}, size_t{1}, size_t{7}, size_t{8}, size_t{40}, good.size() / 2, good.size() - 1}) {
    write("bad.stats", good.substr(0, length));
    refused(arguments("bad.stats"), {"bad.stats"}, "bad.stats");
    refused({"--merge", files_.path("a.stats"), files_.path("bad.stats"), "-o", files_.path("sum.stats")},
            {"bad.stats"}, "sum.stats");
  }
  for (size_t at = 0; at < good.size(); at += good.size() / 23) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x41);
    write("bad.stats", bad);
    refused(arguments("bad.stats"), {"bad.stats"}, "bad.stats");
  }
  write("bad.stats", good + "more");
  refused(arguments("bad.stats"), {"bad.stats"}, "bad.stats");
}

TEST_F(CalibrateTool, a_full_disk_keeps_the_file_of_before) {
  ASSERT_EQ(gather("a.stats", {"--samples", "4"}).code, 0);
  // No file may grow beyond 4 blocks of 512 bytes: the write fails as on a full disk.
  std::vector<std::string> limited = {"-c", "trap '' XFSZ; ulimit -f 4; exec \"$@\"", "sh", kTool};
  for (const std::string& text : arguments("a.stats")) limited.push_back(text);
  const std::string before = files_.bytes("a.stats");
  const ToolResult result = run_tool("/bin/sh", limited);
  EXPECT_EQ(result.code, 1) << result.err;
  expect_words(result.err, {"a.stats", "cannot be written"});
  EXPECT_TRUE(files_.bytes("a.stats") == before);
  for (const auto& entry : fs::directory_iterator(fs::path(files_.path("a.stats")).parent_path()))
    EXPECT_FALSE(entry.path().filename().string().starts_with(".")) << entry.path();
  // And the run can go on later.
  ASSERT_EQ(gather("a.stats").code, 0);
  EXPECT_EQ(read("a.stats").origin.sample_count(), 24u);
  refused(arguments("nowhere/a.stats"), {"nowhere/a.stats"}, "a.stats");
  refused(arguments("samples"), {"samples", "folder"}, "a.stats");
}

TEST_F(CalibrateTool, samples_and_numbers_that_are_wrong) {
  for (const char* option : {"--samples", "--skip", "--save-every", "--positions", "--memory", "--threads"}) {
    for (const char* wrong : {"-1", "x", "1e3", "99999999999999999999", ""})
      refused(arguments("a.stats", {option, wrong}), {option}, "net.onnx");
  }
  refused(arguments("a.stats", {"--skip", "24"}), {"24"}, "net.onnx");
  std::vector<float> bad(8 * 12 * 12, 0.5f);
  bad[17] = std::numeric_limits<float>::quiet_NaN();
  const std::vector<int64_t> shape{1, 8, 12, 12};
  ASSERT_TRUE(media::write_npy(files_.path("samples/s110.npy"), DType::f32, shape, std::as_bytes(std::span(bad))));
  // What was gathered before it is kept.
  const ToolResult result = gather("a.stats", {"--save-every", "5"});
  EXPECT_EQ(result.code, 1);
  expect_words(result.err, {"s110.npy", "NaN"});
  EXPECT_EQ(read("a.stats").origin.sample_count(), 10u);
  EXPECT_FALSE(fs::exists(files_.path("b.stats")));
}

TEST_F(CalibrateTool, gathers_of_a_network_that_is_cut) {
  test::OnnxBuilder network = test::small_classifier();
  network.integers("k", {1}, {3}).node("TopK", {"y", "k"}, {"best", "which"}, {}, "top").output("best");
  std::ofstream(files_.path("net.onnx"), std::ios::binary) << network.bytes();
  const ToolResult whole = gather("whole.stats");
  EXPECT_EQ(whole.code, 1);
  expect_words(whole.err, {"TopK 'top'", "--outputs"});
  ASSERT_EQ(gather("cut.stats", {"--outputs", "y"}).code, 0);
  const ToolResult converted =
      run_tool(NIBBLE_CONVERT, {files_.path("net.onnx"), "-o", files_.path("net.nbl"), "--weights", "int4",
                                "--calibrate", files_.path("samples"), "--allow-noise", "--no-equalize", "--outputs",
                                "y", "--stats", files_.path("cut.stats")});
  EXPECT_EQ(converted.code, 0) << converted.err;
}

}  // namespace
}  // namespace nibble
