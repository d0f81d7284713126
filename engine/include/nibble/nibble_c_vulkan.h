/* For applications in C that have a Vulkan device and a frame of their own. The rules are those of vulkan.h. */
#ifndef NIBBLE_NIBBLE_C_VULKAN_H
#define NIBBLE_NIBBLE_C_VULKAN_H

#include <vulkan/vulkan_core.h>

#include "nibble/nibble_c.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nbl_external_device {
  uint32_t struct_size;
  uint32_t instance_version; /* VkApplicationInfo::apiVersion; 0: Vulkan 1.1 */
  VkInstance instance;
  VkPhysicalDevice physical_device;
  VkDevice device;
  VkQueue queue;
  PFN_vkGetInstanceProcAddr get_instance_proc_addr;
  const char* const* enabled_extensions;
  uint32_t enabled_extension_count;
  uint32_t queue_family;
  const VkPhysicalDeviceFeatures2* enabled_features;
  /* Both or none: called with `lock_user` around each submission by nibble, so that the application may use the queue
   * in other threads under the same lock. A thread that holds it must not call what submits: running, unless the lock
   * is recursive; making sessions, binding dims, tuning, taking or freeing preparations never. */
  void (*lock_queue)(void* lock_user);
  void (*unlock_queue)(void* lock_user);
  void* lock_user;
} nbl_external_device;

/* Uses the application's device, which must outlive everything made from this. Of `options`, which may be NULL,
 * pipeline_cache and mask count. */
NBL_API nbl_error* nbl_device_wrap(const nbl_external_device* external, const nbl_device_options* options,
                                   nbl_device** device);
/* Uses the application's buffer as an input or output. */
NBL_API nbl_error* nbl_session_bind_buffer(nbl_session* session, const char* name, VkBuffer buffer,
                                           VkDeviceSize offset);
/* Records the whole network into the application's command buffer. */
NBL_API nbl_error* nbl_session_record(nbl_session* session, VkCommandBuffer commands);

/* Records as many further steps as fit into the budget. `previous_ns`: where the device has no time stamps, what the
 * slice before took; 0: not known, and where neither tells a slice is one step. `slice` may be NULL. */
NBL_API nbl_error* nbl_session_record_slice(nbl_session* session, VkCommandBuffer commands, uint64_t budget_ns,
                                            uint64_t previous_ns, nbl_slice* slice);

/* This structure never changes: it is passed in arrays. */
typedef struct nbl_semaphore_use {
  VkSemaphore semaphore;
  uint64_t value; /* of a timeline semaphore; 0: a binary one */
} nbl_semaphore_use;

/* nbl_session_submit that waits for and signals semaphores of the application. */
NBL_API nbl_error* nbl_session_submit_with(nbl_session* session, const nbl_semaphore_use* wait, size_t wait_count,
                                           const nbl_semaphore_use* signal, size_t signal_count);

/* Images as inputs and outputs: the rules are those of vulkan_image.h ------------------------------------------------
 */

typedef struct nbl_image {
  uint32_t struct_size;
  VkFormat format;
  VkImage image;
  VkImageView view;
  uint32_t width, height;
  VkImageUsageFlags usage;
  VkImageTiling tiling;
  VkImageLayout layout; /* 0: that of nbl_image_use */
} nbl_image;

enum { NBL_IMAGE_SAMPLED = 0, NBL_IMAGE_STORAGE = 1, NBL_IMAGE_COPIED = 2 };
typedef struct nbl_image_use {
  uint32_t struct_size;
  int32_t path; /* NBL_IMAGE_SAMPLED, ... */
  VkPipelineStageFlags stage;
  VkAccessFlags access;
  VkImageLayout layout;
} nbl_image_use;

enum { NBL_COLOR_AUTO = 0, NBL_COLOR_RGB = 1, NBL_COLOR_BGR = 2, NBL_COLOR_GRAY = 3 };
enum { NBL_FILTER_ANTIALIAS = 0, NBL_FILTER_BILINEAR = 1, NBL_FILTER_BICUBIC = 2 };
enum { NBL_CHANNELS_AUTO = 0, NBL_CHANNELS_FIRST = 1, NBL_CHANNELS_LAST = 2 };
enum { NBL_IMAGE_PICTURE_CONTENTS = 0, NBL_IMAGE_ARGMAX_CONTENTS = 1, NBL_IMAGE_CLASSES_CONTENTS = 2 };

typedef struct nbl_image_preprocessing {
  uint32_t struct_size;
  int32_t source_x, source_y;
  uint32_t source_width, source_height; /* 0: the whole image */
  uint32_t width, height;               /* 0: those of the input */
  int32_t x, y;
  int32_t filter, color, channels; /* NBL_FILTER_, NBL_COLOR_, NBL_CHANNELS_ */
  int32_t linear_light;
  uint8_t fill[4];        /* red, green, blue, not used */
  double mean[3], std[3]; /* std 0: 1 */
} nbl_image_preprocessing;

typedef struct nbl_image_postprocessing {
  uint32_t struct_size;
  int32_t contents;        /* NBL_IMAGE_..._CONTENTS */
  double scale, offset;    /* scale 0: 255 */
  int32_t color, channels; /* NBL_COLOR_, NBL_CHANNELS_ */
  int32_t x, y;
  int32_t linear_light;
  int32_t transparent; /* not 0: alpha of pictures is 0 */
  const uint32_t* palette;
  size_t palette_size;
} nbl_image_postprocessing;

/* `preprocessing`, `postprocessing` and `use` may be NULL. */
NBL_API nbl_error* nbl_session_bind_input_image(nbl_session* session, const char* name, const nbl_image* image,
                                                const nbl_image_preprocessing* preprocessing, nbl_image_use* use);
NBL_API nbl_error* nbl_session_bind_output_image(nbl_session* session, const char* name, const nbl_image* image,
                                                 const nbl_image_postprocessing* postprocessing, nbl_image_use* use);
NBL_API nbl_error* nbl_session_unbind_image(nbl_session* session, const char* name);

#ifdef __cplusplus
}
#endif

#endif
