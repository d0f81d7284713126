// A GLFW window: its size, its events, its Vulkan surface.
#pragma once

#include <vulkan/vulkan.h>

#include <memory>
#include <string>
#include <vector>

#include "nibble/result.h"

struct GLFWwindow;

namespace nibble::app {

// What happened since the last frame. Keys have the names that scripts use: "space", "left", "a", "1".
struct Events {
  std::vector<std::string> keys, dropped;
  std::vector<unsigned> characters;
  float wheel = 0;
};

class Window {
 public:
  // unsupported_device where there is no display, saying so and naming --headless.
  static Result<std::unique_ptr<Window>> open(const std::string& title, int width, int height);
  ~Window();
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;

  std::vector<const char*> instance_extensions() const;
  Result<VkSurfaceKHR> make_surface(VkInstance instance) const;

  Events poll();  // waits for a moment where the window is minimised
  bool should_close() const;
  bool minimised() const;
  void framebuffer_size(int& width, int& height) const;
  void mouse(double& x, double& y, bool& left) const;

  void resize(int width, int height);
  void minimise();
  void restore();

 private:
  Window() = default;

  GLFWwindow* window_ = nullptr;
  Events events_;
};

}  // namespace nibble::app
