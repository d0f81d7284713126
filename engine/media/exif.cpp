#include "media/exif.h"

#include <cstddef>

namespace nibble::media {
namespace {

class TiffReader {
 public:
  explicit TiffReader(std::span<const uint8_t> bytes) : bytes_(bytes), little_(bytes.size() > 0 && bytes[0] == 'I') {}

  bool holds(size_t at, size_t count) const { return at <= bytes_.size() && count <= bytes_.size() - at; }
  uint32_t u16(size_t at) const {
    return little_ ? uint32_t{bytes_[at + 1]} << 8 | bytes_[at] : uint32_t{bytes_[at]} << 8 | bytes_[at + 1];
  }
  uint32_t u32(size_t at) const { return little_ ? u16(at + 2) << 16 | u16(at) : u16(at) << 16 | u16(at + 2); }

 private:
  std::span<const uint8_t> bytes_;
  bool little_;
};

}  // namespace

int exif_orientation(std::span<const uint8_t> tiff) {
  constexpr uint32_t kOrientationTag = 0x0112, kShort = 3, kLong = 4;
  const TiffReader reader(tiff);
  if (!reader.holds(0, 8) || tiff[0] != tiff[1] || (tiff[0] != 'I' && tiff[0] != 'M') || reader.u16(2) != 42) return 1;
  const size_t directory = reader.u32(4);
  if (!reader.holds(directory, 2)) return 1;
  const size_t count = reader.u16(directory);
  for (size_t i = 0; i < count; ++i) {
    const size_t entry = directory + 2 + 12 * i;  // tag, type, count, value: 2 + 2 + 4 + 4 bytes
    if (!reader.holds(entry, 12)) return 1;
    if (reader.u16(entry) != kOrientationTag) continue;
    const uint32_t type = reader.u16(entry + 2);
    const uint32_t value = type == kShort ? reader.u16(entry + 8) : type == kLong ? reader.u32(entry + 8) : 1;
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

}  // namespace nibble::media
