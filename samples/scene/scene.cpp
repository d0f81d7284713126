#include "scene/scene.h"

#define GLM_FORCE_DEPTH_ZERO_TO_ONE
#include <array>
#include <cmath>
#include <cstring>
#include <glm/glm.hpp>
#include <glm/gtc/matrix_transform.hpp>

#include "app/graphics_pipeline.h"
#include "app/readback.h"
#include "core/try.h"
#include "scene.frag.h"
#include "scene.vert.h"

namespace nibble::scene {
namespace {

constexpr int kTowers = 24, kRing = 12, kCubes = 1 + kTowers + kRing;
constexpr VkFormat kDepth = VK_FORMAT_D16_UNORM;  // the one that every device draws to

struct Cube {
  glm::vec4 rows[3];  // of its affine map
  glm::vec4 color;
};

Cube make_cube(const glm::mat4& map, const glm::vec4& color) {
  const glm::mat4 rows = glm::transpose(map);
  return {{rows[0], rows[1], rows[2]}, color};
}

// A fixed sequence of numbers of 0 to 1.
float number(int index) {
  auto x = static_cast<uint32_t>(index) * 2654435761u + 12345u;
  x ^= x >> 15;
  x *= 2246822519u;
  x ^= x >> 13;
  return static_cast<float>(x >> 8) / 16777216.0f;
}

}  // namespace

Result<std::unique_ptr<Scene>> Scene::create(app::VulkanDevice& device, int width, int height) {
  std::unique_ptr<Scene> out(new Scene(device));
  NBL_CHECK(out->create_pass(width, height));
  NBL_CHECK(out->create_pipeline());
  NBL_TRY(out->cubes_,
          app::GpuBuffer::create(device, kCubes * sizeof(Cube), VK_BUFFER_USAGE_VERTEX_BUFFER_BIT,
                                 VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT));
  return out;
}

Status Scene::create_pass(int width, int height) {
  NBL_TRY(color_, app::GpuImage::create(device_, width, height, VK_FORMAT_R8G8B8A8_UNORM, kUsage));
  NBL_TRY(depth_, app::GpuImage::create(device_, width, height, kDepth, VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT));
  VkAttachmentDescription attachments[2]{};
  attachments[0].format = color_.format();
  attachments[0].finalLayout = VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL;
  attachments[0].storeOp = VK_ATTACHMENT_STORE_OP_STORE;
  attachments[1].format = kDepth;
  attachments[1].finalLayout = VK_IMAGE_LAYOUT_DEPTH_STENCIL_ATTACHMENT_OPTIMAL;
  attachments[1].storeOp = VK_ATTACHMENT_STORE_OP_DONT_CARE;
  for (VkAttachmentDescription& attachment : attachments) {
    attachment.samples = VK_SAMPLE_COUNT_1_BIT;
    attachment.loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR;
    attachment.stencilLoadOp = VK_ATTACHMENT_LOAD_OP_DONT_CARE;
    attachment.stencilStoreOp = VK_ATTACHMENT_STORE_OP_DONT_CARE;
  }
  const VkAttachmentReference color{0, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
  const VkAttachmentReference depth{1, VK_IMAGE_LAYOUT_DEPTH_STENCIL_ATTACHMENT_OPTIMAL};
  VkSubpassDescription subpass{};
  subpass.pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS;
  subpass.colorAttachmentCount = 1;
  subpass.pColorAttachments = &color;
  subpass.pDepthStencilAttachment = &depth;
  constexpr VkPipelineStageFlags kReaders =
      VK_PIPELINE_STAGE_FRAGMENT_SHADER_BIT | VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
  constexpr VkPipelineStageFlags kDrawing = VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT |
                                            VK_PIPELINE_STAGE_EARLY_FRAGMENT_TESTS_BIT |
                                            VK_PIPELINE_STAGE_LATE_FRAGMENT_TESTS_BIT;
  constexpr VkAccessFlags kWrites = VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT | VK_ACCESS_DEPTH_STENCIL_ATTACHMENT_WRITE_BIT;
  const VkSubpassDependency dependencies[] = {
      {VK_SUBPASS_EXTERNAL, 0, kReaders | kDrawing, kDrawing, VK_ACCESS_SHADER_READ_BIT | kWrites,
       kWrites | VK_ACCESS_DEPTH_STENCIL_ATTACHMENT_READ_BIT, 0},
      {0, VK_SUBPASS_EXTERNAL, kDrawing, kReaders, VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT,
       VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT, 0}};
  VkRenderPassCreateInfo pass{};
  pass.sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO;
  pass.attachmentCount = 2;
  pass.pAttachments = attachments;
  pass.subpassCount = 1;
  pass.pSubpasses = &subpass;
  pass.dependencyCount = 2;
  pass.pDependencies = dependencies;
  NBL_CHECK(app::check(vkCreateRenderPass(device_.handle(), &pass, nullptr, &pass_), "vkCreateRenderPass"));
  const VkImageView views[] = {color_.view(), depth_.view()};
  VkFramebufferCreateInfo framebuffer{};
  framebuffer.sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO;
  framebuffer.renderPass = pass_;
  framebuffer.attachmentCount = 2;
  framebuffer.pAttachments = views;
  framebuffer.width = static_cast<uint32_t>(width);
  framebuffer.height = static_cast<uint32_t>(height);
  framebuffer.layers = 1;
  return app::check(vkCreateFramebuffer(device_.handle(), &framebuffer, nullptr, &framebuffer_), "vkCreateFramebuffer");
}

Status Scene::create_pipeline() {
  const VkPushConstantRange push{VK_SHADER_STAGE_VERTEX_BIT, 0, sizeof(glm::mat4)};
  VkPipelineLayoutCreateInfo layout{};
  layout.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO;
  layout.pushConstantRangeCount = 1;
  layout.pPushConstantRanges = &push;
  NBL_CHECK(app::check(vkCreatePipelineLayout(device_.handle(), &layout, nullptr, &layout_), "vkCreatePipelineLayout"));
  std::array<app::VertexAttribute, 4> attributes;
  for (uint32_t i = 0; i < 4; ++i) {
    attributes[i] = {VK_FORMAT_R32G32B32A32_SFLOAT, static_cast<uint32_t>(i * sizeof(glm::vec4))};
  }
  NBL_TRY(pipeline_, app::make_graphics_pipeline(device_, {.vertex = kSceneVert,
                                                           .fragment = kSceneFrag,
                                                           .attributes = attributes,
                                                           .stride = sizeof(Cube),
                                                           .per_instance = true,
                                                           .depth = true,
                                                           .blend = false,
                                                           .layout = layout_,
                                                           .pass = pass_}));
  return {};
}

Scene::~Scene() {
  const VkDevice device = device_.handle();
  device_.wait_idle();
  vkDestroyPipeline(device, pipeline_, nullptr);
  vkDestroyPipelineLayout(device, layout_, nullptr);
  vkDestroyFramebuffer(device, framebuffer_, nullptr);
  vkDestroyRenderPass(device, pass_, nullptr);
}

void Scene::place_cubes(double seconds) {
  auto* cube = static_cast<Cube*>(cubes_.mapped());
  const glm::mat4 one(1.0f);
  *cube++ = make_cube(glm::scale(glm::translate(one, {0, -0.05f, 0}), {40, 0.1f, 40}), {0.45f, 0.65f, 0.40f, 1});
  for (int i = 0; i < kTowers; ++i) {
    const float angle = 6.2831853f * static_cast<float>(i) / kTowers * 5, radius = 2.5f + 6 * number(3 * i);
    const float height = 0.6f + 2.4f * number(3 * i + 1), width = 0.4f + 0.5f * number(3 * i + 2);
    const glm::mat4 place = glm::translate(one, {radius * std::cos(angle), height / 2, radius * std::sin(angle)});
    const glm::vec4 color(0.35f + 0.6f * number(i + 100), 0.35f + 0.6f * number(i + 200),
                          0.35f + 0.6f * number(i + 300), 0);
    *cube++ = make_cube(glm::scale(glm::rotate(place, angle, {0, 1, 0}), {width, height, width}), color);
  }
  const auto time = static_cast<float>(seconds);
  for (int i = 0; i < kRing; ++i) {
    const float angle = 6.2831853f * static_cast<float>(i) / kRing + 0.7f * time;
    glm::mat4 place =
        glm::translate(one, {1.4f * std::cos(angle), 1.2f + 0.3f * std::sin(2 * angle + time), 1.4f * std::sin(angle)});
    place = glm::rotate(place, angle * 2 + time, glm::normalize(glm::vec3(1, 1, 0)));
    *cube++ = make_cube(glm::scale(place, glm::vec3(0.32f)), {0.95f, 0.25f + 0.06f * static_cast<float>(i), 0.2f, 0});
  }
}

void Scene::record(VkCommandBuffer commands, double seconds) {
  place_cubes(seconds);
  const float turn = 0.25f * static_cast<float>(seconds);
  const glm::mat4 view =
      glm::lookAt(glm::vec3(7 * std::cos(turn), 3.0f, 7 * std::sin(turn)), glm::vec3(0, 0.9f, 0), glm::vec3(0, 1, 0));
  const float aspect = static_cast<float>(color_.width()) / static_cast<float>(color_.height());
  glm::mat4 projection = glm::perspective(glm::radians(50.0f), aspect, 0.1f, 60.0f);
  projection[1][1] *= -1;  // Vulkan's y points down
  const glm::mat4 both = projection * view;
  VkClearValue clear[2]{};
  clear[0].color = {{0.60f, 0.72f, 0.88f, 1.0f}};
  clear[1].depthStencil = {1.0f, 0};
  VkRenderPassBeginInfo begin{};
  begin.sType = VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO;
  begin.renderPass = pass_;
  begin.framebuffer = framebuffer_;
  begin.renderArea.extent = {static_cast<uint32_t>(color_.width()), static_cast<uint32_t>(color_.height())};
  begin.clearValueCount = 2;
  begin.pClearValues = clear;
  vkCmdBeginRenderPass(commands, &begin, VK_SUBPASS_CONTENTS_INLINE);
  const VkViewport viewport{0, 0, static_cast<float>(color_.width()), static_cast<float>(color_.height()), 0, 1};
  vkCmdSetViewport(commands, 0, 1, &viewport);
  vkCmdSetScissor(commands, 0, 1, &begin.renderArea);
  vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline_);
  vkCmdPushConstants(commands, layout_, VK_SHADER_STAGE_VERTEX_BIT, 0, sizeof(both), &both);
  const VkBuffer cubes = cubes_.handle();
  const VkDeviceSize zero = 0;
  vkCmdBindVertexBuffers(commands, 0, 1, &cubes, &zero);
  vkCmdDraw(commands, 36, kCubes, 0, 0);
  vkCmdEndRenderPass(commands);
}

Result<media::Image> Scene::picture(double seconds) {
  NBL_CHECK(device_.run_now([&](VkCommandBuffer commands) { record(commands, seconds); }));
  return app::read_back(device_, color_, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
}

}  // namespace nibble::scene
