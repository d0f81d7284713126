/* The engine for C and for languages that call C. Everything in nibble.h can be done with it, by the same rules: what
 * is said there about sizes, lifetimes and threads holds here.
 *
 * Errors. A function that can fail returns NULL, or an error that tells what went wrong; the caller frees it. Nothing
 * is changed by a call that failed, and outputs are left alone. No exception leaves the library.
 *
 * Handles. What nbl_*_open, _load_*, _create and _list make belongs to the caller, who gives it back with the matching
 * function; NULL may be given back. A session keeps its device and its model alive: they may be closed in any order.
 * Strings and arrays that are returned belong to the handle they came from and live as long as it, unless said
 * otherwise.
 *
 * Structures begin with their size, so that an application and a newer library understand each other: write
 * `nbl_session_options options = NBL_INIT(nbl_session_options);`, which also sets all else to zero, the default.
 * Members are only ever appended. A library that is older than the application refuses what it does not know unless it
 * is zero.
 */
#ifndef NIBBLE_NIBBLE_C_H
#define NIBBLE_NIBBLE_C_H

#include <stddef.h>
#include <stdint.h>

#include "nibble/export.h"

#ifdef __cplusplus
template <class T>
T nbl_initialized() {
  T value{};
  value.struct_size = static_cast<uint32_t>(sizeof(T));
  return value;
}
#define NBL_INIT(type) nbl_initialized<type>()
extern "C" {
#else
#define NBL_INIT(type) \
  { .struct_size = sizeof(type) }
#endif

/* Raised when something that exists changes; what is appended leaves it alone. */
#define NBL_C_API_VERSION 1

/* That of the library which runs. */
NBL_API uint32_t nbl_c_api_version(void);
/* "0.1.0" */
NBL_API const char* nbl_version(void);

/* Errors ---------------------------------------------------------------------------------------------------------- */

typedef int32_t nbl_code;
enum {
  NBL_OK = 0,
  NBL_INVALID_ARGUMENT = 1,    /* the caller passed something that cannot be meant */
  NBL_NOT_FOUND = 2,           /* a file, a name or a device that does not exist */
  NBL_CORRUPT_FILE = 3,        /* a file that is damaged or not of the expected kind */
  NBL_UNSUPPORTED_VERSION = 4, /* a file or a structure newer than this library */
  NBL_UNSUPPORTED_OP = 5,      /* an operator, or an attribute of one, that is not supported */
  NBL_UNSUPPORTED_DEVICE = 6,  /* a Vulkan device that lacks what is needed */
  NBL_OUT_OF_MEMORY = 7,       /* host or device memory */
  NBL_DEVICE_LOST = 8,         /* the GPU was reset or removed; open a new device */
  NBL_IO = 9,                  /* reading or writing failed */
  NBL_INTERNAL = 10            /* a bug in nibble */
};

typedef struct nbl_error nbl_error;

/* NBL_OK for NULL. */
NBL_API nbl_code nbl_error_code(const nbl_error* error);
/* "" for NULL. */
NBL_API const char* nbl_error_message(const nbl_error* error);
NBL_API void nbl_error_free(nbl_error* error);

/* For strings that a function below says to free. */
NBL_API void nbl_string_free(char* string);

/* Devices --------------------------------------------------------------------------------------------------------- */

typedef struct nbl_device_list nbl_device_list;
typedef struct nbl_device nbl_device;

typedef struct nbl_device_info {
  uint32_t struct_size;
  int32_t index;
  const char* name;
  const char* kind;      /* "discrete", "integrated", "virtual_gpu", "cpu", "other" */
  const char* version;   /* of Vulkan: "1.3.230" */
  uint64_t memory_bytes; /* of its largest heap of device memory */
  const char* problem;   /* why it cannot be used; "" when it can */
} nbl_device_info;

/* Every Vulkan device of the machine, usable or not. */
NBL_API nbl_error* nbl_device_list_create(nbl_device_list** list);
NBL_API size_t nbl_device_list_size(const nbl_device_list* list);
NBL_API nbl_error* nbl_device_list_get(const nbl_device_list* list, size_t index, nbl_device_info* info);
NBL_API void nbl_device_list_free(nbl_device_list* list);

typedef struct nbl_device_options {
  uint32_t struct_size;
  int32_t validation;         /* not 0: check every Vulkan call, when the layer is installed */
  const char* select;         /* an index or a part of a name; NULL: the best one */
  const char* pipeline_cache; /* a file that keeps compiled pipelines and tuning; NULL: none */
  const char* mask;           /* hides capabilities; NULL: none */
  const void* cache_data;     /* of nbl_device_cache_data in an earlier run; read during the call only; NULL: none */
  size_t cache_bytes;
} nbl_device_options;

/* `options` may be NULL. */
NBL_API nbl_error* nbl_device_open(const nbl_device_options* options, nbl_device** device);
NBL_API void nbl_device_close(nbl_device* device);
NBL_API const char* nbl_device_name(const nbl_device* device);
/* "key = value" lines, to be freed with nbl_string_free; NULL without a device or memory. */
NBL_API char* nbl_device_capabilities(const nbl_device* device);
NBL_API nbl_error* nbl_device_save_pipeline_cache(const nbl_device* device);
/* Compiled pipelines and tuning, for an application that keeps them itself. `bytes` becomes their size; when `data` is
 * NULL or `capacity` is less, nothing is copied, and the latter is an error. */
NBL_API nbl_error* nbl_device_cache_data(const nbl_device* device, void* data, size_t capacity, size_t* bytes);
/* Destroys everything on the device, ahead of the application's VkDevice; an error while sessions are alive. */
NBL_API nbl_error* nbl_device_release(nbl_device* device);

typedef struct nbl_cache_state {
  uint32_t struct_size;
  uint32_t reserved;
  uint64_t pipeline_bytes; /* compiled pipelines that were loaded */
  uint64_t tuned;          /* step problems with a measured choice */
  char* ignored;           /* why the file or its tuning is not used, else NULL; free it with nbl_string_free */
} nbl_cache_state;

NBL_API nbl_error* nbl_device_cache_state(const nbl_device* device, nbl_cache_state* state);

/* Models ---------------------------------------------------------------------------------------------------------- */

typedef int32_t nbl_type;
enum { NBL_F32 = 0, NBL_F16 = 1, NBL_I8 = 2, NBL_U8 = 3, NBL_I4 = 4, NBL_I32 = 5, NBL_I64 = 6, NBL_BOOLEAN = 7 };

typedef struct nbl_tensor_info {
  uint32_t struct_size;
  nbl_type type;
  const char* name;
  const int64_t* shape; /* `rank` sizes; free dimensions of a model count as 1 */
  uint32_t rank;
  int32_t quantized; /* not 0, for i8 and u8: real = scale * (stored - zero_point) */
  float scale;
  int32_t zero_point;
  uint64_t elements;
  uint64_t bytes;
} nbl_tensor_info;

typedef struct nbl_model nbl_model;

NBL_API nbl_error* nbl_model_load_file(const char* path, nbl_model** model);
/* The bytes are copied. */
NBL_API nbl_error* nbl_model_load_memory(const void* bytes, size_t size, nbl_model** model);
NBL_API void nbl_model_free(nbl_model* model);

NBL_API size_t nbl_model_input_count(const nbl_model* model);
NBL_API size_t nbl_model_output_count(const nbl_model* model);
NBL_API nbl_error* nbl_model_input(const nbl_model* model, size_t index, nbl_tensor_info* info);
NBL_API nbl_error* nbl_model_output(const nbl_model* model, size_t index, nbl_tensor_info* info);
NBL_API size_t nbl_model_free_dim_count(const nbl_model* model);
/* NULL beyond the last. */
NBL_API const char* nbl_model_free_dim(const nbl_model* model, size_t index);
/* Preprocessing, class names and what else the converter noted; NULL when there is no such key. */
NBL_API const char* nbl_model_metadata(const nbl_model* model, const char* key);
/* Keys in order, NULL beyond the last. */
NBL_API const char* nbl_model_metadata_key(const nbl_model* model, size_t index);

/* Sessions -------------------------------------------------------------------------------------------------------- */

typedef struct nbl_session nbl_session;

/* The size of a free dimension. This structure never changes: it is passed in arrays. */
typedef struct nbl_dim {
  const char* name;
  int64_t size;
} nbl_dim;

typedef struct nbl_session_options {
  uint32_t struct_size;
  int32_t profile;       /* not 0: measure each step; see nbl_session_profile */
  int32_t keep_all;      /* not 0: nbl_session_read_tensor works for all tensors */
  int32_t ignore_tuning; /* not 0: do not use what nbl_tune measured */
  uint64_t memory_limit; /* bytes on the device; 0: no limit */
  const nbl_dim* dims;   /* those not given are 1 */
  size_t dim_count;
  const char* kernels; /* forces kernels; NULL: none */
} nbl_session_options;

/* `options` may be NULL. */
NBL_API nbl_error* nbl_session_create(const nbl_device* device, const nbl_model* model,
                                      const nbl_session_options* options, nbl_session** session);
/* Waits for work in flight. */
NBL_API void nbl_session_free(nbl_session* session);

/* A session that is made in a thread of its own; see prepare.h. */
typedef struct nbl_preparation nbl_preparation;
/* `threads`: that compile at most; 0: as many as there are processors. `run_once` not 0: run it once as well, where the
 * application does not use the device's queue meanwhile. `options` may be NULL. */
NBL_API nbl_error* nbl_preparation_start(const nbl_device* device, const nbl_model* model,
                                         const nbl_session_options* options, size_t threads, int32_t run_once,
                                         nbl_preparation** preparation);
/* Pipelines that are compiled and that are to be; `finished` not 0: nbl_preparation_take does not wait. Any may be
 * NULL. */
NBL_API void nbl_preparation_progress(const nbl_preparation* preparation, size_t* done, size_t* total,
                                      int32_t* finished);
/* Waits. Once. */
NBL_API nbl_error* nbl_preparation_take(nbl_preparation* preparation, nbl_session** session);
/* Cancels, unless the session was taken. */
NBL_API void nbl_preparation_free(nbl_preparation* preparation);

/* With the sizes that are bound now; the information lives until nbl_session_bind_dims. */
NBL_API size_t nbl_session_input_count(const nbl_session* session);
NBL_API size_t nbl_session_output_count(const nbl_session* session);
NBL_API nbl_error* nbl_session_input(const nbl_session* session, size_t index, nbl_tensor_info* info);
NBL_API nbl_error* nbl_session_output(const nbl_session* session, size_t index, nbl_tensor_info* info);

/* Copies `count` values of `type` in row-major order. `type` and `count` must be those of the tensor. `name` may be
 * NULL where there is one input, or one output. NBL_F16: 16-bit patterns; NBL_BOOLEAN: bytes. */
NBL_API nbl_error* nbl_session_write(nbl_session* session, const char* name, nbl_type type, const void* values,
                                     size_t count);
NBL_API nbl_error* nbl_session_read(const nbl_session* session, const char* name, nbl_type type, void* values,
                                    size_t count);

/* Runs and waits. */
NBL_API nbl_error* nbl_session_run(nbl_session* session);
/* Starts a run. */
NBL_API nbl_error* nbl_session_submit(nbl_session* session);
/* UINT64_MAX waits for ever. `done` may be NULL; it becomes 0 when the time was over first. */
NBL_API nbl_error* nbl_session_wait(nbl_session* session, uint64_t timeout_ns, int32_t* done);

/* A part of a run: `first` steps were done before it, it finishes `count` more. See session.h. */
typedef struct nbl_slice {
  uint32_t struct_size;
  int32_t finished;             /* not 0: the last of its run */
  uint64_t first, count, total; /* steps */
  uint64_t predicted_ns, took_ns;
} nbl_slice;

/* Runs as many further steps as fit into the budget and waits for them. `slice` may be NULL. */
NBL_API nbl_error* nbl_session_run_slice(nbl_session* session, uint64_t budget_ns, nbl_slice* slice);
NBL_API nbl_error* nbl_session_restart_slices(nbl_session* session);

typedef struct nbl_slice_statistics {
  uint32_t struct_size;
  uint32_t reserved;
  /* longest_step_ns: of the longest step or, of one that slices divide, the longest piece: a budget below cannot be
   * kept */
  uint64_t slices, longest_ns, worst_overshoot_ns, longest_step_ns;
} nbl_slice_statistics;

NBL_API nbl_error* nbl_session_slice_statistics(const nbl_session* session, nbl_slice_statistics* statistics);

NBL_API nbl_error* nbl_session_bind_dims(nbl_session* session, const nbl_dim* dims, size_t dim_count);

typedef struct nbl_step_time {
  uint32_t struct_size;
  uint32_t reserved;
  const char* label;
  const char* kernel;
  uint64_t ns;
} nbl_step_time;

/* Takes the times of the last run; `count` becomes the number of steps, 0 where nothing was measured. */
NBL_API nbl_error* nbl_session_profile(nbl_session* session, size_t* count);
/* Of the last nbl_session_profile; lives until the next. */
NBL_API nbl_error* nbl_session_profile_step(const nbl_session* session, size_t index, nbl_step_time* step);

/* Bytes on the device. */
typedef struct nbl_memory_use {
  uint32_t struct_size;
  uint32_t reserved;
  uint64_t weights, activations, tables, inputs, outputs, total;
} nbl_memory_use;

NBL_API nbl_error* nbl_session_memory(const nbl_session* session, nbl_memory_use* memory);
/* What runs, a line a step, to be freed with nbl_string_free; NULL without a session or memory. */
NBL_API char* nbl_session_plan_text(const nbl_session* session);

/* Any tensor of the network as the last run left it. `bytes` becomes the size of its values; when `values` is NULL or
 * `capacity` (in bytes) is less, nothing is copied, and the latter is an error. `type` may be NULL. */
NBL_API nbl_error* nbl_session_read_tensor(const nbl_session* session, const char* name, void* values, size_t capacity,
                                           size_t* bytes, nbl_type* type);
/* Names that can be read, in the order of the network; NULL beyond the last. */
NBL_API const char* nbl_session_tensor_name(const nbl_session* session, size_t index);

/* Tuning ---------------------------------------------------------------------------------------------------------- */

typedef struct nbl_tune_progress {
  uint32_t struct_size;
  uint32_t reserved;
  uint64_t done, total;
  double seconds;
  const char* label; /* of the step that comes next; lives during the call */
} nbl_tune_progress;

typedef struct nbl_tune_options {
  uint32_t struct_size;
  int32_t again;          /* not 0: measure again what is known */
  uint64_t time_limit_ns; /* 0: a minute */
  const nbl_dim* dims;
  size_t dim_count;
  void (*progress)(void* user, const nbl_tune_progress* progress); /* may be NULL */
  void* user;
} nbl_tune_options;

typedef struct nbl_tune_report {
  uint32_t struct_size;
  int32_t kept; /* 0: the whole network was no faster with the new choices, which were dropped */
  uint64_t measured, problems, known, not_reached;
  double untuned_ms, tuned_ms, seconds;
} nbl_tune_report;

/* Measures which kernels run the model's steps fastest on the device. `options` and `report` may be NULL. */
NBL_API nbl_error* nbl_tune(const nbl_device* device, const nbl_model* model, const nbl_tune_options* options,
                            nbl_tune_report* report);

#ifdef __cplusplus
}
#endif

#endif
