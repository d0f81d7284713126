// Weights spread over the lanes of a subgroup, for rows with NEEDS lanes: every lane loads another word of the weights
// that all of them multiply with, and they pass them round. Where lanes are those of a CPU's vectors, a load costs as
// much as dozens of multiply-adds whatever its address, a word from another lane two or three instructions; this saves
// nine loads of ten. (The subgroup as a pool of registers: ONNX Runtime's dp4a_matmul.)
//
// The words of a tile's blocks for one step are numbered block by block; lane l holds word j * LANES + l of load j. The
// multipliers of int4 groups are multiplied in as the words are unpacked, once for all lanes.
#ifndef NIBBLE_CONV_LANES_GLSL
#define NIBBLE_CONV_LANES_GLSL

#if defined(W_f32)
#define LANE_VALUE float
#define BLOCK_WORDS 16u
#elif defined(W_i8)
#define LANE_VALUE vec4
#define BLOCK_WORDS 4u
#elif defined(W_i4)
#define LANE_VALUE vec4
#define BLOCK_WORDS 2u
#endif

spirv_instruction(capabilities = [61, 65], id = 345) LANE_VALUE lane_shuffle(uint scope, LANE_VALUE value, uint lane);
// Word k of block o.
#define WORD_OF(pool, o, k) \
  lane_shuffle(3u, pool[(o * BLOCK_WORDS + k) / LANES], (o * BLOCK_WORDS + k) % LANES)

// Without SHUFFLE a lane holds the weights of one output channel of the four of a block, that of its place in its quad, and
// gets the others' by swaps within the quad: first its own, then those of its neighbour in x, in y and across. So four
// lanes sum four channels in four orders; in_order() undoes that.
// OpGroupNonUniformQuadSwap: 0 is horizontal, 1 vertical, 2 diagonal.
spirv_instruction(capabilities = [61, 68], id = 366) vec4 quad_swap(uint scope, vec4 value, uint direction);
#define SWAP_ROUND(own) WeightBlock(own, quad_swap(3u, own, 0u), quad_swap(3u, own, 1u), quad_swap(3u, own, 2u))
CONV_SUM in_order(CONV_SUM sum, uint lane) {
  if (SHUFFLE) return sum;
  const CONV_SUM rows = mix(sum, sum.yxwz, bvec4((lane & 1u) != 0u));
  return mix(rows, rows.zwxy, bvec4((lane & 2u) != 0u));
}

// A load reaches over SHARE blocks, or a block takes several loads.
const uint SHARE = SHUFFLE && LANES > BLOCK_WORDS ? LANES / BLOCK_WORDS : 1u;
const uint LOADS = SHUFFLE ? (TILE_O * BLOCK_WORDS + LANES - 1u) / LANES : TILE_O;
const uint LOADS_OF_BLOCK = !SHUFFLE || LANES > BLOCK_WORDS ? 1u : BLOCK_WORDS / LANES;

#define EACH_SHARE(F) F(0u) F(1u) F(2u) F(3u)
#define LANE_WORD(j) words[lane_at[j / LOADS_OF_BLOCK] + w_tap + j % LOADS_OF_BLOCK * LANES]
#define PLACE_SHARE(j)                                                                                   \
  if (j * SHARE < TILE_O) {                                                                              \
    const uint in_tile = j * SHARE + (SHARE > 1u ? lane / BLOCK_WORDS : 0u);                             \
    const uint block = group * p.out_blocks + min(block0 + in_tile, p.out_blocks - 1u);                  \
    const uint in_block = SHUFFLE ? (SHARE > 1u ? lane % BLOCK_WORDS : lane) : lane % 4u * BLOCK_WORDS / 4u; \
    lane_at[j] = block * p.steps * BLOCK_WORDS + in_block;                                               \
    PLACE_FACTORS(j)                                                                                     \
  }

#define FETCH(j) \
  if (j < LOADS) FETCH_INTO(j)

#if defined(W_f32)
#define EACH_LOAD(F) \
  F(0u) F(1u) F(2u) F(3u) F(4u) F(5u) F(6u) F(7u) F(8u) F(9u) F(10u) F(11u) F(12u) F(13u) F(14u) F(15u)
#define PLACE_FACTORS(j)
#define FETCH_INTO(j)                                                                             \
  {                                                                                               \
    if (SHUFFLE) pool[j] = uintBitsToFloat(LANE_WORD(j));                                         \
    if (!SHUFFLE) own[j % 4u] = uintBitsToFloat(words4[(lane_at[j % 4u] + w_tap) / 4u]);           \
  }
#define FETCH_ALL float pool[16]; vec4 own[4]; EACH_LOAD(FETCH)
#define OWN(o) own[o]
#define ROW_OF(o, r) \
  vec4(WORD_OF(pool, o, (r + 0u)), WORD_OF(pool, o, (r + 1u)), WORD_OF(pool, o, (r + 2u)), WORD_OF(pool, o, (r + 3u)))
#define SHUFFLED(o) WeightBlock(ROW_OF(o, 0u), ROW_OF(o, 4u), ROW_OF(o, 8u), ROW_OF(o, 12u))
#elif defined(W_i8)
#define EACH_LOAD EACH_SHARE
#define PLACE_FACTORS(j)
#define FETCH_INTO(j)                                            \
  {                                                              \
    const uint word = LANE_WORD(j);                              \
    pool[j] = SHUFFLE ? float_bytes(word) : high_bytes(word);    \
  }
#define FETCH_ALL vec4 pool[4]; EACH_LOAD(FETCH)
#define OWN(o) pool[o]
#define SHUFFLED(o) WeightBlock(WORD_OF(pool, o, 0u), WORD_OF(pool, o, 1u), WORD_OF(pool, o, 2u), WORD_OF(pool, o, 3u))
#elif defined(W_i4)
#define EACH_LOAD EACH_SHARE
#define PLACE_FACTORS(j) factor_at[j] = p.group_multiplier + block * group_count;
// OpGroupNonUniformQuadBroadcast.
spirv_instruction(capabilities = [61, 68], id = 365) uint quad_broadcast(uint scope, uint value, uint lane);
// Even output channels lie in the low nibbles, odd ones in the high; of a block's two words this lane has one. Without SHUFFLE it
// loads the multipliers of one of the tile's four blocks for all lanes.
#define FETCH_INTO(j)                                                                                        \
  {                                                                                                          \
    const uint word = LANE_WORD(j);                                                                          \
    if (SHUFFLE) {                                                                                           \
      const uint factors = words[factor_at[j] + group_index] >> lane % 2u * 16u;                             \
      pool[j] = float_low_nibbles(word) * float(int(factors & 0xFFu));                                       \
      pool_high[j] = float_high_nibbles(word) * float(int(factors >> 8 & 0xFFu));                            \
    } else {                                                                                                 \
      const uint factors = quad_broadcast(3u, tile_factors, j);                                              \
      own[j] = high_bytes(word * nibble_place & 0xF0F0F0F0u) * (float(factors & factor_mask) * factor_scale); \
    }                                                                                                        \
  }
#define FETCH_ALL                                                            \
  vec4 pool[4];                                                              \
  vec4 pool_high[4];                                                         \
  vec4 own[4];                                                               \
  uint tile_factors;                                                         \
  if (!SHUFFLE) tile_factors = words[tile_factors_at + group_index];         \
  EACH_LOAD(FETCH)
#define OWN(o) own[o]
#define SHUFFLED(o) \
  WeightBlock(WORD_OF(pool, o, 0u), WORD_OF(pool_high, o, 0u), WORD_OF(pool, o, 1u), WORD_OF(pool_high, o, 1u))
#endif

#endif
