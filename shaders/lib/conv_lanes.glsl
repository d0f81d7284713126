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

// OpGroupNonUniformBroadcast and OpGroupNonUniformShuffle: glslang takes no specialization constant for the lane of
// subgroupBroadcast(). The scope is 3, subgroup.
spirv_instruction(capabilities = [61, 64], id = 337) LANE_VALUE lane_broadcast(uint scope, LANE_VALUE value, uint lane);
spirv_instruction(capabilities = [61, 65], id = 345) LANE_VALUE lane_shuffle(uint scope, LANE_VALUE value, uint lane);
spirv_instruction(capabilities = [61, 64], id = 337) uint word_broadcast(uint scope, uint value, uint lane);
#define FROM_LANE(value, lane) (SHUFFLE ? lane_shuffle(3u, value, lane) : lane_broadcast(3u, value, lane))
// Word k of block o.
#define WORD_OF(pool, o, k) \
  FROM_LANE(pool[(o * BLOCK_WORDS + k) / LANES], (o * BLOCK_WORDS + k) % LANES)

// A load reaches over SHARE blocks, or a block takes several loads.
const uint SHARE = LANES > BLOCK_WORDS ? LANES / BLOCK_WORDS : 1u;
const uint LOADS = (TILE_O * BLOCK_WORDS + LANES - 1u) / LANES;
const uint LOADS_OF_BLOCK = LANES > BLOCK_WORDS ? 1u : BLOCK_WORDS / LANES;

#define EACH_SHARE(F) F(0u) F(1u) F(2u) F(3u)
#define LANE_WORD(j) words[lane_at[j / LOADS_OF_BLOCK] + w_tap + j % LOADS_OF_BLOCK * LANES]
#define PLACE_SHARE(j)                                                                        \
  if (j * SHARE < TILE_O) {                                                                   \
    const uint in_tile = j * SHARE + (SHARE > 1u ? lane / BLOCK_WORDS : 0u);                  \
    const uint block = group * p.out_blocks + min(block0 + in_tile, p.out_blocks - 1u);       \
    lane_at[j] = block * p.steps * BLOCK_WORDS + (SHARE > 1u ? lane % BLOCK_WORDS : lane); \
    PLACE_FACTORS(j)                                                                          \
  }

#define FETCH(j) \
  if (j < LOADS) FETCH_INTO(j)

#if defined(W_f32)
#define EACH_LOAD(F) \
  F(0u) F(1u) F(2u) F(3u) F(4u) F(5u) F(6u) F(7u) F(8u) F(9u) F(10u) F(11u) F(12u) F(13u) F(14u) F(15u)
#define PLACE_FACTORS(j)
#define FETCH_INTO(j) pool[j] = uintBitsToFloat(LANE_WORD(j));
#define FETCH_ALL float pool[16]; EACH_LOAD(FETCH)
#define ROW_OF(o, r) \
  vec4(WORD_OF(pool, o, (r + 0u)), WORD_OF(pool, o, (r + 1u)), WORD_OF(pool, o, (r + 2u)), WORD_OF(pool, o, (r + 3u)))
#define TAKE_WEIGHTS(o) WeightBlock(ROW_OF(o, 0u), ROW_OF(o, 4u), ROW_OF(o, 8u), ROW_OF(o, 12u))
#elif defined(W_i8)
#define EACH_LOAD EACH_SHARE
#define PLACE_FACTORS(j)
// Unpacked before they go round where that takes an instruction, else behind.
#define FETCH_INTO(j)                                        \
  {                                                          \
    words_held[j] = LANE_WORD(j);                            \
    if (!PLACED) pool[j] = float_bytes(words_held[j]);       \
  }
#define FETCH_ALL vec4 pool[4]; uint words_held[4]; EACH_LOAD(FETCH)
#define WEIGHTS_OF(o, k) PLACED ? places_of(HELD_WORD(o, k)) : WORD_OF(pool, o, k)
#define HELD_WORD(o, k) word_broadcast(3u, words_held[(o * BLOCK_WORDS + k) / LANES], (o * BLOCK_WORDS + k) % LANES)
#define TAKE_WEIGHTS(o) WeightBlock(WEIGHTS_OF(o, 0u), WEIGHTS_OF(o, 1u), WEIGHTS_OF(o, 2u), WEIGHTS_OF(o, 3u))
#elif defined(W_i4)
#define EACH_LOAD EACH_SHARE
#define PLACE_FACTORS(j) factor_at[j] = p.group_multiplier + block * group_count;
// Even output channels lie in the low nibbles, odd ones in the high; of a block's two words this lane has one.
#define FETCH_INTO(j)                                                                    \
  {                                                                                      \
    const uint word = LANE_WORD(j);                                                      \
    const uint factors = words[factor_at[j] + group_index] >> lane % 2u * 16u;           \
    pool[j] = float_low_nibbles(word) * float(int(factors & 0xFFu));                     \
    pool_high[j] = float_high_nibbles(word) * float(int(factors >> 8 & 0xFFu));          \
  }
#define FETCH_ALL vec4 pool[4]; vec4 pool_high[4]; EACH_LOAD(FETCH)
#define TAKE_WEIGHTS(o)                                                                      \
  WeightBlock(WORD_OF(pool, o, 0u), WORD_OF(pool_high, o, 0u), WORD_OF(pool, o, 1u), WORD_OF(pool_high, o, 1u))
#endif

#endif
