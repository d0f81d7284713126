#include "format/container.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/crc32c.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble {
namespace {

static_assert(std::endian::native == std::endian::little, "files are little-endian and mapped as they are");

// As PNG's: the high bit shows 7-bit channels, both line ends and ^Z show transfers in text mode.
constexpr std::array<unsigned char, 8> kMagic{0x89, 'N', 'B', 'L', 0x0D, 0x0A, 0x1A, 0x0A};

// Offsets of the header's fields.
constexpr size_t kMajorAt = 8, kMinorAt = 10, kCountAt = 12, kLengthAt = 16, kCrcAt = 24, kHeaderBytes = 32;
// A table entry: tag, flags, offset, length, checksum, zero.
constexpr size_t kFlagsAt = 4, kOffsetAt = 8, kBytesAt = 16, kSectionCrcAt = 24, kEntryBytes = 32;
constexpr uint32_t kRequiredFlag = 1;
constexpr uint32_t kMaxSections = 64;
constexpr uint64_t kDataAlignment = 4096;
constexpr uint64_t kSectionAlignment = 16;

template <class T>
T load(std::span<const std::byte> bytes, size_t at) {
  T out;
  std::memcpy(&out, bytes.data() + at, sizeof(T));
  return out;
}

template <class T>
void store(std::vector<std::byte>& bytes, size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof(T));
}

Error corrupt(std::string message) { return Error{Code::corrupt_file, std::move(message)}; }

// The checksum of header and table with its own field as zero.
uint32_t table_crc(std::span<const std::byte> header) {
  constexpr std::array<std::byte, 4> kZero{};
  uint32_t crc = crc32c(header.first(kCrcAt));
  crc = crc32c(kZero, crc);
  return crc32c(header.subspan(kCrcAt + kZero.size()), crc);
}

Status check_magic(std::span<const std::byte> file) {
  const size_t have = std::min(file.size(), kMagic.size());
  if (std::memcmp(file.data(), kMagic.data(), have) == 0) {
    if (file.size() >= kHeaderBytes) return {};
    return corrupt(format("is cut off: %zu bytes, the header alone has %zu", file.size(), kHeaderBytes));
  }
  if (have >= 4 && std::memcmp(file.data() + 1, "NBL", 3) == 0) {
    return corrupt("is a .nbl file that was damaged on its way, as transfers in text mode do");
  }
  return corrupt("is not a .nbl file");
}

Result<Section> read_entry(std::span<const std::byte> entry, uint64_t file_bytes) {
  Section out;
  std::memcpy(out.tag.data(), entry.data(), out.tag.size());
  for (char c : out.tag) {
    if (c < 'A' || c > 'Z') return corrupt("a section's name is not four capital letters");
  }
  out.required = load<uint32_t>(entry, kFlagsAt) & kRequiredFlag;
  out.offset = load<uint64_t>(entry, kOffsetAt);
  out.bytes = load<uint64_t>(entry, kBytesAt);
  out.crc = load<uint32_t>(entry, kSectionCrcAt);
  if (out.offset > file_bytes || out.bytes > file_bytes - out.offset) {
    return corrupt(format("section %s reaches beyond the end of the file", out.name().c_str()));
  }
  if (out.offset % (out.tag == kDataTag ? kDataAlignment : kSectionAlignment) != 0) {
    return corrupt(format("section %s is not aligned", out.name().c_str()));
  }
  return out;
}

bool all_zero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

// Sections in ascending order without overlap, nothing but zeros between them, nothing behind the last.
Status check_gaps(std::span<const std::byte> file, uint64_t table_end, const std::vector<Section>& sections) {
  uint64_t end = table_end;
  for (const Section& section : sections) {
    if (section.offset < end) return corrupt(format("section %s overlaps what is before it", section.name().c_str()));
    if (section.offset - end >= kDataAlignment || !all_zero(file.subspan(end, section.offset - end))) {
      return corrupt(format("there are stray bytes before section %s", section.name().c_str()));
    }
    end = section.offset + section.bytes;
  }
  if (end != file.size()) return corrupt("there are stray bytes at its end");
  return {};
}

Status check_sections(std::span<const std::byte> file, const std::vector<Section>& sections, bool check_data) {
  for (size_t i = 0; i < sections.size(); ++i) {
    const Section& section = sections[i];
    const bool known =
        section.tag == kMetaTag || section.tag == kGraphTag || section.tag == kDataTag || section.tag == kCodedDataTag;
    if (!known && section.required) {
      return Error{Code::unsupported_version,
                   format("needs its section %s, which this version of nibble does not know", section.name().c_str())};
    }
    for (size_t k = 0; k < i; ++k) {
      if (known && sections[k].tag == section.tag) return corrupt("has two sections " + section.name());
    }
    if (section.tag == kDataTag && !check_data) continue;
    if (crc32c(section_bytes(file, section)) != section.crc) {
      return corrupt(format("is damaged: the checksum of section %s is wrong", section.name().c_str()));
    }
  }
  return {};
}

Status check_header(std::span<const std::byte> file) {
  NBL_CHECK(check_magic(file));
  const auto major = load<uint16_t>(file, kMajorAt);
  const auto minor = load<uint16_t>(file, kMinorAt);
  if (major != kFormatMajor) {
    return Error{Code::unsupported_version,
                 format("has format version %u.%u, this version of nibble reads %u.x", major, minor, kFormatMajor)};
  }
  const auto length = load<uint64_t>(file, kLengthAt);
  if (length != file.size()) {
    return corrupt(format("is %s: it has %zu bytes and should have %llu", length > file.size() ? "cut off" : "too long",
                          file.size(), static_cast<unsigned long long>(length)));
  }
  const auto count = load<uint32_t>(file, kCountAt);
  if (count > kMaxSections) return corrupt(format("has %u sections, at most %u are allowed", count, kMaxSections));
  const size_t table_end = kHeaderBytes + size_t{count} * kEntryBytes;
  if (table_end > file.size()) return corrupt("ends inside its section table");
  if (table_crc(file.first(table_end)) != load<uint32_t>(file, kCrcAt)) {
    return corrupt("is damaged: the checksum of its header is wrong");
  }
  return {};
}

}  // namespace

const Section* Container::find(const SectionTag& tag) const {
  const auto found = std::find_if(sections.begin(), sections.end(), [&](const Section& s) { return s.tag == tag; });
  return found == sections.end() ? nullptr : &*found;
}

std::span<const std::byte> section_bytes(std::span<const std::byte> file, const Section& section) {
  return file.subspan(static_cast<size_t>(section.offset), static_cast<size_t>(section.bytes));
}

Result<Container> read_container(std::span<const std::byte> file, bool check_data) {
  if (file.empty()) return corrupt("is empty");
  NBL_CHECK(check_header(file));
  Container out;
  out.major = load<uint16_t>(file, kMajorAt);
  out.minor = load<uint16_t>(file, kMinorAt);
  const auto count = load<uint32_t>(file, kCountAt);
  for (uint32_t i = 0; i < count; ++i) {
    NBL_TRY(Section section, read_entry(file.subspan(kHeaderBytes + i * kEntryBytes, kEntryBytes), file.size()));
    out.sections.push_back(section);
  }
  NBL_CHECK(check_gaps(file, kHeaderBytes + count * kEntryBytes, out.sections));
  NBL_CHECK(check_sections(file, out.sections, check_data));
  return out;
}

ContainerLayout lay_out_container(std::vector<Section>& sections) {
  ContainerLayout out;
  out.header.resize(kHeaderBytes + sections.size() * kEntryBytes);
  uint64_t end = out.header.size();
  for (size_t i = 0; i < sections.size(); ++i) {
    Section& section = sections[i];
    const uint64_t alignment = section.tag == kDataTag ? kDataAlignment : kSectionAlignment;
    section.offset = (end + alignment - 1) / alignment * alignment;
    end = section.offset + section.bytes;
    const size_t at = kHeaderBytes + i * kEntryBytes;
    std::memcpy(out.header.data() + at, section.tag.data(), section.tag.size());
    store<uint32_t>(out.header, at + kFlagsAt, section.required ? kRequiredFlag : 0);
    store<uint64_t>(out.header, at + kOffsetAt, section.offset);
    store<uint64_t>(out.header, at + kBytesAt, section.bytes);
    store<uint32_t>(out.header, at + kSectionCrcAt, section.crc);
  }
  out.file_bytes = end;
  std::memcpy(out.header.data(), kMagic.data(), kMagic.size());
  store<uint16_t>(out.header, kMajorAt, kFormatMajor);
  store<uint16_t>(out.header, kMinorAt, kFormatMinor);
  store<uint32_t>(out.header, kCountAt, static_cast<uint32_t>(sections.size()));
  store<uint64_t>(out.header, kLengthAt, end);
  store<uint32_t>(out.header, kCrcAt, table_crc(out.header));
  return out;
}

}  // namespace nibble
