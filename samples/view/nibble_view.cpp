// nibble-view: networks in several formats on one picture, side by side.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>

#include "app/app.h"
#include "core/text.h"
#include "core/try.h"
#include "media/metrics.h"
#include "scene/scene.h"
#include "tools/tool_program.h"
#include "view/compare.h"
#include "view/view_options.h"
#include "view/view_state.h"

namespace nibble::view {
namespace {

constexpr size_t kMostMessages = 20;

bool is_network(const std::string& path) { return std::filesystem::path(path).extension() == ".nbl"; }

class NibbleView final : public app::Viewer {
 public:
  explicit NibbleView(const ViewOptions& options) : options_(options) {}

  Status start(app::App& app) override {
    if (!app.device().notice().empty()) say(app.device().notice());
    if (auto devices = list_devices()) {
      state_.devices = std::move(*devices);
    } else {
      say(devices.error().message);
    }
    if (!options_.network_device.empty()) choose_device(options_.network_device);
    for (const std::string& path : options_.paths) on_drop(path);
    return {};
  }

  void stop() override {
    state_ = {};
    scene_.reset();
  }

  void on_drop(const std::string& path) override {
    if (is_network(path)) {
      add_network(path);
    } else {
      open_pictures(path);
    }
  }

  void on_key(const std::string& key) override {
    if (ImGui::GetIO().WantTextInput) return;
    if (key == "left") step_picture(-1);
    if (key == "right") step_picture(1);
    if (key == "tab") state_.mode = static_cast<Mode>((static_cast<int>(state_.mode) + 1) % 3), changed_sides_ = true;
    if (key == "space") stale_ = true;
    if (key == "d" && !state_.devices.empty()) {
      state_.device = (state_.device + 1) % static_cast<int>(state_.devices.size());
      stale_ = true;
    }
    if (key.size() == 1 && key[0] >= '0' && key[0] <= '9') choose_side(state_.right, key[0] - '0');
  }

  bool busy() const override { return stale_ || changed_sides_ || runner_.busy(); }

  Status on_script(app::App& app, const app::ScriptLine& line) override;

  Status update(app::App& app) override {
    // What was asked for in the last frame is done before this one shows textures that it may take away.
    if (pending_.scene_frame) take_scene_frame(app, scene_seconds_ + 0.5);
    act(std::exchange(pending_, {}));
    NBL_CHECK(take_results(app));
    if (stale_) NBL_CHECK(run(app));
    if (changed_sides_) NBL_CHECK(compare(app));
    draw_view(state_, pending_, runner_.busy(), runner_.device_name());
    return {};
  }

 private:
  void say(const std::string& message) {
    if (!state_.messages.empty() && state_.messages.back() == message) return;
    state_.messages.push_back(message);
    if (state_.messages.size() > kMostMessages) state_.messages.erase(state_.messages.begin());
  }

  void open_pictures(const std::string& path) {
    auto found = media::open_samples(path, {});
    if (!found) return say(found.error().message);
    if (found->size() == 0 || found->kind(0) != media::SampleSet::Kind::image) {
      return say(path + ": no pictures were found there");
    }
    state_.pictures = std::move(*found);
    state_.picture = 0;
    state_.scene = false;
    read_picture();
  }

  void read_picture() {
    auto picture = state_.pictures.image(state_.picture);
    if (picture) return set_source(std::move(*picture));
    say(picture.error().message);
    state_.source = {};
    new_source_ = false;
    stale_ = true;
  }

  void set_source(media::Image picture) {
    state_.source.image = std::make_shared<media::Image>(std::move(picture));
    new_source_ = stale_ = true;
  }

  void take_scene_frame(app::App& app, double seconds) {
    constexpr int kWidth = 320, kHeight = 180;
    if (!scene_) {
      auto scene = scene::Scene::create(app.device(), kWidth, kHeight);
      if (!scene) return say(scene.error().message);
      scene_ = std::move(*scene);
    }
    auto picture = scene_->picture(seconds);
    if (!picture) return say(picture.error().message);
    scene_seconds_ = seconds;
    state_.scene = true;
    set_source(std::move(*picture));
  }

  void step_picture(int step) {
    const auto count = static_cast<int>(state_.pictures.size());
    if (count == 0) return;
    state_.picture = static_cast<size_t>((static_cast<int>(state_.picture) + step + count) % count);
    state_.scene = false;
    read_picture();
  }

  void add_network(const std::string& path) {
    if (state_.networks.size() == kMostNetworks) {
      return say(format("%s: there are %zu networks already; remove one first", path.c_str(), kMostNetworks));
    }
    Network network;
    network.path = path;
    network.name = std::filesystem::path(path).filename().string();
    state_.networks.push_back(std::move(network));
    const int side = static_cast<int>(state_.networks.size());
    // The first network against the picture, the second against the first, later ones against what is on the left.
    if (side == 2) state_.left = 1;
    state_.right = side;
    stale_ = true;
  }

  void remove_network(int index) {
    if (index < 0 || index >= static_cast<int>(state_.networks.size())) return;
    state_.networks.erase(state_.networks.begin() + index);
    for (int* side : {&state_.left, &state_.right}) {
      if (*side == index + 1) *side = 0;
      if (*side > index + 1) --*side;
    }
    changed_sides_ = true;
  }

  bool choose_side(int& side, int value) {
    if (value < 0 || value > static_cast<int>(state_.networks.size())) return false;
    side = value;
    changed_sides_ = true;
    return true;
  }

  bool choose_device(const std::string& name) {
    const bool number = name.find_first_not_of("0123456789") == std::string::npos;
    for (size_t i = 0; i < state_.devices.size(); ++i) {
      if (number ? name != std::to_string(i) : state_.devices[i].name.find(name) == std::string::npos) continue;
      state_.device = static_cast<int>(i);
      return stale_ = true;
    }
    say(format("no Vulkan device '%s'", name.c_str()));
    return false;
  }

  Status run(app::App& app) {
    stale_ = false;
    if (std::exchange(new_source_, false)) {
      auto texture = app.ui().make_texture(*state_.source.image);
      if (texture) {
        state_.source.texture = std::move(*texture);
      } else {
        say(texture.error().message);
        state_.source = {};
      }
    }
    RunRequest request;
    if (state_.device >= 0) request.device = std::to_string(state_.devices[static_cast<size_t>(state_.device)].index);
    for (Network& network : state_.networks) {
      request.networks.push_back(network.path);
      network.result.reset();
      network.shown = {};
    }
    request.task = state_.task;
    request.picture = state_.source.image;
    if (!request.networks.empty()) generation_ = runner_.request(std::move(request));
    changed_sides_ = true;
    return {};
  }

  Status take_results(app::App& app) {
    while (auto result = runner_.poll()) {
      if (result->generation != generation_) continue;
      for (Network& network : state_.networks) {
        if (network.path != result->path || network.result) continue;
        if (!result->error.empty()) say(network.name + ": " + result->error);
        network.shown = {};
        if (result->shown) {
          auto texture = app.ui().make_texture(*result->shown);
          if (texture) {
            network.shown.texture = std::move(*texture);
            network.shown.image = result->shown;
          } else {
            say(texture.error().message);
          }
        }
        network.result = std::move(*result);
        changed_sides_ = true;
        break;
      }
    }
    return {};
  }

  // The figure for the two sides, and the heat map where it is shown.
  Status compare(app::App& app) {
    changed_sides_ = false;
    state_.heat = {};
    state_.difference.clear();
    const Shown *left = shown_of(state_, state_.left), *right = shown_of(state_, state_.right);
    if (!left || !right || state_.left == state_.right) return {};
    const auto pending = [&](int side) { return side > 0 && !result_of(state_, side); };
    if (pending(state_.left) || pending(state_.right)) return {};
    if (left->image == right->image) {
      if (state_.mode == Mode::difference) state_.difference = "these networks make no pictures to compare";
      return {};
    }
    // Onto the larger one: what enlarging adds is to be seen.
    if (right->image->width > left->image->width) std::swap(left, right);
    const auto other = brought_to(*right->image, *left->image);
    const auto own = brought_to(*left->image, *left->image);
    if (!other || !own) {
      say(other ? own.error().message : other.error().message);
      return {};
    }
    const double psnr = media::psnr_db(*own, *other);
    state_.difference = std::isinf(psnr) ? "both sides are equal" : format("PSNR of the two sides: %.1f dB", psnr);
    if (state_.mode != Mode::difference) return {};
    NBL_TRY(media::Image heat, heat_map(*own, *other, state_.gain));
    NBL_TRY(state_.heat.texture, app.ui().make_texture(heat));
    return {};
  }

  void act(const Actions& actions) {
    if (actions.run) stale_ = true;
    if (actions.compare) changed_sides_ = true;
    if (actions.step_picture != 0) step_picture(actions.step_picture);
    if (actions.remove >= 0) remove_network(actions.remove);
    if (!actions.open.empty()) on_drop(actions.open);
    if (actions.clear_messages) state_.messages.clear();
  }

  ViewOptions options_;
  ViewState state_;
  Runner runner_;
  uint64_t generation_ = 0;
  std::unique_ptr<scene::Scene> scene_;  // made when it is first asked for
  double scene_seconds_ = 1;
  Actions pending_;             // asked for by the last frame's controls
  bool stale_ = false;          // the networks are to be run
  bool new_source_ = false;     // the source's texture is to be made
  bool changed_sides_ = false;  // the comparison is to be made
};

Status NibbleView::on_script(app::App& app, const app::ScriptLine& line) {
  const std::string& argument = line.argument;
  const auto number = [&](int most) {
    const std::vector<int> numbers = app::numbers_of(line);
    return numbers.size() == 1 && numbers[0] >= 0 && numbers[0] <= most ? numbers[0] : -1;
  };
  const auto wrong = [&](const char* what) {
    return Error{Code::invalid_argument, format("'%s %s': %s", line.verb.c_str(), argument.c_str(), what)};
  };
  if (line.verb == "left" || line.verb == "right") {
    int& side = line.verb == "left" ? state_.left : state_.right;
    if (!choose_side(side, number(static_cast<int>(kMostNetworks)))) return wrong("no such network");
  } else if (line.verb == "remove") {
    remove_network(number(static_cast<int>(kMostNetworks)) - 1);
  } else if (line.verb == "divider") {
    const int percent = number(100);
    if (percent < 0) return wrong("0 to 100 was expected");
    state_.divider = static_cast<float>(percent) / 100;
  } else if (line.verb == "mode") {
    const char* names[] = {"divider", "tiles", "difference"};
    const auto found = std::find(std::begin(names), std::end(names), argument);
    if (found == std::end(names)) return wrong("divider, tiles or difference was expected");
    state_.mode = static_cast<Mode>(found - std::begin(names));
    changed_sides_ = true;
  } else if (line.verb == "scene") {
    const int milliseconds = number(1'000'000);
    if (milliseconds < 0) return wrong("milliseconds were expected");
    take_scene_frame(app, milliseconds / 1000.0);
  } else if (line.verb == "device") {
    choose_device(argument);
  } else if (line.verb == "task") {
    state_.task.reset();
    for (int i = 0; i < samples::kTaskCount; ++i) {
      if (argument == samples::to_string(static_cast<samples::Task>(i))) state_.task = static_cast<samples::Task>(i);
    }
    stale_ = true;
  } else if (line.verb == "expect_message") {
    const bool found = std::any_of(state_.messages.begin(), state_.messages.end(),
                                   [&](const std::string& m) { return m.find(argument) != std::string::npos; });
    if (!found) return wrong("no such message is shown");
  } else if (line.verb == "expect_no_message") {
    if (!state_.messages.empty()) return wrong(state_.messages.back().c_str());
  } else {
    return wrong("unknown; view's README lists what there is");
  }
  return {};
}

}  // namespace
}  // namespace nibble::view

int main(int argc, char** argv) {
  nibble::view::ViewOptions options;
  if (const auto code = nibble::view::parse_view_options(argc, argv, options)) return *code;
  return nibble::tools::run_tool("nibble-view", [&] {
    nibble::view::NibbleView viewer(options);
    return nibble::app::App::run(options.app, viewer);
  });
}
