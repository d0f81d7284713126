// The viewers as processes: without a window, and in one on a display without a screen, by scripts and by xdotool.
// Screenshots stay in the build folder.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "media/image.h"
#include "media/media_testing.h"
#include "media/metrics.h"
#include "sample_networks.h"
#include "support/shared_data.h"
#include "tools/tool_process.h"

namespace nibble::test {
namespace {

using media::test::TempFolder;

std::string screenshot(const std::string& name) {
  const char* icd = std::getenv("VK_ICD_FILENAMES");
  const std::string driver = icd && std::string(icd).find("swiftshader") != std::string::npos ? "swiftshader" : "other";
  const std::filesystem::path folder = std::filesystem::path(NIBBLE_SCREENSHOTS) / driver;
  std::filesystem::create_directories(folder);
  std::filesystem::remove(folder / name);
  return (folder / name).string();
}

media::Image read(const std::string& path) {
  auto image = media::read_image(path);
  EXPECT_TRUE(image) << image.error().message;
  return image ? std::move(*image) : media::Image{};
}

void expect_size(const media::Image& image, int width, int height) {
  EXPECT_EQ(image.width, width);
  EXPECT_EQ(image.height, height);
}

// What a column of pixels beyond the controls shows is more than the window's background.
double share_of_background(const media::Image& image, int x1, int y1, int x2, int y2) {
  size_t same = 0, all = 0;
  for (int y = y1; y < y2; ++y) {
    for (int x = x1; x < x2; ++x, ++all) same += std::equal(image.at(x, y), image.at(x, y) + 3, image.at(x1, y1));
  }
  return static_cast<double>(same) / static_cast<double>(all);
}

enum class Display { headless, virtual_screen };

ToolResult run_viewer(Display display, const std::string& program, const std::string& script,
                      std::vector<std::string> arguments) {
  const TempFolder folder;
  arguments.insert(arguments.end(), {"--validation", "--script", folder.write("script.txt", script)});
  if (display == Display::headless) {
    arguments.push_back("--headless");
    return run_tool(program, arguments);
  }
  arguments.insert(arguments.begin(), {"-a", "-s", "-screen 0 1600x1000x24", program});
  return run_tool(NIBBLE_XVFB_RUN, arguments);
}

void expect_success(const ToolResult& result) { EXPECT_EQ(result.code, 0) << result.out << result.err; }

TEST(View, compares_formats_without_a_window) {
  const std::string left = screenshot("view_left.png"), right = screenshot("view_right.png"),
                    heat = screenshot("view_heat.png"), tiles = screenshot("view_tiles.png");
  expect_success(run_viewer(Display::headless, NIBBLE_VIEW,
                            "wait\nexpect_no_message\ndivider 100\nframes 1\nscreenshot " + left +
                                "\ndivider 0\nframes 1\nscreenshot " + right + "\nmode difference\nwait\nscreenshot " +
                                heat + "\nkey tab\nmode tiles\nwait\nscreenshot " + tiles + "\nexpect_no_message\n",
                            {shipped_file("data/pictures/low"), shipped_network("upscaler", "fp32"),
                             shipped_network("upscaler", "int8"), shipped_network("upscaler", "int4")}));
  const media::Image a = read(left), b = read(right), c = read(heat), d = read(tiles);
  for (const media::Image* image : {&a, &b, &c, &d}) expect_size(*image, 1280, 720);
  if (::testing::Test::HasFailure()) return;
  // fp32 and int4 make nearly the same picture, not the same one; a heat map is another.
  EXPECT_NE(a.pixels, b.pixels);
  EXPECT_GT(media::psnr_db(a, b), 20);
  EXPECT_LT(media::psnr_db(a, c), media::psnr_db(a, b));
  EXPECT_LT(share_of_background(a, 700, 20, 900, 300), 0.2);
}

TEST(View, survives_what_a_window_goes_through) {
  const std::string before = screenshot("view_window.png"), small = screenshot("view_small.png"),
                    after = screenshot("view_restored.png");
  expect_success(
      run_viewer(Display::virtual_screen, NIBBLE_VIEW,
                 "wait\nexpect_no_message\nmouse 700 600\nframes 2\nscreenshot " + before +
                     "\nresize 900 560\nframes 2\nscreenshot " + small +
                     "\nminimise\nframes 3\nkey right\nframes 2\nrestore\nresize 1280 720\nwait\nkey 1\nwait\n"
                     "remove 2\ndrop " +
                     shipped_network("classifier", "int8") +
                     "\nwait\nkey tab\nkey tab\nkey tab\nkey d\nwait\nexpect_no_message\nscreenshot " + after + "\n",
                 {shipped_file("data/glyphs/sample.png"), shipped_network("classifier", "fp32"),
                  shipped_network("classifier", "int4")}));
  expect_size(read(before), 1280, 720);
  expect_size(read(small), 900, 560);
  expect_size(read(after), 1280, 720);
}

TEST(View, says_what_is_wrong_in_the_window) {
  const TempFolder folder;
  const std::string damaged = folder.write("damaged.png", std::string("\x89PNG\r\n\x1a\n nothing else"));
  const std::string no_network = folder.write("damaged.nbl", std::string("no network at all"));
  std::filesystem::create_directories(folder / "empty");
  const std::string picture = screenshot("view_messages.png");
  expect_success(run_viewer(
      Display::virtual_screen, NIBBLE_VIEW,
      "drop " + folder / "absent.nbl" + "\nwait\nexpect_message absent.nbl\ndrop " + no_network +
          "\nwait\nexpect_message damaged.nbl\ndrop " + damaged + "\nwait\nexpect_message damaged.png\ndrop " +
          folder / "empty" + "\nwait\nexpect_message empty\ndrop " + shipped_file("data/glyphs/sample.png") +
          "\nwait\ntask detection\nwait\nexpect_message decoder\ntask segmentation\n"
          "wait\nexpect_message rows and columns\ndevice no such device\nexpect_message no such device\nscreenshot " +
          picture + "\n",
      {shipped_file("data/glyphs/sample.png"), shipped_network("classifier", "fp32")}));
  expect_size(read(picture), 1280, 720);
}

TEST(View, takes_frames_of_the_scene) {
  const std::string first = screenshot("view_scene.png"), second = screenshot("view_scene_later.png");
  expect_success(run_viewer(
      Display::headless, NIBBLE_VIEW,
      "scene 1000\nwait\nscreenshot " + first + "\nscene 2000\nwait\nscreenshot " + second + "\nexpect_no_message\n",
      {shipped_network("upscaler", "int8")}));
  EXPECT_NE(read(first).pixels, read(second).pixels);
}

TEST(View, draws_boxes_of_a_shared_detector) {
  const auto data = shared_data("data/coco-val-30");
  if (!data) GTEST_SKIP() << "shared data absent";
  const TempFolder folder;
  const std::string preprocess = folder.write(
      "yolox.json",
      R"({"resize":{"mode":"letterbox","size":[416,416],"fill":114,"anchor":"topleft","filter":"bilinear"},"color":"bgr","std":0.00392156862745098})");
  const std::string network =
      shared_network("yolox_nano/yolox_nano.onnx", {"--preprocess", preprocess, "--detection", R"({"decoder":"yolox"})",
                                                    "--classes", (*data / "classes.txt").string()});
  if (network.empty()) GTEST_SKIP() << "shared network absent";
  const std::string plain = screenshot("view_plain.png"), boxes = screenshot("view_boxes.png");
  expect_success(run_viewer(Display::headless, NIBBLE_VIEW,
                            "wait\nexpect_no_message\ndivider 100\nframes 1\nscreenshot " + plain +
                                "\ndivider 0\nframes 1\nscreenshot " + boxes + "\n",
                            {(*data / "images/000000025560.jpg").string(), network}));
  EXPECT_NE(read(plain).pixels, read(boxes).pixels);
}

TEST(View, obeys_a_user_of_a_real_window) {
  const TempFolder folder;
  const std::string picture = screenshot("view_xdotool.png");
  const std::string script =
      folder.write("script.txt", "wait\nscreenshot " + folder / "ready.png" +
                                     "\nawait_key tab\nwait\nframes 3\nscreenshot " + picture + "\n");
  const std::string program = folder.write(
      "user.sh",
      std::string("'") + NIBBLE_VIEW + "' --validation --script '" + script + "' '" +
          shipped_file("data/pictures/low") + "' '" + shipped_network("upscaler", "int8") +
          "' &\n"
          "for i in $(seq 240); do [ -s '" +
          folder / "ready.png" +
          "' ] && break; kill -0 $! 2>/dev/null || break; sleep 1; done\n"
          "id=$(timeout 60 xdotool search --sync --onlyvisible --name nibble-view | head -n 1)\n"
          "xdotool windowsize --sync $id 1000 640\nxdotool windowunmap $id\nxdotool windowmap --sync $id\n"
          "xdotool windowfocus --sync $id\nxdotool mousemove --window $id 500 200 click 1\n"
          "for i in $(seq 50); do xdotool key Right key Tab; kill -0 $! 2>/dev/null || break; sleep 1; done\n"
          "wait $!\n");
  expect_success(run_tool(NIBBLE_XVFB_RUN, {"-a", "-s", "-screen 0 1600x1000x24", "bash", program}));
  expect_size(read(picture), 1000, 640);
}

TEST(Viewers, name_headless_where_there_is_no_display) {
  for (const char* program : {NIBBLE_VIEW, NIBBLE_GAME}) {
    const ToolResult result = run_tool(program, {}, {{"DISPLAY", ""}, {"WAYLAND_DISPLAY", ""}});
    EXPECT_EQ(result.code, 1);
    EXPECT_NE(result.err.find("--headless"), std::string::npos) << result.err;
  }
}

TEST(Viewers, refuse_wrong_scripts_and_devices) {
  const TempFolder folder;
  for (const auto& [script, words] :
       std::vector<std::pair<std::string, std::string>>{{"frames", "line 1"},
                                                        {"wait\nresize 5", "line 2"},
                                                        {"fly away", "line 1"},
                                                        {"resize 1 99999999999", "line 1"}}) {
    const ToolResult result = run_viewer(Display::headless, NIBBLE_VIEW, script + "\n", {});
    EXPECT_EQ(result.code, 1) << script;
    EXPECT_NE(result.err.find(words), std::string::npos) << result.err;
  }
  const ToolResult device = run_tool(NIBBLE_VIEW, {"--headless", "--device", "no such device"});
  EXPECT_EQ(device.code, 1);
  EXPECT_NE(device.err.find("no such device"), std::string::npos) << device.err;
}

TEST(Game, runs_a_network_inside_its_frame) {
  const std::string network = shipped_network("upscaler", "int8");
  const std::string with = screenshot("game_network.png"), again = screenshot("game_again.png"),
                    without = screenshot("game_plain.png");
  expect_success(run_viewer(Display::headless, NIBBLE_GAME,
                            "time 1500\nbudget 200\nwait\nexpect_runs 2\nexpect_no_message\nscreenshot " + with +
                                "\nnetwork 0\nwait\nscreenshot " + without +
                                "\nnetwork 1\nwait\nexpect_runs 2\nexpect_frames_meanwhile 2\nscreenshot " + again +
                                "\n",
                            {network, "--scene-width", "64", "--scene-height", "36"}));
  const media::Image a = read(with), b = read(without), c = read(again);
  for (const media::Image* image : {&a, &b, &c}) expect_size(*image, 1280, 720);
  if (::testing::Test::HasFailure()) return;
  // The left half is the rendered scene in both, the right half the network's; the same time gives the same picture.
  size_t left = 0, right = 0, changed = 0;
  for (int y = 100; y < 600; ++y) {
    for (int x = 260; x < 1270; ++x) {
      if (std::abs(x - 760) < 4) continue;
      const bool differs = !std::equal(a.at(x, y), a.at(x, y) + 3, b.at(x, y));
      (x < 760 ? left : right) += differs;
      changed += !std::equal(a.at(x, y), a.at(x, y) + 3, c.at(x, y));
    }
  }
  EXPECT_EQ(left, 0u);
  EXPECT_GT(right, 10000u);
  EXPECT_EQ(changed, 0u);
  EXPECT_GT(media::psnr_db(a, b), 18);  // it is still the scene
}

TEST(Game, survives_what_a_window_goes_through) {
  const std::string picture = screenshot("game_window.png"), message = screenshot("game_message.png");
  expect_success(run_viewer(Display::virtual_screen, NIBBLE_GAME,
                            "wait\nexpect_no_message\nkey up\nkey tab\nresize 900 600\nframes 2\nscreenshot " +
                                picture +
                                "\nminimise\nframes 3\nrestore\nresize 1280 720\nframes 2\nnetwork 2\nwait\n"
                                "expect_message no RGB picture\nnetwork 3\nwait\nexpect_message absent.nbl\n"
                                "screenshot " +
                                message + "\nnetwork 1\nbudget 5\nwait\nexpect_no_message\nexpect_runs 2\n",
                            {shipped_network("upscaler", "int8"), shipped_network("classifier", "int8"), "absent.nbl",
                             "--scene-width", "64", "--scene-height", "36", "--budget", "200"}));
  expect_size(read(picture), 900, 600);
  expect_size(read(message), 1280, 720);
}

}  // namespace
}  // namespace nibble::test
