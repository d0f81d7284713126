// Operators that only move elements: Concat, Slice, Pad, Reshape.
#include <algorithm>

#include "converter/recover/layer.h"
#include "ops/op.h"

namespace nibble::recover {
namespace {

// Elements of a small tensor lie in a large one at start + i * step along each axis.
struct Placement {
  Extent small, large;
  std::array<int64_t, 4> start{0, 0, 0, 0}, step{1, 1, 1, 1};

  // f(first element of a row of channels in the small tensor, the same in the large one, distance there)
  template <class F>
  void for_each_row(F&& f) const {
    int64_t from = 0;
    for (int64_t n = 0; n < small.n; ++n) {
      for (int64_t h = 0; h < small.h; ++h) {
        for (int64_t w = 0; w < small.w; ++w, from += small.c) {
          const int64_t pixel =
              ((start[0] + n * step[0]) * large.h + start[1] + h * step[1]) * large.w + start[2] + w * step[2];
          f(from, pixel * large.c + start[3], step[3]);
        }
      }
    }
  }
  void spread(const float* from, float* large_values) const {
    for_each_row([&](int64_t i, int64_t j, int64_t d) {
      for (int64_t c = 0; c < small.c; ++c) large_values[j + c * d] = from[i + c];
    });
  }
  void gather(const float* large_values, float* to) const {
    for_each_row([&](int64_t i, int64_t j, int64_t d) {
      for (int64_t c = 0; c < small.c; ++c) to[i + c] = large_values[j + c * d];
    });
  }
  void add_spread(const float* from, float* large_values) const {
    for_each_row([&](int64_t i, int64_t j, int64_t d) {
      for (int64_t c = 0; c < small.c; ++c) large_values[j + c * d] += from[i + c];
    });
  }
  void add_gathered(const float* large_values, float* to) const {
    for_each_row([&](int64_t i, int64_t j, int64_t d) {
      for (int64_t c = 0; c < small.c; ++c) to[i + c] += large_values[j + c * d];
    });
  }
};

// Concat and Pad: the inputs are parts of the output.
class Parts : public Layer {
 public:
  Parts(std::vector<Placement> parts, float fill) : parts_(std::move(parts)), fill_(fill) {}

  Status forward(std::span<const float* const> x, float* y, LayerScratch&) const override {
    if (parts_.size() == 1) std::fill_n(y, parts_[0].large.elements(), fill_);
    for (size_t i = 0; i < parts_.size(); ++i) parts_[i].spread(x[i], y);
    return {};
  }
  Status backward(std::span<const float* const>, const float*, float* dy, std::span<float* const> dx, float*,
                  LayerScratch&) const override {
    for (size_t i = 0; i < parts_.size(); ++i) {
      if (dx[i]) parts_[i].add_gathered(dy, dx[i]);
    }
    return {};
  }

 private:
  std::vector<Placement> parts_;
  float fill_;
};

class SliceLayer : public Layer {
 public:
  explicit SliceLayer(const Placement& place) : place_(place) {}
  Status forward(std::span<const float* const> x, float* y, LayerScratch&) const override {
    place_.gather(x[0], y);
    return {};
  }
  Status backward(std::span<const float* const>, const float*, float* dy, std::span<float* const> dx, float*,
                  LayerScratch&) const override {
    if (dx[0]) place_.add_spread(dy, dx[0]);
    return {};
  }

 private:
  Placement place_;
};

class ReshapeLayer : public Layer {
 public:
  ReshapeLayer(const Extent& x, const Extent& y) : x_(x), y_(y) {}
  Status forward(std::span<const float* const> x, float* y, LayerScratch& scratch) const override {
    reorder(x[0], x_, y, y_, scratch);
    return {};
  }
  Status backward(std::span<const float* const>, const float*, float* dy, std::span<float* const> dx, float*,
                  LayerScratch& scratch) const override {
    if (!dx[0]) return {};
    const auto count = static_cast<size_t>(x_.elements());
    scratch.work.resize(std::max(scratch.work.size(), count));
    reorder(dy, y_, scratch.work.data(), x_, scratch);
    for (size_t i = 0; i < count; ++i) dx[0][i] += scratch.work[i];
    return {};
  }

 private:
  static void reorder(const float* from, const Extent& from_extent, float* to, const Extent& to_extent,
                      LayerScratch& scratch) {
    scratch.values.resize(std::max(scratch.values.size(), static_cast<size_t>(from_extent.elements())));
    from_channels_last(from, from_extent, scratch.values.data());
    to_channels_last(scratch.values.data(), to_extent, to);
  }
  Extent x_, y_;
};

LayerPtr make_slice(const Slice& op, const LayerSource& s, std::string& reason) {
  Placement place{s.y, s.x[0]};
  const size_t rank = op.steps.size();
  for (size_t axis = 0; axis < rank; ++axis) {
    if (!op.starts[axis].is_const()) {
      reason = "its start depends on a free dimension";
      return nullptr;
    }
    const size_t at = memory_axis(rank, axis);
    place.start[at] = op.starts[axis].value();
    place.step[at] = op.steps[axis];
  }
  if (place.start[0] != 0 || place.step[0] != 1) {
    reason = "along the samples";
    return nullptr;
  }
  return std::make_unique<SliceLayer>(place);
}

LayerPtr make_pad(const Pad& op, const LayerSource& s, std::string& reason) {
  if (op.mode != PadMode::constant || op.begins[0] != 0 || op.ends[0] != 0) {
    reason = "padding other than with a constant";
    return nullptr;
  }
  Placement place{s.x[0], s.y};
  for (size_t axis = 0; axis < op.begins.size(); ++axis) {
    place.start[memory_axis(op.begins.size(), axis)] = op.begins[axis];
  }
  return std::make_unique<Parts>(std::vector{place}, op.value);
}

LayerPtr make_concat(const Concat& op, const LayerSource& s, std::string& reason) {
  const size_t axis = memory_axis(s.graph.desc(s.node.outputs[0]).shape.size(), static_cast<size_t>(op.axis));
  if (axis == 0) {
    reason = "along the samples";
    return nullptr;
  }
  std::vector<Placement> parts;
  int64_t start = 0;
  for (const Extent& x : s.x) {
    if (x.n != s.y.n) {
      reason = "a constant is among its inputs";
      return nullptr;
    }
    Placement place{x, s.y};
    place.start[axis] = start;
    start += x.sizes()[axis];
    parts.push_back(place);
  }
  return std::make_unique<Parts>(std::move(parts), 0.0f);
}

}  // namespace

LayerPtr make_movement(const LayerSource& s, std::string& reason) {
  if (const auto* slice = op_if<Slice>(s.node)) return make_slice(*slice, s, reason);
  if (const auto* pad = op_if<Pad>(s.node)) return make_pad(*pad, s, reason);
  if (const auto* concat = op_if<Concat>(s.node)) return make_concat(*concat, s, reason);
  if (op_if<Reshape>(s.node)) return std::make_unique<ReshapeLayer>(s.x[0], s.y);
  return nullptr;
}

}  // namespace nibble::recover
