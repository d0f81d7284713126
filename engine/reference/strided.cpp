#include "reference/strided.h"

namespace nibble::reference {

int64_t product(std::span<const int64_t> shape, size_t begin, size_t end) {
  int64_t out = 1;
  for (size_t i = begin; i < end; ++i) out *= shape[i];
  return out;
}

std::vector<int64_t> row_major_strides(std::span<const int64_t> shape) {
  std::vector<int64_t> out(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;) out[i - 1] = out[i] * shape[i];
  return out;
}

std::vector<int64_t> broadcast_strides(std::span<const int64_t> shape, std::span<const int64_t> target) {
  const std::vector<int64_t> own = row_major_strides(shape);
  std::vector<int64_t> out(target.size(), 0);
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[shape.size() - 1 - i] != 1) out[target.size() - 1 - i] = own[shape.size() - 1 - i];
  }
  return out;
}

}  // namespace nibble::reference
