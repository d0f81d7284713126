#version 450
// out[i] = in[i] * factor + BIAS, for i < count.
layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint BIAS = 0u;
layout(set = 0, binding = 0) readonly buffer Input { uint data[]; } input_words;
layout(set = 0, binding = 1) writeonly buffer Output { uint data[]; } output_words;
layout(push_constant) uniform Push { uint count; uint factor; };

void main() {
  const uint i = gl_GlobalInvocationID.x;
  if (i < count) output_words.data[i] = input_words.data[i] * factor + BIAS;
}
