#version 450
// out[i] = what MODE says of in[i], through branches of every shape that kernels have.
layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint MODE = 0u;
layout(set = 0, binding = 0) readonly buffer Input { uint data[]; } input_words;
layout(set = 0, binding = 1) writeonly buffer Output { uint data[]; } output_words;
layout(push_constant) uniform Push { uint count; uint factor; };

// Only MODE 1 calls it.
uint squared_in_float(uint x) {
  precise const float f = float(x) * float(x) + 1.0;
  return uint(f);
}

uint early(uint x) {
  if (MODE == 2u) return x + 100u;
  return x + 7u;
}

uint summed(uint x) {
  uint sum = 0u;
  for (uint k = 0u; k < factor; ++k) {
    if (MODE == 3u && k > 2u) continue;
    if (MODE == 4u) break;
    sum += x + k;
  }
  return sum;
}

uint chosen(uint x) {
  switch (MODE) {
    case 1u: return x + 3u;
    case 5u: x += 1u;
    case 6u: return x * 10u;
    default: break;
  }
  return x;
}

void main() {
  const uint i = gl_GlobalInvocationID.x;
  if (i >= count) return;
  uint x = input_words.data[i];
  if (MODE == 0u) {
    x = x * factor;
  } else if (MODE == 1u) {
    x = squared_in_float(x);
  } else {
    x = early(x) + summed(x);
  }
  output_words.data[i] = (MODE >= 5u || x > 1000u) ? chosen(x) : x;
}
