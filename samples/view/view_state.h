// What nibble-view shows, and what its controls change.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/app.h"
#include "media/samples.h"
#include "view/runner.h"

namespace nibble::view {

enum class Mode { divider, tiles, difference };

// A picture or network on one side of the divider.
struct Shown {
  app::Texture texture;
  std::shared_ptr<const media::Image> image;
};

struct Network {
  std::string path, name;  // name: the file's
  std::optional<NetResult> result;
  Shown shown;  // with an image where the result has one
};

// Sides are 0 for the picture itself, 1.. for a network.
struct ViewState {
  std::vector<DeviceInfo> devices;
  int device = -1;  // in devices; -1: the best

  media::SampleSet pictures;
  size_t picture = 0;
  bool scene = false;  // the picture is a frame of the rendered scene
  Shown source;

  std::vector<Network> networks;
  int left = 0, right = 0;
  std::optional<samples::Task> task;

  Mode mode = Mode::divider;
  float divider = 0.5f;  // of the picture's width
  float gain = 8;
  Shown heat;
  std::string difference;  // "PSNR 41.2 dB", or why there is none

  std::vector<std::string> messages;  // what went wrong, the newest last
};

inline constexpr size_t kMostNetworks = 6;

// What the controls ask for; done behind the frame's UI.
struct Actions {
  bool run = false;      // another picture, device, task or set of networks
  bool compare = false;  // other sides, mode or gain
  int step_picture = 0;  // -1, +1
  int remove = -1;       // a network
  std::string open;      // a path typed in
  bool scene_frame = false;
  bool clear_messages = false;
};

// The whole window.
void draw_view(ViewState& state, Actions& actions, bool busy, const std::string& device_name);

// Parts of it.
void draw_controls(ViewState& state, Actions& actions, bool busy, const std::string& device_name);
void draw_comparison(ViewState& state, Actions& actions);
void draw_layers(ViewState& state);

std::string side_name(const ViewState& state, int side);
// What a side shows: its own picture, or the source's where the network makes none; null where there is nothing yet.
const Shown* shown_of(const ViewState& state, int side);
const NetResult* result_of(const ViewState& state, int side);

}  // namespace nibble::view
