#include "converter/statistics/gram.h"

#include <algorithm>
#include <atomic>
#include <dnnl.hpp>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "converter/execute/fast_layer.h"

namespace nibble::statistics {
namespace {

constexpr int64_t kTile = 384;

// Where the sums of a tile go: row i has its first value at row(i) and as many as length(i).
struct TileSums {
  double* first;
  int64_t stride;           // from row to row
  bool packed = false;      // in a triangle each row is one value longer than the one before: `stride` is the first's
  bool lower_only = false;  // what is above the diagonal is left out

  double* row(int64_t i) const { return first + i * stride + (packed ? triangle_row(i - 1) : 0); }
  int64_t length(int64_t i, int64_t columns) const { return lower_only ? std::min(i + 1, columns) : columns; }
};

// sums [rows, columns] += aT b over n rows; a and b point to their first column.
void add_tile(const float* a, int64_t a_stride, const float* b, int64_t b_stride, int64_t n, int64_t rows,
              int64_t columns, const TileSums& sums) {
  if (rows * columns <= 256) {  // depthwise layers: a library call costs more than it saves
    for (int64_t p = 0; p < n; ++p) {
      for (int64_t i = 0; i < rows; ++i) {
        const auto left = static_cast<double>(a[p * a_stride + i]);
        double* to = sums.row(i);
        const int64_t length = sums.length(i, columns);
        for (int64_t j = 0; j < length; ++j) to[j] += left * static_cast<double>(b[p * b_stride + j]);
      }
    }
    return;
  }
  std::vector<float> product(static_cast<size_t>(rows * columns));
  for (int64_t from = 0; from < n; from += kGramRows) {
    const int64_t count = std::min(kGramRows, n - from);
    dnnl::sgemm('T', 'N', rows, columns, count, 1.0f, a + from * a_stride, a_stride, b + from * b_stride, b_stride,
                0.0f, product.data(), columns);
    for (int64_t i = 0; i < rows; ++i) {
      double* to = sums.row(i);
      const float* part = product.data() + i * columns;
      const int64_t length = sums.length(i, columns);
      for (int64_t j = 0; j < length; ++j) to[j] += static_cast<double>(part[j]);
    }
  }
}

// `sums(row, column)`: of the tile that begins there.
template <class Sums>
void add_tiles_below_diagonal(const float* x, int64_t n, int64_t k, int threads, const Sums& sums) {
  const int64_t tiles = (k + kTile - 1) / kTile;
  parallel_for(tiles * (tiles + 1) / 2, threads, [&](int64_t index) {
    int64_t i = 0;
    for (; index > i; ++i) index -= i + 1;
    const int64_t row = i * kTile, column = index * kTile;
    add_tile(x + row, k, x + column, k, n, std::min(kTile, k - row), std::min(kTile, k - column), sums(row, column));
  });
}

}  // namespace

void parallel_for(int64_t count, int threads, const std::function<void(int64_t)>& f) {
  std::atomic<int64_t> next{0};
  std::exception_ptr failed;  // memory ran out in a thread
  std::mutex mutex;
  const auto work = [&] {
    try {
      const ThreadLimit limit(1);
      for (int64_t i = next++; i < count; i = next++) f(i);
    } catch (...) {
      const std::lock_guard lock(mutex);
      failed = std::current_exception();
    }
  };
  std::vector<std::thread> others;
  try {
    for (int64_t t = 1; t < std::min<int64_t>(threads, count); ++t) others.emplace_back(work);
  } catch (const std::system_error&) {  // no further thread is to be had: those there are do it all
  }
  work();
  for (std::thread& t : others) t.join();
  if (failed) std::rethrow_exception(failed);
}

void add_gram(const float* x, int64_t n, int64_t k, double* triangle, int threads) {
  add_tiles_below_diagonal(x, n, k, threads, [&](int64_t row, int64_t column) {
    return TileSums{triangle + triangle_row(row) + column, row + 1, true, row == column};
  });
}

void add_square_gram(const float* x, int64_t n, int64_t k, double* gram, int threads) {
  add_tiles_below_diagonal(x, n, k, threads, [&](int64_t row, int64_t column) {
    return TileSums{gram + row * k + column, k};
  });
}

void add_cross(const float* y, const float* x, int64_t n, int64_t o, int64_t k, double* cross, int threads) {
  const int64_t across = (k + kTile - 1) / kTile, down = (o + kTile - 1) / kTile;
  parallel_for(across * down, threads, [&](int64_t index) {
    const int64_t row = index / across * kTile, column = index % across * kTile;
    add_tile(y + row, o, x + column, k, n, std::min(kTile, o - row), std::min(kTile, k - column),
             {cross + row * k + column, k});
  });
}

void add_sum(const float* x, int64_t n, int64_t k, double* sum) {
  for (int64_t p = 0; p < n; ++p) {
    for (int64_t i = 0; i < k; ++i) sum[i] += static_cast<double>(x[p * k + i]);
  }
}

void read_symmetric_row(const double* triangle, int64_t k, int64_t i, double* row) {
  std::copy_n(triangle + triangle_row(i), i + 1, row);
  for (int64_t j = i + 1; j < k; ++j) row[j] = triangle[triangle_row(j) + i];
}

std::vector<double> symmetric_matrix(const double* triangle, int64_t k) {
  std::vector<double> out(static_cast<size_t>(k * k));
  for (int64_t i = 0; i < k; ++i) {
    for (int64_t j = 0; j <= i; ++j)
      out[static_cast<size_t>(i * k + j)] = out[static_cast<size_t>(j * k + i)] = triangle[triangle_row(i) + j];
  }
  return out;
}

void multiply_rows(const float* x, const float* w, int64_t n, int64_t o, int64_t k, float* y, int threads) {
  const int64_t parts = (n + kTile - 1) / kTile;
  parallel_for(parts, threads, [&](int64_t part) {
    const int64_t from = part * kTile, count = std::min(kTile, n - from);
    dnnl::sgemm('N', 'T', count, o, k, 1.0f, x + from * k, k, w, k, 0.0f, y + from * o, o);
  });
}

}  // namespace nibble::statistics
