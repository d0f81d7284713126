// The outermost layer of a .nbl file: a header, a table of sections, checksums (FORMAT.md).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "nibble/result.h"

namespace nibble {

inline constexpr uint16_t kFormatMajor = 1;
inline constexpr uint16_t kFormatMinor = 0;

using SectionTag = std::array<char, 4>;
inline constexpr SectionTag kMetaTag{'M', 'E', 'T', 'A'};
inline constexpr SectionTag kGraphTag{'G', 'R', 'P', 'H'};
inline constexpr SectionTag kDataTag{'D', 'A', 'T', 'A'};
inline constexpr SectionTag kCodedDataTag{'Z', 'D', 'A', 'T'};

struct Section {
  SectionTag tag{};
  bool required = false;  // who does not know it must not read the file
  uint64_t offset = 0;    // from the start of the file
  uint64_t bytes = 0;
  uint32_t crc = 0;

  std::string name() const { return {tag.begin(), tag.end()}; }
};

struct Container {
  uint16_t major = 0;
  uint16_t minor = 0;
  std::vector<Section> sections;  // ascending by offset

  const Section* find(const SectionTag& tag) const;
};

// Checks header, table, bounds and padding, and every section's checksum; DATA's only if `check_data`.
Result<Container> read_container(std::span<const std::byte> file, bool check_data);

// The part of the file that a section covers.
std::span<const std::byte> section_bytes(std::span<const std::byte> file, const Section& section);

struct ContainerLayout {
  std::vector<std::byte> header;  // header and table; sections follow at their offsets with zeros between
  uint64_t file_bytes = 0;
};

// Fills in the offsets of sections whose length and checksum are known. DATA begins at a multiple of 4 KiB, others
// at 16.
ContainerLayout lay_out_container(std::vector<Section>& sections);

}  // namespace nibble
