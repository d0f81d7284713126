#include "reference/conv_sums.h"

namespace nibble::reference {

namespace {

template <class A>
void add_scaled(A factor, const A* x, int64_t x_stride, A* y, int64_t y_stride, int64_t n) {
  if (x_stride == 1 && y_stride == 1) {
    for (int64_t i = 0; i < n; ++i) y[i] += factor * x[i];
    return;
  }
  for (int64_t i = 0; i < n; ++i) y[i * y_stride] += factor * x[i * x_stride];
}

// One input plane into one output plane.
template <class A>
void add_plane(const ConvGeometry& g, const A* x, const A* weights, A* y) {
  for (int64_t ky = 0; ky < g.h.kernel; ++ky) {
    const int64_t y_offset = ky * g.h.dilation - g.h.pad;
    const StepRange rows = steps_inside(g.h.out, g.h.stride, y_offset, g.h.in);
    for (int64_t kx = 0; kx < g.w.kernel; ++kx) {
      const int64_t x_offset = kx * g.w.dilation - g.w.pad;
      const StepRange columns = steps_inside(g.w.out, g.w.stride, x_offset, g.w.in);
      const A weight = weights[ky * g.w.kernel + kx];
      if (columns.begin >= columns.end) continue;
      for (int64_t oy = rows.begin; oy < rows.end; ++oy) {
        const A* from = x + (oy * g.h.stride + y_offset) * g.w.in + columns.begin * g.w.stride + x_offset;
        add_scaled(weight, from, g.w.stride, y + oy * g.w.out + columns.begin, 1, columns.end - columns.begin);
      }
    }
  }
}

template <class A>
void add_plane_transposed(const ConvGeometry& g, const A* x, const A* weights, A* y) {
  for (int64_t ky = 0; ky < g.h.kernel; ++ky) {
    const int64_t y_offset = ky * g.h.dilation - g.h.pad;
    const StepRange rows = steps_inside(g.h.in, g.h.stride, y_offset, g.h.out);
    for (int64_t kx = 0; kx < g.w.kernel; ++kx) {
      const int64_t x_offset = kx * g.w.dilation - g.w.pad;
      const StepRange columns = steps_inside(g.w.in, g.w.stride, x_offset, g.w.out);
      const A weight = weights[ky * g.w.kernel + kx];
      if (columns.begin >= columns.end) continue;
      for (int64_t iy = rows.begin; iy < rows.end; ++iy) {
        A* to = y + (iy * g.h.stride + y_offset) * g.w.out + columns.begin * g.w.stride + x_offset;
        add_scaled(weight, x + iy * g.w.in + columns.begin, 1, to, g.w.stride, columns.end - columns.begin);
      }
    }
  }
}

// Calls plane(x plane, weights of (o, c), y plane) for all pairs of connected channels.
template <class A, class F>
void for_each_plane_pair(const ConvGeometry& g, const A* x, const A* weights, A* y, F&& plane) {
  const int64_t group_inputs = g.channels / g.groups;
  const int64_t group_outputs = g.outputs / g.groups;
  const int64_t taps = g.h.kernel * g.w.kernel;
  for (int64_t n = 0; n < g.batch; ++n) {
    for (int64_t o = 0; o < g.outputs; ++o) {
      A* to = y + (n * g.outputs + o) * g.h.out * g.w.out;
      for (int64_t c = 0; c < group_inputs; ++c) {
        const int64_t channel = o / group_outputs * group_inputs + c;
        plane(x + (n * g.channels + channel) * g.h.in * g.w.in, weights + (o * group_inputs + c) * taps, to);
      }
    }
  }
}

}  // namespace

template <class A>
void add_conv_sums(const ConvGeometry& g, const A* x, const A* weights, A* y) {
  for_each_plane_pair(g, x, weights, y, [&](const A* from, const A* w, A* to) { add_plane(g, from, w, to); });
}

template <class A>
void add_conv_transpose_sums(const ConvGeometry& g, const A* x, const A* weights, A* y) {
  for_each_plane_pair(g, x, weights, y,
                      [&](const A* from, const A* w, A* to) { add_plane_transposed(g, from, w, to); });
}

template void add_conv_sums(const ConvGeometry&, const double*, const double*, double*);
template void add_conv_sums(const ConvGeometry&, const float*, const float*, float*);
template void add_conv_sums(const ConvGeometry&, const uint32_t*, const uint32_t*, uint32_t*);
template void add_conv_transpose_sums(const ConvGeometry&, const double*, const double*, double*);
template void add_conv_transpose_sums(const ConvGeometry&, const float*, const float*, float*);
template void add_conv_transpose_sums(const ConvGeometry&, const uint32_t*, const uint32_t*, uint32_t*);

}  // namespace nibble::reference
