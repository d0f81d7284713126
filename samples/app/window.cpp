#include "app/window.h"

#define GLFW_INCLUDE_NONE
#include <GLFW/glfw3.h>

#include <map>
#include <utility>

namespace nibble::app {
namespace {

std::string glfw_error() {
  const char* text = nullptr;
  glfwGetError(&text);
  return text ? text : "unknown error";
}

// Empty for keys without a name here.
std::string key_name(int key) {
  static const std::map<int, const char*> names = {
      {GLFW_KEY_SPACE, "space"}, {GLFW_KEY_LEFT, "left"}, {GLFW_KEY_RIGHT, "right"},   {GLFW_KEY_UP, "up"},
      {GLFW_KEY_DOWN, "down"},   {GLFW_KEY_TAB, "tab"},   {GLFW_KEY_ESCAPE, "escape"}, {GLFW_KEY_ENTER, "enter"}};
  if (const auto found = names.find(key); found != names.end()) return found->second;
  if (key >= GLFW_KEY_A && key <= GLFW_KEY_Z) return {static_cast<char>('a' + key - GLFW_KEY_A)};
  if (key >= GLFW_KEY_0 && key <= GLFW_KEY_9) return {static_cast<char>('0' + key - GLFW_KEY_0)};
  return {};
}

Events& events_of(GLFWwindow* window) { return *static_cast<Events*>(glfwGetWindowUserPointer(window)); }

}  // namespace

Result<std::unique_ptr<Window>> Window::open(const std::string& title, int width, int height) {
  if (!glfwInit()) {
    return Error{Code::unsupported_device,
                 "no display to open a window on (" + glfw_error() + "); --headless draws without one"};
  }
  std::unique_ptr<Window> out(new Window);
  if (!glfwVulkanSupported()) {
    return Error{Code::not_found, "no Vulkan for windows: install a loader (libvulkan1) and a driver"};
  }
  glfwWindowHint(GLFW_CLIENT_API, GLFW_NO_API);
  out->window_ = glfwCreateWindow(width, height, title.c_str(), nullptr, nullptr);
  if (!out->window_) {
    return Error{Code::unsupported_device, "no window (" + glfw_error() + "); --headless draws without one"};
  }
  GLFWwindow* window = out->window_;
  glfwSetWindowUserPointer(window, &out->events_);
  glfwSetWindowSizeLimits(window, 640, 400, GLFW_DONT_CARE, GLFW_DONT_CARE);
  glfwSetKeyCallback(window, [](GLFWwindow* w, int key, int, int action, int) {
    const std::string name = key_name(key);
    if (action != GLFW_RELEASE && !name.empty()) events_of(w).keys.push_back(name);
  });
  glfwSetCharCallback(window, [](GLFWwindow* w, unsigned code) { events_of(w).characters.push_back(code); });
  glfwSetScrollCallback(window, [](GLFWwindow* w, double, double y) { events_of(w).wheel += static_cast<float>(y); });
  glfwSetDropCallback(window, [](GLFWwindow* w, int count, const char** paths) {
    events_of(w).dropped.insert(events_of(w).dropped.end(), paths, paths + count);
  });
  return out;
}

Window::~Window() {
  if (window_) glfwDestroyWindow(window_);
  glfwTerminate();
}

std::vector<const char*> Window::instance_extensions() const {
  uint32_t count = 0;
  const char** names = glfwGetRequiredInstanceExtensions(&count);
  return names ? std::vector<const char*>(names, names + count) : std::vector<const char*>();
}

Result<VkSurfaceKHR> Window::make_surface(VkInstance instance) const {
  VkSurfaceKHR surface = VK_NULL_HANDLE;
  if (glfwCreateWindowSurface(instance, window_, nullptr, &surface) != VK_SUCCESS) {
    return Error{Code::unsupported_device,
                 "the Vulkan driver cannot draw into this window (" + glfw_error() + "); --headless draws without one"};
  }
  return surface;
}

Events Window::poll() {
  if (minimised()) {
    glfwWaitEventsTimeout(0.05);
  } else {
    glfwPollEvents();
  }
  return std::exchange(events_, {});
}

bool Window::should_close() const { return glfwWindowShouldClose(window_); }

bool Window::minimised() const {
  int width = 0, height = 0;
  framebuffer_size(width, height);
  return width == 0 || height == 0 || glfwGetWindowAttrib(window_, GLFW_ICONIFIED);
}

void Window::framebuffer_size(int& width, int& height) const { glfwGetFramebufferSize(window_, &width, &height); }

void Window::mouse(double& x, double& y, bool& left) const {
  glfwGetCursorPos(window_, &x, &y);
  int width = 0, height = 0, pixels_x = 0, pixels_y = 0;
  glfwGetWindowSize(window_, &width, &height);
  framebuffer_size(pixels_x, pixels_y);
  if (width > 0 && height > 0) x *= static_cast<double>(pixels_x) / width, y *= static_cast<double>(pixels_y) / height;
  left = glfwGetMouseButton(window_, GLFW_MOUSE_BUTTON_LEFT) == GLFW_PRESS;
}

void Window::resize(int width, int height) { glfwSetWindowSize(window_, width, height); }
void Window::minimise() { glfwIconifyWindow(window_); }
void Window::restore() { glfwRestoreWindow(window_); }

}  // namespace nibble::app
