// CRC-32C (Castagnoli), as in iSCSI (RFC 3720, appendix B.4) and as CPUs compute it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace nibble {

// The checksum of what came before, `crc`, followed by `bytes`. Start with 0. Uses the CPU's instruction where there is
// one.
uint32_t crc32c(std::span<const std::byte> bytes, uint32_t crc = 0);

// The same by tables only, for machines without the instruction.
uint32_t crc32c_by_tables(std::span<const std::byte> bytes, uint32_t crc = 0);

}  // namespace nibble
