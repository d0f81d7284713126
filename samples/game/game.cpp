// A rendered scene whose frames go through a network on the same device, inside the frame, within a budget of time.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <future>
#include <utility>

#include "app/app.h"
#include "app/app_options.h"
#include "app/ui_text.h"
#include "core/text.h"
#include "core/try.h"
#include "game/frame_network.h"
#include "scene/scene.h"
#include "tools/tool_program.h"

namespace nibble::game {
namespace {

struct GameOptions {
  app::AppOptions app;
  std::vector<std::string> networks;
  int scene_width = 160, scene_height = 90;  // where the network takes every size
  float budget = 4;
};

class Game final : public app::Viewer {
 public:
  explicit Game(const GameOptions& options) : options_(options), budget_(options.budget) {}

  Status start(app::App& app) override {
    notice_ = app.device().notice();
    paths_ = options_.networks;
    if (!paths_.empty()) choose(1);
    NBL_TRY(Stage plain, make_stage(app.device(), {}, wanted_size(), closing_));
    return show(app, std::move(plain));
  }

  void stop() override {
    closing_ = true;
    if (coming_.valid()) coming_.wait();
    coming_ = {};
    output_ = {};
    picture_ = {};
    stage_.network.reset();
    stage_ = {};
  }

  void on_key(const std::string& key) override {
    if (key == "space") paused_ = !paused_;
    if (key == "tab") split_ = !split_;
    if (key == "up") budget_ = std::min(budget_ * 1.25f, kMostBudget);
    if (key == "down") budget_ = std::max(budget_ / 1.25f, kLeastBudget);
    if (key.size() == 1 && key[0] >= '0' && key[0] <= '9') choose(key[0] - '0');
  }

  void on_drop(const std::string& path) override {
    paths_.push_back(path);
    choose(static_cast<int>(paths_.size()));
  }

  Status on_script(app::App&, const app::ScriptLine& line) override {
    const std::vector<int> numbers = app::numbers_of(line);
    const int number = numbers.size() == 1 ? numbers[0] : -1;
    const auto wrong = [&](const std::string& what) {
      return Error{Code::invalid_argument,
                   format("'%s %s': %s", line.verb.c_str(), line.argument.c_str(), what.c_str())};
    };
    if (line.verb == "network") {
      if (!choose(number)) return wrong("no such network");
    } else if (line.verb == "budget") {
      if (number < 1) return wrong("milliseconds were expected");
      budget_ = std::clamp(static_cast<float>(number), kLeastBudget, kMostBudget);
    } else if (line.verb == "time") {
      if (number < 0) return wrong("milliseconds were expected");
      seconds_ = number / 1000.0;
      paused_ = true;
    } else if (line.verb == "expect_runs") {
      if (number < 0 || runs_ < static_cast<size_t>(number)) return wrong(format("the network ran %zu times", runs_));
    } else if (line.verb == "expect_frames_meanwhile") {
      if (frames_meanwhile_ < number) return wrong(format("%d frames were drawn", frames_meanwhile_));
    } else if (line.verb == "expect_message") {
      if (message_.find(line.argument) == std::string::npos) return wrong("the message is '" + message_ + "'");
    } else if (line.verb == "expect_no_message") {
      if (!message_.empty()) return wrong(message_);
    } else {
      return wrong("unknown; the game's README lists what there is");
    }
    return {};
  }

  bool busy() const override { return waiting_ || coming_.valid() || (stage_.network && runs_ < 2); }

  Status update(app::App& app) override {
    if (stage_.network) slice_ms_ = stage_.network->measured_ms();
    NBL_CHECK(change_network(app));
    frame_ms_ = frame_ms_ == 0 ? app.frame_ms() : 0.9 * frame_ms_ + 0.1 * app.frame_ms();
    // Without a window the scene's time is that of its frames: the same script draws the same pictures.
    if (!paused_) seconds_ += app.options().headless ? 1.0 / 30 : std::min(app.frame_ms() / 1000, 0.1);
    draw_pictures();
    draw_panel();
    return {};
  }

  Status record(app::App&, VkCommandBuffer commands) override {
    stage_.scene->record(commands, seconds_);
    if (!stage_.network) return {};
    NBL_TRY(const RunSlice slice, stage_.network->record(commands, static_cast<double>(budget_)));
    ++slices_;
    if (!slice.finished) return {};
    frames_of_run_ = std::exchange(slices_, 0);
    ++runs_;
    return {};
  }

 private:
  static constexpr float kLeastBudget = 1, kMostBudget = 200;

  bool choose(int network) {
    if (network < 0 || network > static_cast<int>(paths_.size())) return false;
    chosen_ = network;
    waiting_ = true;
    return true;
  }

  // What the frame draws. The scene has the size that the network takes.
  struct Stage {
    std::unique_ptr<scene::Scene> scene;
    std::unique_ptr<FrameNetwork> network;  // goes first: it reads the scene
    std::string problem;                    // why there is none
  };

  VkExtent2D wanted_size() const {
    return {static_cast<uint32_t>(options_.scene_width), static_cast<uint32_t>(options_.scene_height)};
  }

  // All that takes long, and for any thread: frames go on meanwhile. Without a path there is no network.
  static Result<Stage> make_stage(app::VulkanDevice& device, const std::string& path, VkExtent2D size,
                                  const std::atomic<bool>& cancelled) {
    Stage stage;
    if (!path.empty()) {
      auto opened = FrameNetwork::open(device, path, size, cancelled);
      if (opened) {
        stage.network = std::move(*opened);
        size = stage.network->input_size();
      } else {
        stage.problem = opened.error().message;
      }
    }
    NBL_TRY(stage.scene, scene::Scene::create(device, static_cast<int>(size.width), static_cast<int>(size.height)));
    if (!stage.network) return stage;
    if (const Status bound = stage.network->bind(stage.scene->image(), scene::Scene::kUsage); !bound) {
      stage.problem = bound.error().message;
      stage.network.reset();
    }
    return stage;
  }

  // Begins to make what was chosen last, and shows what has become ready.
  Status change_network(app::App& app) {
    if (coming_.valid()) {
      ++frames_meanwhile_;
      if (coming_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return {};
      NBL_TRY(Stage stage, coming_.get());
      if (!waiting_) return show(app, std::move(stage));
    }
    if (!std::exchange(waiting_, false)) return {};
    message_.clear();
    frames_meanwhile_ = 0;
    const std::string path = chosen_ > 0 ? paths_[static_cast<size_t>(chosen_) - 1] : std::string();
    coming_ =
        std::async(std::launch::async, make_stage, std::ref(app.device()), path, wanted_size(), std::cref(closing_));
    return {};
  }

  Status show(app::App& app, Stage stage) {
    app.device().wait_idle();  // no frame draws the former one any more
    output_ = {};
    picture_ = {};
    stage_.network.reset();
    stage_ = std::move(stage);
    message_ = stage_.problem;
    runs_ = slices_ = frames_of_run_ = 0;
    slice_ms_ = 0;
    NBL_TRY(picture_, app.ui().show_image(stage_.scene->image()));
    if (!stage_.network) return {};
    NBL_TRY(output_, app.ui().show_image(stage_.network->output()));
    return {};
  }

  void draw_pictures() {
    const ImVec2 size = ImGui::GetIO().DisplaySize;
    ImDrawList& list = *ImGui::GetBackgroundDrawList();
    const float aspect = static_cast<float>(picture_.width()) / static_cast<float>(picture_.height());
    const ImVec2 area(std::max(size.x - kPanel, 1.0f), size.y);
    const ImVec2 drawn(std::min(area.x, area.y * aspect), std::min(area.y, area.x / aspect));
    const ImVec2 min(kPanel + (area.x - drawn.x) / 2, (area.y - drawn.y) / 2), max(min.x + drawn.x, min.y + drawn.y);
    list.AddImage(picture_.id(), min, max);
    const bool shown = stage_.network && runs_ > 0;
    if (!shown) return;
    const float part = split_ ? 0.5f : 0.0f, x = std::floor(min.x + part * drawn.x);
    list.AddImage(output_.id(), ImVec2(x, min.y), max, ImVec2(part, 0), ImVec2(1, 1));
    if (!split_) return;
    list.AddLine(ImVec2(x, min.y), ImVec2(x, max.y), IM_COL32(255, 255, 255, 230), 2);
    const std::string left = format("rendered, %d x %d", picture_.width(), picture_.height());
    const std::string right = format("network, %d x %d", output_.width(), output_.height());
    app::text_on_picture(list, ImVec2(min.x + 10, max.y - 26), IM_COL32(255, 255, 255, 255), left);
    app::text_on_picture(list, ImVec2(x + 10, max.y - 26), IM_COL32(255, 255, 255, 255), right);
  }

  void draw_panel() {
    ImGui::SetNextWindowPos(ImVec2(0, 0));
    ImGui::SetNextWindowSize(ImVec2(kPanel, ImGui::GetIO().DisplaySize.y));
    ImGui::Begin("game", nullptr, ImGuiWindowFlags_NoTitleBar | ImGuiWindowFlags_NoResize | ImGuiWindowFlags_NoMove);
    const ImVec4 blue(0.55f, 0.75f, 1.0f, 1.0f);
    ImGui::TextColored(blue, "Network in the frame");
    if (ImGui::RadioButton("none", chosen_ == 0)) choose(0);
    for (size_t i = 0; i < paths_.size(); ++i) {
      const std::string name = std::filesystem::path(paths_[i]).filename().string();
      ImGui::PushID(static_cast<int>(i));
      if (ImGui::RadioButton(app::fitted(name, kPanel - 70).c_str(), chosen_ == static_cast<int>(i) + 1)) {
        choose(static_cast<int>(i) + 1);
      }
      ImGui::PopID();
    }
    if (paths_.empty()) app::text_fitted("drop .nbl files here", true);
    ImGui::Spacing();
    ImGui::TextColored(blue, "Budget of the network");
    ImGui::SetNextItemWidth(-1);
    ImGui::SliderFloat("##budget", &budget_, kLeastBudget, kMostBudget, "%.1f ms a frame",
                       ImGuiSliderFlags_Logarithmic);
    ImGui::Checkbox("split", &split_);
    ImGui::SameLine();
    ImGui::Checkbox("pause", &paused_);
    ImGui::Spacing();
    ImGui::TextColored(blue, "Measured");
    ImGui::Text("frame %.1f ms", frame_ms_);
    if (stage_.network) {
      const auto ms = [](std::chrono::nanoseconds time) { return static_cast<double>(time.count()) / 1e6; };
      const SliceStatistics slices = stage_.network->statistics();
      ImGui::Text("network %.1f ms in this frame", slice_ms_);
      ImGui::Text("a picture every %zu frame%s", frames_of_run_, frames_of_run_ == 1 ? "" : "s");
      ImGui::Text("longest piece %.1f ms", ms(slices.longest_step));
      ImGui::Text("worst overshoot %.1f ms", ms(slices.worst_overshoot));
      if (runs_ > 0 && ms(slices.longest_step) > static_cast<double>(budget_)) {
        ImGui::PushStyleColor(ImGuiCol_Text, ImVec4(1.0f, 0.8f, 0.4f, 1.0f));
        ImGui::TextWrapped("The longest piece takes more than the budget.");
        ImGui::PopStyleColor();
      }
      ImGui::Text("device memory %s", tools::bytes_text(stage_.network->memory().total()).c_str());
    }
    if (coming_.valid()) ImGui::TextWrapped("The network is being made ready ...");
    for (const std::string& text : {notice_, message_}) {
      if (text.empty()) continue;
      ImGui::Spacing();
      ImGui::PushStyleColor(ImGuiCol_Text, ImVec4(1.0f, 0.6f, 0.5f, 1.0f));
      ImGui::TextWrapped("%s", text.c_str());
      ImGui::PopStyleColor();
    }
    ImGui::End();
  }

  static constexpr float kPanel = 240;

  GameOptions options_;
  std::vector<std::string> paths_;
  int chosen_ = 0;  // 0: none
  bool waiting_ = false, paused_ = false, split_ = true;
  float budget_;
  double seconds_ = 0, frame_ms_ = 0, slice_ms_ = 0;
  size_t runs_ = 0, slices_ = 0, frames_of_run_ = 0;  // whole runs; slices of the one that goes on; of the last one
  int frames_meanwhile_ = 0;                          // that were drawn while the network was being made
  std::string message_, notice_;
  Stage stage_;
  std::atomic<bool> closing_{false};
  std::future<Result<Stage>> coming_;
  app::Texture picture_, output_;
};

}  // namespace
}  // namespace nibble::game

int main(int argc, char** argv) {
  nibble::game::GameOptions options;
  CLI::App cli("A rendered scene whose frames go through a network on the same device.");
  options.app.title = "nibble game";
  nibble::app::add_app_options(cli, options.app);
  cli.add_option("networks", options.networks, ".nbl files that make pictures of pictures");
  cli.add_option("--scene-width", options.scene_width, "of the rendered scene")->check(CLI::Range(16, 4096));
  cli.add_option("--scene-height", options.scene_height, "of the rendered scene")->check(CLI::Range(16, 4096));
  cli.add_option("--budget", options.budget, "milliseconds a frame for the network")->check(CLI::Range(1.0, 200.0));
  if (const auto code = nibble::tools::parse_arguments(cli, argc, argv)) return *code;
  return nibble::tools::run_tool("game", [&] {
    nibble::game::Game game(options);
    return nibble::app::App::run(options.app, game);
  });
}
