// The frame loop that the viewers share: a window or none, the device, Dear ImGui, scripts and screenshots.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/canvas.h"
#include "app/presenter.h"
#include "app/script.h"
#include "app/ui_renderer.h"
#include "app/window.h"

namespace nibble::app {

struct AppOptions {
  std::string title;
  int width = 1280, height = 720;
  std::string device;     // as in DeviceOptions::select
  bool headless = false;  // no window: frames are drawn all the same
  bool validation = false;
  std::string script;      // a file; empty: none. Headless without one draws until nothing is left to do, and ends.
  std::string screenshot;  // a file written at the end; empty: none
};

class App;

// A viewer. All calls come from the thread of the loop. An error of a call ends the program; what a user can cause is
// shown in the window instead.
class Viewer {
 public:
  virtual ~Viewer() = default;
  // Before the first frame.
  virtual Status start(App& app) = 0;
  // Once a frame, when the device has finished the last one: ImGui calls; textures may be made and go before the first
  // of those that show them.
  virtual Status update(App& app) = 0;
  // Into the frame's command buffer, before the UI is drawn.
  virtual Status record(App&, VkCommandBuffer) { return {}; }
  virtual void on_key(const std::string&) {}
  virtual void on_drop(const std::string&) {}
  // A line of the script that the loop does not know; invalid_argument where the viewer does not either.
  virtual Status on_script(App& app, const ScriptLine& line) = 0;
  // Behind the last frame, also where start() or a frame failed: everything on the device goes.
  virtual void stop() = 0;
  // Whether something is still being loaded or computed.
  virtual bool busy() const { return false; }
};

class App {
 public:
  // Runs until the window is closed or the script is over. Errors: no display, no device, a script that does not
  // parse, a screenshot that cannot be written, a lost device, and messages of the validation layer.
  static Status run(const AppOptions& options, Viewer& viewer);
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  VulkanDevice& device() { return *device_; }
  UiRenderer& ui() { return *ui_; }
  const AppOptions& options() const { return options_; }
  double frame_ms() const { return frame_ms_; }  // from the last frame to this one
  void quit() { over_ = true; }

 private:
  explicit App(const AppOptions& options) : options_(options) {}
  Status open();
  Status loop(Viewer& viewer);
  Status take_events(Viewer& viewer);
  // Whether a frame is to be drawn before the next line.
  Result<bool> step_script(Viewer& viewer);
  Status draw_frame(Viewer& viewer);
  Status save(const std::string& path);

  AppOptions options_;
  std::unique_ptr<Window> window_;
  std::unique_ptr<VulkanDevice> device_;
  std::unique_ptr<Presenter> presenter_;
  Canvas canvas_;
  std::unique_ptr<UiRenderer> ui_;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  VkCommandBuffer commands_ = VK_NULL_HANDLE;
  VkFence done_ = VK_NULL_HANDLE;
  std::vector<ScriptLine> script_;
  size_t line_ = 0;
  int frames_left_ = 0;  // of "frames" and "wait"
  bool waiting_ = false;
  std::string awaited_;       // the key of "await_key"
  double waiting_since_ = 0;  // seconds
  bool minimised_ = false;    // by the script
  bool scripted_mouse_ = false, left_ = false;
  float mouse_x_ = -1, mouse_y_ = -1;
  bool over_ = false;
  double frame_ms_ = 0;
};

}  // namespace nibble::app
