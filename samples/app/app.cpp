#include "app/app.h"

#include <chrono>
#include <cstdlib>

#include "app/ui_style.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::app {
namespace {

constexpr int kLongestWait = 120;  // seconds that "wait" waits

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

}  // namespace

Status App::run(const AppOptions& options, Viewer& viewer) {
  std::shared_ptr<const size_t> messages;
  {
    App app(options);
    NBL_CHECK(app.open());
    messages = app.device_->validation_messages();
    Status done = viewer.start(app);
    if (done) done = app.loop(viewer);
    if (done && !options.screenshot.empty()) done = app.save(options.screenshot);
    app.device_->wait_idle();
    viewer.stop();
    NBL_CHECK(done);
  }
  if (*messages > 0) return Error{Code::internal, format("%zu validation messages", *messages)};
  return {};
}

Status App::open() {
  if (!options_.script.empty()) {
    NBL_TRY(script_, read_script(options_.script));
  }
  VulkanOptions vulkan{.select = options_.device, .validation = options_.validation};
  if (!options_.headless) {
    NBL_TRY(window_, Window::open(options_.title, options_.width, options_.height));
    vulkan.instance_extensions = window_->instance_extensions();
    vulkan.make_surface = [this](VkInstance instance) { return window_->make_surface(instance); };
  }
  NBL_TRY(device_, VulkanDevice::create(vulkan));
  if (window_) presenter_ = std::make_unique<Presenter>(*device_);
  NBL_TRY(canvas_, Canvas::create(*device_));
  ImGui::CreateContext();
  set_ui_style();
  NBL_TRY(ui_, UiRenderer::create(*device_, canvas_.pass()));
  VkCommandPoolCreateInfo pool{};
  pool.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
  pool.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT;
  pool.queueFamilyIndex = device_->queue_family();
  NBL_CHECK(check(vkCreateCommandPool(device_->handle(), &pool, nullptr, &pool_), "vkCreateCommandPool"));
  VkCommandBufferAllocateInfo allocate{};
  allocate.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
  allocate.commandPool = pool_;
  allocate.commandBufferCount = 1;
  NBL_CHECK(check(vkAllocateCommandBuffers(device_->handle(), &allocate, &commands_), "vkAllocateCommandBuffers"));
  VkFenceCreateInfo fence{};
  fence.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO;
  return check(vkCreateFence(device_->handle(), &fence, nullptr, &done_), "vkCreateFence");
}

App::~App() {
  if (device_ && device_->handle()) {
    device_->wait_idle();
    vkDestroyFence(device_->handle(), done_, nullptr);
    vkDestroyCommandPool(device_->handle(), pool_, nullptr);
  }
  ui_.reset();
  if (ImGui::GetCurrentContext()) ImGui::DestroyContext();
  canvas_ = {};
  presenter_.reset();
  device_.reset();
  window_.reset();
}

Status App::loop(Viewer& viewer) {
  double last = seconds();
  const double began = last;
  while (!over_ && !(window_ && window_->should_close())) {
    NBL_CHECK(take_events(viewer));
    NBL_TRY(const bool draw, step_script(viewer));
    if (over_ || !draw) continue;
    const double now = seconds();
    frame_ms_ = (now - last) * 1000;
    last = now;
    NBL_CHECK(draw_frame(viewer));
    if (options_.headless && script_.empty() && !viewer.busy()) over_ = true;
    if (options_.headless && script_.empty() && now - began > kLongestWait) {
      return Error{Code::internal, format("still busy after %d s", kLongestWait)};
    }
  }
  return {};
}

Status App::take_events(Viewer& viewer) {
  ImGuiIO& io = ImGui::GetIO();
  if (window_) {
    const Events events = window_->poll();
    for (const std::string& path : events.dropped) viewer.on_drop(path);
    for (const std::string& key : events.keys) {
      viewer.on_key(key);
      if (key == awaited_) awaited_.clear();
    }
    for (unsigned c : events.characters) io.AddInputCharacter(c);
    io.MouseWheel += events.wheel;
    if (!scripted_mouse_) {
      double x = 0, y = 0;
      window_->mouse(x, y, left_);
      mouse_x_ = static_cast<float>(x);
      mouse_y_ = static_cast<float>(y);
    }
  }
  io.MousePos = ImVec2(mouse_x_, mouse_y_);
  io.MouseDown[0] = left_;
  return {};
}

Result<bool> App::step_script(Viewer& viewer) {
  if (frames_left_ > 0) {
    --frames_left_;
    return true;
  }
  if ((waiting_ && viewer.busy()) || !awaited_.empty()) {
    if (seconds() - waiting_since_ < kLongestWait) return true;
    return Error{Code::internal, format("script line %d: waited for %d s", script_[line_ - 1].number, kLongestWait)};
  }
  waiting_ = false;
  if (script_.empty()) return true;
  if (line_ == script_.size()) {
    over_ = true;
    return false;
  }
  const ScriptLine& line = script_[line_++];
  const std::vector<int> numbers = numbers_of(line);
  if (line.verb == "frames") {
    frames_left_ = numbers[0];
  } else if (line.verb == "wait") {
    waiting_ = true;
    waiting_since_ = seconds();
    frames_left_ = 2;  // what has just been asked for begins in a frame, and its result shows in the next
  } else if (line.verb == "await_key") {
    awaited_ = line.argument;
    waiting_since_ = seconds();
  } else if (line.verb == "key") {
    viewer.on_key(line.argument);
  } else if (line.verb == "mouse") {
    scripted_mouse_ = true;
    mouse_x_ = static_cast<float>(numbers[0]);
    mouse_y_ = static_cast<float>(numbers[1]);
    frames_left_ = 1;
  } else if (line.verb == "press" || line.verb == "release") {
    scripted_mouse_ = true;
    left_ = line.verb == "press";
    frames_left_ = 1;
  } else if (line.verb == "resize") {
    options_.width = numbers[0];
    options_.height = numbers[1];
    if (window_) window_->resize(numbers[0], numbers[1]);
  } else if (line.verb == "minimise") {
    minimised_ = true;
    if (window_) window_->minimise();
  } else if (line.verb == "restore") {
    minimised_ = false;
    if (window_) window_->restore();
  } else if (line.verb == "drop") {
    viewer.on_drop(line.argument);
  } else if (line.verb == "screenshot") {
    NBL_CHECK(save(line.argument));
  } else if (line.verb == "quit") {
    over_ = true;
  } else if (auto done = viewer.on_script(*this, line); !done) {
    return std::move(done).error().with_context(format("script line %d", line.number));
  }
  return false;
}

Status App::draw_frame(Viewer& viewer) {
  if (minimised_ || (window_ && window_->minimised())) return {};
  int width = options_.width, height = options_.height;
  if (window_) window_->framebuffer_size(width, height);
  if (width < 1 || height < 1) return {};
  ImGuiIO& io = ImGui::GetIO();
  io.DisplaySize = ImVec2(static_cast<float>(width), static_cast<float>(height));
  // Headless frames follow each other as fast as they can; animations of the UI shall not depend on that.
  io.DeltaTime = options_.headless ? 1.0f / 60 : std::max(static_cast<float>(frame_ms_) / 1000, 1e-4f);
  NBL_CHECK(canvas_.resize(width, height));
  ImGui::NewFrame();
  const Status updated = viewer.update(*this);
  ImGui::Render();
  NBL_CHECK(updated);
  bool shown = false;
  if (presenter_) {
    NBL_TRY(shown, presenter_->acquire(width, height));
  }
  VkCommandBufferBeginInfo begin{};
  begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
  begin.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
  NBL_CHECK(check(vkBeginCommandBuffer(commands_, &begin), "vkBeginCommandBuffer"));
  NBL_CHECK(viewer.record(*this, commands_));
  canvas_.begin(commands_);
  NBL_CHECK(ui_->draw(commands_, *ImGui::GetDrawData()));
  canvas_.end(commands_);
  if (shown) presenter_->record_copy(commands_, canvas_);
  NBL_CHECK(check(vkEndCommandBuffer(commands_), "vkEndCommandBuffer"));
  VkSubmitInfo submit{};
  submit.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
  submit.commandBufferCount = 1;
  submit.pCommandBuffers = &commands_;
  const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
  VkSemaphore acquired = VK_NULL_HANDLE, drawn = VK_NULL_HANDLE;
  if (shown) {
    acquired = presenter_->acquired();
    drawn = presenter_->drawn();
    submit.waitSemaphoreCount = 1;
    submit.pWaitSemaphores = &acquired;
    submit.pWaitDstStageMask = &stage;
    submit.signalSemaphoreCount = 1;
    submit.pSignalSemaphores = &drawn;
  }
  {
    const std::lock_guard lock(device_->queue_mutex());
    NBL_CHECK(check(vkQueueSubmit(device_->queue(), 1, &submit, done_), "vkQueueSubmit"));
  }
  if (shown) NBL_CHECK(presenter_->present());
  NBL_CHECK(check(vkWaitForFences(device_->handle(), 1, &done_, VK_TRUE, UINT64_MAX), "vkWaitForFences"));
  return check(vkResetFences(device_->handle(), 1, &done_), "vkResetFences");
}

Status App::save(const std::string& path) {
  NBL_TRY(const media::Image picture, canvas_.read());
  return media::write_png(path, picture);
}

}  // namespace nibble::app
