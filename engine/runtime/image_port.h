// Between an application's image and the tensor of an input or output. What it is made of is only linked into programs
// that bind images.
#pragma once

#include <cstdint>

#include "gpu/command.h"

namespace nibble {

// Who keeps a recording: each has descriptor sets of its own, since writing one ends the life of its recordings.
enum class RecordedFor { run, slice, application };

class ImagePort {
 public:
  virtual ~ImagePort() = default;
  // Between begin and finish of `commands`, behind a barrier between compute and transfer either way. The tensor's
  // elements have been, or will be, accessed by compute.
  virtual void record(gpu::CommandList& commands, const gpu::BufferRange& tensor, RecordedFor whom) = 0;
  // Memory for the tensor where the application binds no buffer.
  virtual gpu::BufferRange tensor() const = 0;
};

}  // namespace nibble
