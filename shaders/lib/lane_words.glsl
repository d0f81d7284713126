// Words from lane to lane of a subgroup, for rows with NEEDS lanes.
#ifndef NIBBLE_LANE_WORDS_GLSL
#define NIBBLE_LANE_WORDS_GLSL

#extension GL_KHR_shader_subgroup_basic : require
#extension GL_EXT_spirv_intrinsics : require

layout(constant_id = NBL_SPEC_CONV_LANES) const uint LANES = 4u;  // of a subgroup: a power of two from 4 on
// Which of two ways to read another lane the driver does in few instructions.
layout(constant_id = NBL_SPEC_CONV_SHUFFLE) const bool SHUFFLE = false;
// A lane's own value by way of a shuffle. Where loads and stores go through lanes one by one (llvmpipe), its compiler would
// else do the last operations on what is stored one lane at a time too.
spirv_instruction(capabilities = [61, 65], id = 345) uint word_shuffle(uint scope, uint value, uint lane);
spirv_instruction(capabilities = [61, 65], id = 345) vec4 unit_shuffle(uint scope, vec4 value, uint lane);
uint keep_whole(uint word) { return SHUFFLE ? word_shuffle(3u, word, gl_SubgroupInvocationID) : word; }
vec4 keep_whole(vec4 unit) { return SHUFFLE ? unit_shuffle(3u, unit, gl_SubgroupInvocationID) : unit; }
#define KEEP_WHOLE(value) keep_whole(value)

#endif
