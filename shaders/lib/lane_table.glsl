// A table of 256 bytes in the registers of a subgroup of eight lanes, for rows with NEEDS lanes: lane l holds words l, l + 8, ...
// of 64, and an entry is one of eight words that lanes pass each other. Where lanes are those of a CPU's vectors, that is
// some 24 instructions for all eight, a load one by one each several for one.
#ifndef NIBBLE_LANE_TABLE_GLSL
#define NIBBLE_LANE_TABLE_GLSL

#define TABLE_LANES 8u
const bool TABLE_IN_LANES = TABLE == NBL_TABLE_BYTES && SHUFFLE && LANES == TABLE_LANES;

uint table_held[8];

#define EACH_HELD(F) F(0u) F(1u) F(2u) F(3u) F(4u) F(5u) F(6u) F(7u)
#define HOLD(j) table_held[j] = words[p.table_or_b + j * TABLE_LANES + lane];
#define HOLD_TABLE \
  if (TABLE_IN_LANES) { EACH_HELD(HOLD) }

// Word `entry` % 64: of the eight words that its lane holds the one that bits 3 to 5 name.
uint word_from_lane(uint entry) {
  const uint from = entry % TABLE_LANES;
  uint w[8];
#define TAKE(j) w[j] = word_shuffle(3u, table_held[j], from);
  EACH_HELD(TAKE)
#undef TAKE
  const bool odd = (entry & 8u) != 0u;
  const uint low = (entry & 16u) != 0u ? (odd ? w[3] : w[2]) : (odd ? w[1] : w[0]);
  const uint high = (entry & 16u) != 0u ? (odd ? w[7] : w[6]) : (odd ? w[5] : w[4]);
  return (entry & 32u) != 0u ? high : low;
}

ivec4 taken_from_lanes(ivec4 v) {
  const uvec4 entry = uvec4(v + 128);
  return byte_of(uvec4(word_from_lane(entry.x), word_from_lane(entry.y), word_from_lane(entry.z), word_from_lane(entry.w)),
                 entry);
}

#endif
