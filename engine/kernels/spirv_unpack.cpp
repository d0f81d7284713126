#include "kernels/spirv_unpack.h"

#include <memory>
#include <string>

#include "core/try.h"
#include "kernels/lz_models.h"
#include "kernels/spirv_form.h"

namespace nibble {
namespace {

Error damaged(const char* why) { return Error{Code::internal, std::string("a packed kernel is damaged: ") + why}; }

class RangeDecoder {
 public:
  explicit RangeDecoder(std::span<const uint8_t> bytes) : bytes_(bytes) {
    for (int i = 0; i < kRangeStartBytes; ++i) code_ = code_ << 8 | next();
  }
  uint32_t bit(BitModel& model, uint32_t /*value*/) {
    const uint32_t bound = (range_ >> kProbabilityBits) * model;
    const bool one = code_ >= bound;
    if (one) {
      code_ -= bound;
      range_ -= bound;
      model = static_cast<BitModel>(model - (model >> kAdaptShift));
    } else {
      range_ = bound;
      model = static_cast<BitModel>(model + (((1 << kProbabilityBits) - model) >> kAdaptShift));
    }
    renew();
    return one;
  }
  uint32_t even_bit(uint32_t /*value*/) {
    range_ >>= 1;
    const bool one = code_ >= range_;
    if (one) code_ -= range_;
    renew();
    return one;
  }

 private:
  uint32_t next() { return at_ < bytes_.size() ? bytes_[at_++] : 0; }
  void renew() {
    while (range_ < kRangeTop) {
      range_ <<= 8;
      code_ = code_ << 8 | next();
    }
  }

  std::span<const uint8_t> bytes_;
  size_t at_ = 0;
  uint32_t range_ = ~0u, code_ = 0;
};

// Appends `count` bytes to `out`.
Status decode_bytes(std::span<const uint8_t> packed, size_t count, LzModels& models, std::vector<uint8_t>& out) {
  RangeDecoder coder(packed);
  const size_t end = out.size() + count;
  while (out.size() < end) {
    const uint8_t before = out.empty() ? 0 : out.back();
    if (!coder.bit(models.is_match[static_cast<size_t>(models.state)], 0)) {
      const uint8_t beside = models.distances[0] <= out.size() ? out[out.size() - models.distances[0]] : 0;
      out.push_back(static_cast<uint8_t>(code_literal(coder, models, before, beside, 0)));
      models.state = 0;
      continue;
    }
    uint32_t length = 0;
    if (coder.bit(models.is_recent[static_cast<size_t>(models.state)], 0)) {
      models.use_recent(static_cast<int>(code_tree(coder, models.recent.data(), 2, 0)));
      length = code_length(coder, models.recent_length, kLeastMatch);
      models.state = 2;
    } else {
      length = code_length(coder, models.new_length, kLeastMatch);
      models.use_new(code_distance(coder, models, length, 1));
      models.state = 1;
    }
    const size_t distance = models.distances[0];
    if (distance > out.size() || length > end - out.size()) return damaged("a match leaves it");
    for (uint32_t i = 0; i < length; ++i) out.push_back(out[out.size() - distance]);
  }
  return {};
}

class Numbers {
 public:
  explicit Numbers(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  // Seven bits a byte, lowest first. Past the end: zero, and failed().
  uint64_t next() {
    uint64_t value = 0;
    for (int shift = 0; shift < 63; shift += 7) {
      if (at_ == bytes_.size()) break;
      const uint8_t byte = bytes_[at_++];
      value |= uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
    failed_ = true;
    return 0;
  }
  bool failed() const { return failed_; }
  bool at_end() const { return at_ == bytes_.size(); }

 private:
  std::span<const uint8_t> bytes_;
  size_t at_ = 0;
  bool failed_ = false;
};

Result<std::vector<uint32_t>> decode_spirv(std::span<const uint8_t> bytes, size_t words) {
  if (words < kSpirvHeaderWords) return damaged("it has no header");
  Numbers numbers(bytes);
  SpirvIds ids;
  std::vector<uint32_t> out;
  out.reserve(words);
  out.push_back(kSpirvMagic);
  while (out.size() < kSpirvHeaderWords) out.push_back(static_cast<uint32_t>(numbers.next()));
  while (out.size() < words && !numbers.failed()) {
    const auto opcode = static_cast<uint32_t>(numbers.next());
    const uint64_t count = numbers.next();
    if (opcode > 0xFFFF || count == 0 || count > words - out.size()) return damaged("an instruction leaves it");
    out.push_back(static_cast<uint32_t>(count) << 16 | opcode);
    ids.begin_instruction(opcode);
    const SpirvForm form = spirv_form(opcode);
    for (uint32_t word = 1; word < count; ++word) {
      const uint64_t number = numbers.next();
      uint32_t value = static_cast<uint32_t>(number);
      if (word == form.result) {
        ids.define(value = ids.result_of(number));
      } else if (word < form.literals && !ids.word_of(number, value)) {
        return damaged("it names a value that is not there");
      }
      out.push_back(value);
    }
  }
  if (numbers.failed() || !numbers.at_end()) return damaged("it does not end where it should");
  return out;
}

}  // namespace

Result<std::vector<uint32_t>> unpack_spirv(const PackedModules& packed, size_t index) {
  std::vector<const PackedSpirv*> chain;
  do {
    if (chain.size() == kLongestPackedChain) return damaged("too many others come before it");
    if (index >= packed.modules.size()) return damaged("it is not there");
    chain.push_back(&packed.modules[index]);
    index = static_cast<size_t>(chain.back()->base);
  } while (chain.back()->base >= 0);
  const auto models = std::make_unique<LzModels>();  // too large for a small thread's stack
  std::vector<uint8_t> bytes;
  for (auto at = chain.rbegin(); at != chain.rend(); ++at) {
    const PackedSpirv& module = **at;
    if (module.begin > module.end || module.end > packed.bytes.size()) return damaged("its bytes are not there");
    const auto own = packed.bytes.subspan(module.begin, module.end - module.begin);
    NBL_CHECK(decode_bytes(own, module.form_bytes, *models, bytes));
  }
  return decode_spirv(std::span(bytes).last(chain.front()->form_bytes), chain.front()->words);
}

}  // namespace nibble
