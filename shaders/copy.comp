// Element y[i0, i1, ...] = x[start0 + i_a * step0, ...]: Transpose, Slice, Pad, Expand, and Concat into a region of y.
//
// The loop runs over units of the target region. Each of its AXES (outermost first) has seven words in the table: size,
// start, step, size in the source, stride in the source, stride in the target (units), and flags. A source axis depends
// on one loop axis; along the source's blocked axis the stride is that of a block of 4.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/group.glsl"
#include "lib/raw.glsl"

layout(constant_id = NBL_SPEC_OWN) const int AXES = 1;
layout(constant_id = NBL_SPEC_OWN + 1) const int LANE_AXIS = 0;     // the loop axis that is blocked in the target
layout(constant_id = NBL_SPEC_OWN + 2) const uint WHOLE_UNITS = 0;  // lanes stay together: strides count units
layout(constant_id = NBL_SPEC_OWN + 3) const uint KEEP = 0;    // the region begins inside a unit: keep earlier lanes
layout(constant_id = NBL_SPEC_OWN + 4) const uint PADDED = 0;  // bit m: some axis reads outside the source in mode m

layout(set = 0, binding = 0) readonly buffer X { uint x[]; };
layout(set = 0, binding = 0) readonly buffer XUnits { RAW_UNIT x_units[]; };
layout(set = 0, binding = 1) readonly buffer Axes { int axes[]; };
layout(set = 0, binding = 2) buffer Y { RAW_UNIT y[]; };
layout(push_constant) uniform Push { CopyParams p; };

const int WORDS = 7;
const int OUTSIDE = -1;
const int FLAG_BLOCKED = 8;

bool mode_in_use(int mode) { return (PADDED & (1u << mode)) != 0; }

// Where coordinate c (possibly outside) of the source is read; OUTSIDE for the constant. Modes that no axis has are
// compiled out; the short forms serve padding by less than the source's size.
int padded(int c, int size, int mode) {
  if (mode_in_use(1) && mode == 1) return c >= 0 && c < size ? c : OUTSIDE;
  if (mode_in_use(2) && mode == 2) {  // reflect, the edge not repeated
    const int period = max(2 * (size - 1), 1);
    const int r = ((c % period) + period) % period;
    return r < size ? r : period - r;
  }
  if (mode_in_use(3) && mode == 3) return clamp(c, 0, size - 1);
  if (mode_in_use(4) && mode == 4) return ((c % size) + size) % size;
  if (mode_in_use(5) && mode == 5) return size - 1 - abs(size - 1 - abs(c));              // reflect, short
  if (mode_in_use(6) && mode == 6) return c < 0 ? c + size : (c >= size ? c - size : c);  // wrap, short
  return c;
}

struct Axis {
  int start, step, source_size, stride, flags;
};

Axis load_axis(int axis) {
  const int at = axis * WORDS;
  return Axis(axes[at + 1], axes[at + 2], axes[at + 3], axes[at + 4], axes[at + 6]);
}

// Contribution of one loop axis to the source's element (or unit) index; OUTSIDE for the constant.
int contribution(Axis axis, int coordinate) {
  int c = axis.start + axis.step * coordinate;
  if (PADDED != 0 && (axis.flags & 7) != 0) {
    c = padded(c, axis.source_size, axis.flags & 7);
    if (c < 0) return OUTSIDE;
  }
  if ((axis.flags & FLAG_BLOCKED) != 0) return (c >> 2) * axis.stride + (c & 3);
  return c * axis.stride;
}

bool is_outside(Axis axis, int part) { return PADDED != 0 && part < 0 && (axis.flags & 7) != 0; }

// State of the walk over the loop axes, innermost first.
int rest, target, source, block;
bool inside;

void visit(int axis) {
  const int size = axes[axis * WORDS];
  int coordinate = rest;
  if (axis > 0) {
    rest = int(divide(uint(rest), uint(size)));
    coordinate -= rest * size;
  }
  target += coordinate * axes[axis * WORDS + 5];
  if (axis == LANE_AXIS) {
    block = coordinate;
    if (WHOLE_UNITS == 0) return;
  }
  const Axis map = load_axis(axis);
  const int part = contribution(map, coordinate);
  if (is_outside(map, part)) {
    inside = false;
  } else {
    source += part;
  }
}

void main() {
  const uint u = linear_invocation();
  if (u >= p.units) return;
  rest = int(u);
  target = int(p.target_base);
  source = int(p.source_base);
  block = 0;
  inside = true;
  // Written out, because loads at constant places are much cheaper than in a loop.
  if (AXES > 7) visit(7);
  if (AXES > 6) visit(6);
  if (AXES > 5) visit(5);
  if (AXES > 4) visit(4);
  if (AXES > 3) visit(3);
  if (AXES > 2) visit(2);
  if (AXES > 1) visit(1);
  visit(0);
  if (WHOLE_UNITS != 0 && LANE_AXIS < 0) {  // nothing to mask either
    y[target] = inside ? x_units[source] : pack_raw(uvec4(p.fill));
    return;
  }
  const int first = 4 * block - int(p.lane_begin);  // coordinate of lane 0 in the region
  uvec4 lanes = uvec4(inside ? 0u : p.fill);
  if (WHOLE_UNITS != 0) {
    if (inside) lanes = unpack_raw(x_units[source]);
  } else if (inside) {
    const Axis map = load_axis(LANE_AXIS);
    for (int lane = 0; lane < 4; ++lane) {
      const int coordinate = first + lane;
      if (coordinate < 0 || coordinate >= int(p.lane_count)) continue;
      const int part = contribution(map, coordinate);
      if (is_outside(map, part)) {
        lanes[lane] = p.fill;
      } else {
        const uint element = uint(source + part);
        lanes[lane] = LOAD_RAW(x, element);
      }
    }
  }
  uvec4 before = uvec4(0);
  if (KEEP != 0 && first < 0) before = unpack_raw(y[target]);
  for (int lane = 0; lane < 4; ++lane) {
    const int coordinate = first + lane;
    if (coordinate >= int(p.lane_count)) lanes[lane] = 0u;
    if (KEEP != 0 && coordinate < 0) lanes[lane] = before[lane];
  }
  y[target] = pack_raw(lanes);
}
