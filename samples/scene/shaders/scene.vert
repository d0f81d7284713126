#version 450
// A unit cube for each instance; the ground is one of them, flat and wide.
layout(push_constant) uniform Push { mat4 view_projection; } push;
layout(location = 0) in vec4 row0;
layout(location = 1) in vec4 row1;
layout(location = 2) in vec4 row2;
layout(location = 3) in vec4 color;  // a: 1 for the ground
layout(location = 0) out vec3 world;
layout(location = 1) out vec3 normal;
layout(location = 2) out vec4 out_color;
void main() {
  int face = gl_VertexIndex / 6, corner = gl_VertexIndex % 6;
  vec2 corners[6] = vec2[](vec2(-1, -1), vec2(1, -1), vec2(1, 1), vec2(-1, -1), vec2(1, 1), vec2(-1, 1));
  vec3 n = vec3(0);
  n[face >> 1] = (face & 1) == 0 ? 1.0 : -1.0;
  vec3 u = n.yzx, v = cross(n, u);
  vec3 local = 0.5 * (n + corners[corner].x * u + corners[corner].y * v);
  mat3 turn = transpose(mat3(row0.xyz, row1.xyz, row2.xyz));
  world = turn * local + vec3(row0.w, row1.w, row2.w);
  normal = normalize(turn * n);
  out_color = color;
  gl_Position = push.view_projection * vec4(world, 1.0);
}
