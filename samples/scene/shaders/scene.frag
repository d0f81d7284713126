#version 450
layout(location = 0) in vec3 world;
layout(location = 1) in vec3 normal;
layout(location = 2) in vec4 color;
layout(location = 0) out vec4 out_color;
void main() {
  vec3 base = color.rgb;
  if (color.a > 0.5) {
    vec2 tile = floor(world.xz);
    base *= mod(tile.x + tile.y, 2.0) < 0.5 ? 0.55 : 1.0;
  } else {
    // Stripes: detail that enlarging can lose.
    base *= fract(world.y * 3.0) < 0.2 ? 0.6 : 1.0;
  }
  float light = 0.35 + 0.65 * max(dot(normalize(normal), normalize(vec3(0.5, 0.8, 0.3))), 0.0);
  float fog = clamp((length(world.xz) - 6.0) / 14.0, 0.0, 1.0);
  out_color = vec4(mix(base * light, vec3(0.60, 0.72, 0.88), fog), 1.0);
}
