// Memory in whole pages that can be handed back to the system part by part.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "nibble/result.h"

namespace nibble {

// Begins at a page where the system has pages, else at a multiple of 256 bytes. Zeros at first.
class PageBlock {
 public:
  // An error (out_of_memory) with the number of bytes where there is not enough. Nothing is touched before it is used.
  static Result<PageBlock> allocate(uint64_t bytes);

  PageBlock() = default;
  PageBlock(PageBlock&& other) noexcept;
  PageBlock& operator=(PageBlock&& other) noexcept;
  ~PageBlock();

  std::span<std::byte> bytes() const { return bytes_; }

  // Hands back the memory of the whole pages in `part`, a part of bytes(). What lay there is lost: it reads as zeros
  // or as before until it is written again.
  void drop(std::span<const std::byte> part) const;

 private:
  std::span<std::byte> bytes_;
};

}  // namespace nibble
