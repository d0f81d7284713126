// Joins the chunks (and the channels of a group) into each channel's mean, scale / deviation and bias: the second step
// of InstanceNorm. Pairs merge as in T. Chan, G. Golub, R. LeVeque, "Updating formulae and a pairwise algorithm for
// computing sample variances", 1979.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/group.glsl"

layout(constant_id = NBL_SPEC_OWN) const uint HAS_SCALE = 0;
layout(constant_id = NBL_SPEC_OWN + 1) const uint HAS_BIAS = 0;

layout(set = 0, binding = 0) readonly buffer Partial { float partial[]; };  // [N][block][chunk]{mean, deviation}[4]
layout(set = 0, binding = 1) readonly buffer Blob { float blob[]; };
layout(set = 0, binding = 2) writeonly buffer Moments { float moments[]; };  // [N][block]{mean, factor, bias}[4]
layout(push_constant) uniform Push { NormMergeParams p; };

void main() {
  const uint u = linear_invocation();
  const uint lanes = 4 * p.blocks;
  if (u >= p.batch * lanes) return;
  const uint n = u / lanes;
  const uint channel = u - n * lanes;
  const uint target = (n * p.blocks + channel / 4) * 12 + (channel & 3u);
  if (channel >= p.channels) {
    moments[target] = 0.0;
    moments[target + 4] = 0.0;
    moments[target + 8] = 0.0;
    return;
  }
  const uint first = channel / p.group_channels * p.group_channels;
  float count = 0.0;
  float mean = 0.0;
  float deviation = 0.0;
  for (uint c = first; c < first + p.group_channels; ++c) {
    for (uint chunk = 0; chunk < p.chunks; ++chunk) {
      const uint at = ((n * p.blocks + c / 4) * p.chunks + chunk) * 8 + (c & 3u);
      const float more = float((p.plane - chunk + p.chunks - 1) / p.chunks);
      const float total = count + more;
      const float difference = partial[at] - mean;
      mean += difference * (more / total);
      deviation += partial[at + 4] + difference * difference * (count * (more / total));
      count = total;
    }
  }
  const float scale = HAS_SCALE != 0 ? blob[p.scale_offset + channel] : 1.0;
  moments[target] = mean;
  moments[target + 4] = scale / sqrt(deviation / count + p.epsilon);
  moments[target + 8] = HAS_BIAS != 0 ? blob[p.bias_offset + channel] : 0.0;
}
