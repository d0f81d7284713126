#include "media/picture_facts.h"

#include <cstring>
#include <string_view>

#include "core/text.h"
#include "core/try.h"
#include "media/exif.h"

namespace nibble::media {
namespace {

using Bytes = std::span<const uint8_t>;

bool starts_with(Bytes bytes, std::string_view text, size_t at = 0) {
  return bytes.size() >= at + text.size() && std::memcmp(bytes.data() + at, text.data(), text.size()) == 0;
}

uint32_t big16(Bytes bytes, size_t at) { return uint32_t{bytes[at]} << 8 | bytes[at + 1]; }
uint32_t big32(Bytes bytes, size_t at) { return big16(bytes, at) << 16 | big16(bytes, at + 2); }
uint32_t little16(Bytes bytes, size_t at) { return uint32_t{bytes[at + 1]} << 8 | bytes[at]; }
uint32_t little32(Bytes bytes, size_t at) { return little16(bytes, at + 2) << 16 | little16(bytes, at); }

Error corrupt(std::string message) { return Error{Code::corrupt_file, std::move(message)}; }
Error truncated_jpeg() { return corrupt("JPEG file is truncated: it has no end-of-image marker"); }

// The position of the next marker byte (the one behind 0xFF), or the file's length. Inside entropy-coded data 0xFF00 is
// a stuffed byte and 0xFFD0..D7 are restarts; neither ends a scan.
size_t next_marker(Bytes bytes, size_t at) {
  for (; at + 1 < bytes.size(); ++at) {
    if (bytes[at] != 0xFF) continue;
    const uint8_t marker = bytes[at + 1];
    if (marker == 0x00 || marker == 0xFF || (marker >= 0xD0 && marker <= 0xD7)) continue;
    return at + 1;
  }
  return bytes.size();
}

bool is_frame_header(uint8_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

// A table has at most 256 codes (ITU-T T.81, B.2.4.2). The decoder counts them before it checks them, and writes beyond
// its tables where they add up to more.
bool huffman_tables_are_sane(Bytes payload) {
  while (!payload.empty()) {
    if (payload.size() < 17) return false;
    size_t codes = 0;
    for (size_t i = 1; i <= 16; ++i) codes += payload[i];
    if (codes > 256 || codes > payload.size() - 17) return false;
    payload = payload.subspan(17 + codes);
  }
  return true;
}

Result<PictureFacts> inspect_jpeg(Bytes bytes) {
  constexpr int kMaxScans = 200;  // encoders write about ten; each one makes the decoder walk the whole picture again
  PictureFacts facts;
  bool adobe = false;
  int components = 0, scans = 0;
  for (size_t at = next_marker(bytes, 2); at < bytes.size(); at = next_marker(bytes, at)) {
    const uint8_t marker = bytes[at++];
    if (marker == 0xD9) {
      if (components == 4 && !adobe) {
        return Error{Code::invalid_argument,
                     "JPEG file has four components (CMYK) and no Adobe marker that says how they are stored: convert "
                     "it to RGB"};
      }
      return facts;
    }
    if (marker == 0xD8 || marker == 0x01) continue;
    if (at + 2 > bytes.size()) return truncated_jpeg();
    const size_t length = big16(bytes, at);
    if (length < 2) return corrupt("JPEG file is damaged: a segment is shorter than its own length");
    if (at + length > bytes.size()) return truncated_jpeg();
    const Bytes payload = bytes.subspan(at + 2, length - 2);
    if (is_frame_header(marker) && payload.size() >= 6) components = payload[5];
    if (marker == 0xC4 && !huffman_tables_are_sane(payload)) return corrupt("JPEG file is damaged: a Huffman table");
    if (marker == 0xEE && starts_with(payload, "Adobe") && payload.size() >= 12) adobe = true;
    if (marker == 0xE1 && starts_with(payload, std::string_view("Exif\0\0", 6))) {
      facts.orientation = exif_orientation(payload.subspan(6));
    }
    if (marker == 0xDA && ++scans > kMaxScans) return corrupt(format("JPEG file has more than %d scans", kMaxScans));
    at += length;
  }
  return truncated_jpeg();
}

PictureFacts inspect_png(Bytes bytes) {
  PictureFacts facts{PictureKind::png, 1};
  for (size_t at = 8; at + 12 <= bytes.size();) {
    const size_t length = big32(bytes, at);
    if (length > bytes.size() - at - 12) break;
    if (starts_with(bytes, "eXIf", at + 4)) facts.orientation = exif_orientation(bytes.subspan(at + 8, length));
    at += length + 12;
  }
  return facts;
}

Result<PictureFacts> inspect_bmp(Bytes bytes) {
  const Error truncated = corrupt("BMP file is truncated");
  if (bytes.size() < 30) return truncated;
  const bool core_header = little32(bytes, 14) == 12;  // OS/2: 16-bit sizes
  const uint64_t width = core_header ? little16(bytes, 18) : little32(bytes, 18);
  const int32_t rows =
      core_header ? static_cast<int32_t>(little16(bytes, 20)) : static_cast<int32_t>(little32(bytes, 22));
  const uint64_t height = rows < 0 ? uint64_t{0} - static_cast<int64_t>(rows) : static_cast<uint64_t>(rows);
  const uint64_t bits = core_header ? little16(bytes, 24) : little16(bytes, 28);
  const uint64_t row_bytes = (width * bits + 31) / 32 * 4;
  const uint64_t start = little32(bytes, 10);
  if (start > bytes.size() || (height > 0 && row_bytes > (bytes.size() - start) / height)) return truncated;
  return PictureFacts{PictureKind::bmp, 1};
}

// Header numbers are decimal, parted by white space, with comments from '#' to the end of the line.
Result<PictureFacts> inspect_pnm(Bytes bytes) {
  uint64_t numbers[3] = {0, 0, 0};
  size_t at = 2;
  for (uint64_t& number : numbers) {
    while (at < bytes.size() && (std::strchr(" \t\r\n\f\v", bytes[at]) != nullptr || bytes[at] == '#')) {
      if (bytes[at] == '#') {
        while (at < bytes.size() && bytes[at] != '\n') ++at;
      } else {
        ++at;
      }
    }
    const size_t first = at;
    for (; at < bytes.size() && bytes[at] >= '0' && bytes[at] <= '9' && at - first < 9; ++at) {
      number = number * 10 + (bytes[at] - '0');
    }
    if (at == first) return corrupt("PNM file is damaged: width, height and maximum must be numbers");
  }
  const uint64_t sample_bytes = numbers[2] > 255 ? 2 : 1;
  const uint64_t channels = bytes[1] == '6' ? 3 : 1;
  const uint64_t row_bytes = numbers[0] * channels * sample_bytes;
  if (numbers[1] > 0 && row_bytes > (bytes.size() - at) / numbers[1]) return corrupt("PNM file is truncated");
  return PictureFacts{PictureKind::pnm, 1};
}

std::string name_of_other_format(Bytes bytes) {
  if (starts_with(bytes, "GIF8")) return "a GIF file";
  if (starts_with(bytes, "RIFF") && starts_with(bytes, "WEBP", 8)) return "a WebP file";
  if (starts_with(bytes, std::string_view("II*\0", 4)) || starts_with(bytes, std::string_view("MM\0*", 4))) {
    return "a TIFF file";
  }
  if (starts_with(bytes, "ftyp", 4)) return "a HEIF, AVIF or video file";
  if (starts_with(bytes, "8BPS")) return "a Photoshop file";
  if (starts_with(bytes, "%PDF")) return "a PDF file";
  if (starts_with(bytes, "\x89NBL")) return "a nibble model";
  return "not a picture";
}

}  // namespace

Result<PictureFacts> inspect_picture(Bytes bytes) {
  if (starts_with(bytes, "\xFF\xD8\xFF")) return inspect_jpeg(bytes);
  if (starts_with(bytes, "\x89PNG\r\n\x1A\n")) return inspect_png(bytes);
  if (starts_with(bytes, "BM")) return inspect_bmp(bytes);
  if (starts_with(bytes, "P5") || starts_with(bytes, "P6")) return inspect_pnm(bytes);
  return Error{Code::invalid_argument, name_of_other_format(bytes) + "; JPEG, PNG, BMP, PGM and PPM are read"};
}

bool plausible_size(PictureKind kind, uint64_t pixels, uint64_t file_bytes) {
  constexpr uint64_t kSlack = 1 << 16;
  switch (kind) {
    case PictureKind::jpeg: return pixels <= 512 * file_bytes + kSlack;      // at least one bit for an 8 x 8 block
    case PictureKind::png: return pixels <= 8 * 1032 * file_bytes + kSlack;  // deflate's limit is 1032:1, 1-bit pixels
    case PictureKind::bmp: return pixels <= 8 * file_bytes;                  // 1-bit pixels
    case PictureKind::pnm: return pixels <= file_bytes;
  }
  return false;
}

}  // namespace nibble::media
