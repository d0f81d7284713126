#include <array>
#include <memory>

#include "packer/pack.h"

namespace nibble {
namespace {

class RangeEncoder {
 public:
  uint32_t bit(BitModel& model, uint32_t value) {
    const uint32_t bound = (range_ >> kProbabilityBits) * model;
    if (value) {
      low_ += bound;
      range_ -= bound;
      model = static_cast<BitModel>(model - (model >> kAdaptShift));
    } else {
      range_ = bound;
      model = static_cast<BitModel>(model + (((1 << kProbabilityBits) - model) >> kAdaptShift));
    }
    renew();
    return value;
  }
  uint32_t even_bit(uint32_t value) {
    range_ >>= 1;
    if (value) low_ += range_;
    renew();
    return value;
  }
  std::vector<uint8_t> finish() && {
    for (int i = 0; i < kRangeStartBytes; ++i) shift();
    while (!out_.empty() && out_.back() == 0) out_.pop_back();  // a decoder reads zeros past the end
    return std::move(out_);
  }

 private:
  void renew() {
    while (range_ < kRangeTop) {
      range_ <<= 8;
      shift();
    }
  }
  // Writes the top byte of `low_` once no carry can change it any more.
  void shift() {
    if (static_cast<uint32_t>(low_) < 0xFF000000u || low_ >> 32 != 0) {
      const auto carry = static_cast<uint8_t>(low_ >> 32);
      for (; pending_ != 0; --pending_) {
        out_.push_back(static_cast<uint8_t>(held_ + carry));
        held_ = 0xFF;
      }
      held_ = static_cast<uint8_t>(low_ >> 24);
    }
    ++pending_;
    low_ = (low_ & 0x00FFFFFF) << 8;
  }

  std::vector<uint8_t> out_;
  uint64_t low_ = 0, pending_ = 1;
  uint32_t range_ = ~0u;
  uint8_t held_ = 0;
};

struct Match {
  uint32_t length = 0, distance = 0;
  int recent = -1;
};

// Finds earlier occurrences of the bytes at a position through chains of positions with the same hash.
class Finder {
 public:
  explicit Finder(std::span<const uint8_t> bytes) : bytes_(bytes), before_(bytes.size(), kNone) { heads_.fill(kNone); }

  void insert(size_t at) {
    if (at + kHashed > bytes_.size()) return;
    uint32_t& head = heads_[hash(at)];
    before_[at] = head;
    head = static_cast<uint32_t>(at);
  }

  uint32_t length_at(size_t at, uint32_t distance) const {
    if (distance > at) return 0;
    const size_t most = std::min<size_t>(kMostMatch, bytes_.size() - at);
    uint32_t length = 0;
    while (length < most && bytes_[at + length] == bytes_[at - distance + length]) ++length;
    return length;
  }

  Match longest(size_t at) const {
    Match best;
    if (at + kHashed > bytes_.size()) return best;
    uint32_t candidate = heads_[hash(at)];
    for (int tries = 0; candidate != kNone && tries < kMostTries; ++tries, candidate = before_[candidate]) {
      const auto distance = static_cast<uint32_t>(at - candidate);
      const uint32_t length = length_at(at, distance);
      if (length > best.length) best = {length, distance};
    }
    return best;
  }

 private:
  static constexpr uint32_t kNone = ~0u;
  static constexpr size_t kHashed = 3;
  static constexpr int kMostTries = 256;
  size_t hash(size_t at) const {
    const uint32_t three = bytes_[at] | bytes_[at + 1] << 8 | bytes_[at + 2] << 16;
    return three * 2654435761u >> 16;
  }

  std::span<const uint8_t> bytes_;
  std::vector<uint32_t> before_;
  std::array<uint32_t, 65536> heads_;
};

// What a match saves, roughly, in bits: literals of such streams take about three.
int gain(const Match& match) {
  if (match.length < kLeastMatch) return 0;
  int cost = match.recent == 0 ? 5 : 7;
  if (match.recent < 0) {
    cost = 9;
    for (uint32_t d = match.distance; d > 1; d >>= 1) ++cost;
  }
  return 6 * static_cast<int>(match.length) - cost;
}

Match best_match(const Finder& finder, size_t at, const LzModels& models) {
  Match best = finder.longest(at);
  if (gain(best) <= 0) best = {};
  for (int i = 0; i < kRecent; ++i) {
    const uint32_t distance = models.distances[static_cast<size_t>(i)];
    const Match match{finder.length_at(at, distance), distance, i};
    if (gain(match) > gain(best)) best = match;
  }
  return best;
}

}  // namespace

std::vector<uint8_t> pack_bytes(std::span<const uint8_t> bytes, LzModels& models, std::vector<uint8_t>& window) {
  const size_t start = window.size();
  window.insert(window.end(), bytes.begin(), bytes.end());
  const auto finder = std::make_unique<Finder>(window);
  for (size_t at = 0; at < start; ++at) finder->insert(at);
  RangeEncoder coder;
  for (size_t at = start; at < window.size();) {
    Match match = best_match(*finder, at, models);
    finder->insert(at);
    // A better match one byte further on is worth a literal.
    if (match.length >= kLeastMatch && gain(best_match(*finder, at + 1, models)) > gain(match) + 3) match = {};
    const bool is_match = match.length >= kLeastMatch;
    coder.bit(models.is_match[static_cast<size_t>(models.state)], is_match);
    if (!is_match) {
      const uint8_t beside = models.distances[0] <= at ? window[at - models.distances[0]] : 0;
      code_literal(coder, models, at == 0 ? 0 : window[at - 1], beside, window[at]);
      models.state = 0;
      ++at;
      continue;
    }
    coder.bit(models.is_recent[static_cast<size_t>(models.state)], match.recent >= 0);
    if (match.recent >= 0) {
      code_tree(coder, models.recent.data(), 2, static_cast<uint32_t>(match.recent));
      models.use_recent(match.recent);
      code_length(coder, models.recent_length, match.length);
      models.state = 2;
    } else {
      code_length(coder, models.new_length, match.length);
      code_distance(coder, models, match.length, match.distance);
      models.use_new(match.distance);
      models.state = 1;
    }
    for (uint32_t i = 1; i < match.length; ++i) finder->insert(at + i);
    at += match.length;
  }
  return std::move(coder).finish();
}

}  // namespace nibble
