// Classifies pictures of any size. Nothing in here is Android's.
#pragma once

#include <nibble/nibble.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

class PictureClassifier {
 public:
  // A network with one u8 input [1, 3 or 1, H, W] and scores as its first output (nibble-convert --input-type uint8).
  // Compiled pipelines are kept in `cache_file`; empty: not kept.
  static nibble::Result<PictureClassifier> create(std::span<const std::byte> network, const std::string& cache_file);

  // `pixels`: rows of RGBA bytes from top to bottom, `stride` bytes apart. Gives the name of the best class, or its
  // number where the file has no names.
  nibble::Result<std::string> classify(std::span<const uint8_t> pixels, uint32_t width, uint32_t height, size_t stride);

 private:
  explicit PictureClassifier(nibble::Session session) : session_(std::move(session)) {}
  nibble::Session session_;
  std::vector<std::string> classes_;
  std::vector<uint8_t> input_;
  std::vector<float> scores_;
};
