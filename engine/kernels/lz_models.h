// The compressed form of kernels: matches with earlier bytes and literals, each written as a few yes-or-no decisions
// whose probabilities adapt, through a range coder. After LZMA (Igor Pavlov; the range coder is G. N. N. Martin's,
// 1979), reduced to what a stream of some 10 kB needs.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>

namespace nibble {

// Probability that the next decision is a zero, of 2^kProbabilityBits.
using BitModel = uint16_t;
inline constexpr int kProbabilityBits = 11;
inline constexpr int kAdaptShift = 4;
inline constexpr BitModel kEven = 1 << (kProbabilityBits - 1);
inline constexpr uint32_t kRangeTop = 1u << 24;
inline constexpr int kRangeStartBytes = 5;  // what a decoder reads before the first decision

inline constexpr uint32_t kLeastMatch = 2;
inline constexpr uint32_t kMostMatch = kLeastMatch + 8 + 8 + 256 - 1;
inline constexpr int kRecent = 4;            // distances that are cheap to use again
inline constexpr int kDistanceBitsBits = 5;  // a distance: how many bits it has, then these
inline constexpr int kModelledBits = 4;      // of a distance's bits, the lowest ones adapt

template <int kBits>
using BitTree = std::array<BitModel, size_t{1} << kBits>;

struct LengthModels {
  BitModel over_8 = kEven, over_16 = kEven;
  BitTree<3> low, middle;
  BitTree<8> high;
  LengthModels() {
    low.fill(kEven);
    middle.fill(kEven);
    high.fill(kEven);
  }
};

// All that adapts. Copies of it go on from where the original stands, which is how one kernel is packed as what differs
// from another.
struct LzModels {
  std::array<BitModel, 3> is_match;                  // by what came before: literal, match, repeated distance
  std::array<BitModel, 3> is_recent;                 // a match at one of the recent distances
  BitTree<2> recent;                                 // which one
  std::array<BitTree<8>, 256> literal;               // by the byte before
  std::array<std::array<BitModel, 512>, 16> beside;  // after a match: by the byte that would have continued it
  LengthModels new_length, recent_length;
  std::array<BitTree<kDistanceBitsBits>, 4> distance_bits;  // by the length of the match
  std::array<BitTree<kModelledBits>, 32> distance_low;
  int state = 0;  // 0 after a literal, 1 after a match, 2 after one at a recent distance
  std::array<uint32_t, kRecent> distances{1, 1, 1, 1};

  LzModels() {
    is_match.fill(kEven);
    is_recent.fill(kEven);
    recent.fill(kEven);
    for (auto& tree : literal) tree.fill(kEven);
    for (auto& tree : beside) tree.fill(kEven);
    for (auto& tree : distance_bits) tree.fill(kEven);
    for (auto& tree : distance_low) tree.fill(kEven);
  }

  // Makes distances[index] the most recent one.
  void use_recent(int index) {
    std::rotate(distances.begin(), distances.begin() + index, distances.begin() + index + 1);
  }
  void use_new(uint32_t distance) {
    std::copy_backward(distances.begin(), distances.end() - 1, distances.end());
    distances[0] = distance;
  }
};

// A packed kernel is a sequence of these; the last one is followed by nothing, since the number of bytes is known.
template <class Coder>
uint32_t code_tree(Coder& coder, BitModel* tree, int bits, uint32_t value) {
  uint32_t node = 1;
  for (int bit = bits - 1; bit >= 0; --bit) node = node << 1 | coder.bit(tree[node], value >> bit & 1);
  return node - (1u << bits);
}

template <class Coder>
uint32_t code_literal(Coder& coder, LzModels& models, uint8_t before, uint8_t beside, uint32_t value) {
  if (models.state == 0) return code_tree(coder, models.literal[before].data(), 8, value);
  // As long as the bits agree with the byte beside, they have models of their own.
  BitModel* tree = models.beside[before & 15].data();
  uint32_t node = 1;
  bool agrees = true;
  for (int bit = 7; bit >= 0; --bit) {
    const uint32_t expected = beside >> bit & 1;
    BitModel& model = agrees ? tree[node + (expected ? 256 : 0)] : models.literal[before][node];
    const uint32_t got = coder.bit(model, value >> bit & 1);
    agrees = agrees && got == expected;
    node = node << 1 | got;
  }
  return node - 256;
}

template <class Coder>
uint32_t code_length(Coder& coder, LengthModels& models, uint32_t length) {
  const uint32_t rest = length - kLeastMatch;
  if (!coder.bit(models.over_8, rest >= 8)) return kLeastMatch + code_tree(coder, models.low.data(), 3, rest & 7);
  if (!coder.bit(models.over_16, rest >= 16))
    return kLeastMatch + 8 + code_tree(coder, models.middle.data(), 3, (rest - 8) & 7);
  return kLeastMatch + 16 + code_tree(coder, models.high.data(), 8, (rest - 16) & 255);
}

// Distances are at least 1. The top bit of a distance needs no writing once the number of its bits is known.
template <class Coder>
uint32_t code_distance(Coder& coder, LzModels& models, uint32_t length, uint32_t distance) {
  const uint32_t group = std::min(length - kLeastMatch, 3u);
  int bits = 0;
  while (bits < 31 && distance >> (bits + 1) != 0) ++bits;
  bits = static_cast<int>(
      code_tree(coder, models.distance_bits[group].data(), kDistanceBitsBits, static_cast<uint32_t>(bits)));
  uint32_t out = 1;
  for (int bit = bits - 1; bit >= kModelledBits; --bit) out = out << 1 | coder.even_bit(distance >> bit & 1);
  const int low = std::min(bits, kModelledBits);
  return out << low |
         code_tree(coder, models.distance_low[static_cast<size_t>(bits)].data(), low, distance & ((1u << low) - 1));
}

}  // namespace nibble
