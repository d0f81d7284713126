#include "converter/recover/layer.h"

#include <algorithm>

#include "core/text.h"
#include "core/try.h"
#include "ops/op.h"

namespace nibble::recover {

namespace {

Error refused(const TensorDesc& desc, const char* why) {
  return {Code::unsupported_op,
          format("tensor '%s' of shape %s %s", desc.name.c_str(), to_string(desc.shape).c_str(), why)};
}

Extent extent(const std::vector<int64_t>& s) {
  switch (s.size()) {
    case 2: return {s[0], 1, 1, s[1], false};
    case 3: return {s[0], s[1], 1, s[2], false};
    default: return {s[0], s[2], s[3], s[1], true};
  }
}

}  // namespace

size_t memory_axis(size_t rank, size_t axis) {
  if (axis == 0) return 0;
  if (rank == 4) return axis == 1 ? 3 : axis - 1;
  return axis + 1 == rank ? 3 : 1;
}

Result<Extent> extent_of(const TensorDesc& desc, int64_t samples) {
  if (!is_const(desc.shape)) return refused(desc, "has a free dimension");
  std::vector<int64_t> s = values(desc.shape);
  if (s.size() < 2 || s.size() > 4) return refused(desc, "has not two to four axes");
  if (s[0] != 1) return refused(desc, "has not one entry a sample in front");
  s[0] = samples;
  return extent(s);
}

Result<Extent> extent_of_constant(const TensorDesc& desc, size_t rank) {
  std::vector<int64_t> s = values(desc.shape);
  if (rank < 2 || rank > 4 || s.size() > rank) return refused(desc, "cannot be broadcast here");
  s.insert(s.begin(), rank - s.size(), 1);
  if (s[0] != 1) return refused(desc, "differs between samples");
  return extent(s);
}

void to_channels_last(const float* from, const Extent& e, float* to) {
  if (!e.planes) {
    std::copy_n(from, e.elements(), to);
    return;
  }
  const int64_t plane = e.h * e.w;
  for (int64_t n = 0; n < e.n; ++n, from += plane * e.c, to += plane * e.c) {
    for (int64_t c = 0; c < e.c; ++c) {
      for (int64_t p = 0; p < plane; ++p) to[p * e.c + c] = from[c * plane + p];
    }
  }
}

void from_channels_last(const float* from, const Extent& e, float* to) {
  if (!e.planes) {
    std::copy_n(from, e.elements(), to);
    return;
  }
  const int64_t plane = e.h * e.w;
  for (int64_t n = 0; n < e.n; ++n, from += plane * e.c, to += plane * e.c) {
    for (int64_t c = 0; c < e.c; ++c) {
      for (int64_t p = 0; p < plane; ++p) to[c * plane + p] = from[p * e.c + c];
    }
  }
}

bool is_weighted(const Node& node) { return op_if<Conv2d>(node) || op_if<Linear>(node); }

Result<LayerPtr> make_layer(const LayerSource& source, std::string& reason) {
  reason.clear();
  const Node& node = source.node;
  LayerPtr layer;
  if (is_weighted(node)) {
    NBL_TRY(layer, make_convolution(source, reason));
  } else if (op_if<Binary>(node)) {
    layer = make_binary(source, reason);
  } else if (op_if<Unary>(node)) {
    layer = make_unary(source, reason);
  } else if (op_if<Pool2d>(node) || op_if<Reduce>(node)) {
    layer = make_window(source, reason);
  } else {
    layer = make_movement(source, reason);
  }
  if (!layer) {
    reason = format("%s '%s' has no gradient here%s%s", op_name(node), node.name.c_str(), reason.empty() ? "" : ": ",
                    reason.c_str());
  }
  return layer;
}

}  // namespace nibble::recover
