// Walks over tensors by strides, row by row: the loops of broadcasting, slicing and transposing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace nibble::reference {

// Product of sizes of axes [begin, end).
int64_t product(std::span<const int64_t> shape, size_t begin, size_t end);

// Elements between neighbours along each axis of a row-major tensor.
std::vector<int64_t> row_major_strides(std::span<const int64_t> shape);

// Strides of a tensor of `shape` seen as `target` by NumPy's broadcasting rules: 0 along repeated axes.
std::vector<int64_t> broadcast_strides(std::span<const int64_t> shape, std::span<const int64_t> target);

// N tensors seen under one shape. Neighbouring axes that all of them step through evenly become one, so rows are long.
template <size_t N>
struct Walk {
  std::vector<int64_t> shape;                   // at least one axis
  std::array<std::vector<int64_t>, N> strides;  // per tensor, per axis

  Walk(std::span<const int64_t> full_shape, const std::array<std::vector<int64_t>, N>& full_strides);

  int64_t row_length() const { return shape.back(); }
  int64_t row_stride(size_t tensor) const { return strides[tensor].back(); }

  // Calls row(std::array<int64_t, N> offsets) for each row, in row-major order.
  template <class F>
  void for_each_row(F&& row) const;
};

template <size_t N>
Walk<N>::Walk(std::span<const int64_t> full_shape, const std::array<std::vector<int64_t>, N>& full_strides) {
  for (size_t i = 0; i < full_shape.size(); ++i) {
    if (full_shape[i] == 1) continue;
    bool merges = !shape.empty();
    for (size_t t = 0; merges && t < N; ++t) merges = strides[t].back() == full_strides[t][i] * full_shape[i];
    if (merges) {
      shape.back() *= full_shape[i];
      for (size_t t = 0; t < N; ++t) strides[t].back() = full_strides[t][i];
    } else {
      shape.push_back(full_shape[i]);
      for (size_t t = 0; t < N; ++t) strides[t].push_back(full_strides[t][i]);
    }
  }
  if (!shape.empty()) return;
  shape.push_back(1);
  for (size_t t = 0; t < N; ++t) strides[t].push_back(1);
}

template <size_t N>
template <class F>
void Walk<N>::for_each_row(F&& row) const {
  std::vector<int64_t> index(shape.size(), 0);
  std::array<int64_t, N> offsets{};
  for (;;) {
    row(offsets);
    size_t axis = shape.size() - 1;
    while (axis > 0) {
      --axis;
      for (size_t t = 0; t < N; ++t) offsets[t] += strides[t][axis];
      if (++index[axis] < shape[axis]) break;
      for (size_t t = 0; t < N; ++t) offsets[t] -= strides[t][axis] * shape[axis];
      index[axis] = 0;
      if (axis == 0) return;
    }
    if (shape.size() == 1) return;
  }
}

}  // namespace nibble::reference
