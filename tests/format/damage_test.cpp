// Files that are cut, flipped, stretched or made by a hostile hand: each is an error or a valid graph, never a crash.
#include <gtest/gtest.h>

#include <cstring>

#include "format/container.h"
#include "format/reader.h"
#include "format/writer.h"
#include "sample_graphs.h"
#include "tests/support/nbl_bytes.h"

namespace nibble {
namespace {

using namespace test;

Error error_of(const Bytes& bytes) {
  auto graph = read_model(bytes, nullptr);
  if (graph) {
    ADD_FAILURE() << "the file was accepted";
    return {};
  }
  EXPECT_FALSE(graph.error().message.empty());
  return std::move(graph).error();
}

void expect_refused(const Bytes& bytes, Code code, const char* words) {
  const Error error = error_of(bytes);
  EXPECT_EQ(to_string(error.code), std::string(to_string(code)));
  EXPECT_NE(error.message.find(words), std::string::npos) << error.message;
}

Bytes tiny() { return model_bytes(tiny_graph()).value(); }

TEST(Damage, every_prefix_is_refused) {
  const Bytes whole = tiny();
  for (size_t length = 0; length < whole.size(); ++length) {
    const Bytes prefix(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    EXPECT_EQ(error_of(prefix).code, Code::corrupt_file) << length << " bytes";
  }
}

TEST(Damage, every_prefix_whose_length_and_checksums_were_mended_is_refused) {
  const Bytes whole = tiny();
  for (size_t length = entry(3); length < whole.size(); ++length) {
    Bytes prefix(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    put<uint64_t>(prefix, kLengthAt, length);
    EXPECT_EQ(error_of(sealed(prefix)).code, Code::corrupt_file) << length << " bytes";
  }
}

TEST(Damage, every_flipped_bit_is_noticed_unless_it_is_the_minor_version) {
  Bytes bytes = tiny();
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      bytes[i] ^= std::byte{1} << bit;
      EXPECT_FALSE(read_model(bytes, nullptr)) << "byte " << i << " bit " << bit;
      bytes[i] ^= std::byte{1} << bit;
    }
  }
}

// With mended checksums a change may be a valid file; it must not do harm, and what comes out must hold together.
void flip_and_mend(const Bytes& whole) {
  const Container container = read_container(whole, true).value();
  const Section* data = container.find(kDataTag);
  const size_t end = data ? data->offset : whole.size();
  for (size_t i = 0; i < end; ++i) {
    for (std::byte mask : {std::byte{0x01}, std::byte{0x80}, whole[i]}) {
      Bytes bytes = whole;
      bytes[i] ^= mask;
      if (auto graph = read_model(sealed(std::move(bytes)), nullptr)) {
        EXPECT_TRUE(verify(*graph));
        EXPECT_FALSE(dump_text(*graph).empty());
      }
    }
  }
}

TEST(Damage, every_flipped_byte_with_mended_checksums_does_no_harm) {
  flip_and_mend(tiny());
  flip_and_mend(model_bytes(graph_of_all_operators()).value());
}

TEST(Damage, wrong_data_is_noticed_only_where_it_is_checked) {
  Bytes bytes = tiny();
  bytes.back() ^= std::byte{1};
  expect_refused(bytes, Code::corrupt_file, "checksum of section DATA");
  EXPECT_TRUE(read_model(bytes, nullptr, {.check_data = false}));
}

TEST(Damage, a_newer_major_version_is_refused_and_a_newer_minor_one_read) {
  Bytes bytes = tiny();
  put<uint16_t>(bytes, kMinorAt, 77);
  EXPECT_TRUE(read_model(sealed(bytes), nullptr));
  put<uint16_t>(bytes, kMajorAt, kFormatMajor + 1);
  expect_refused(sealed(bytes), Code::unsupported_version, "2.77");
  expect_refused(bytes, Code::unsupported_version, "2.77");  // whatever its checksum means
}

TEST(Damage, extra_bytes_are_refused) {
  Bytes bytes = tiny();
  bytes.push_back(std::byte{0});
  expect_refused(bytes, Code::corrupt_file, "too long");
  put<uint64_t>(bytes, kLengthAt, bytes.size());
  expect_refused(sealed(bytes), Code::corrupt_file, "stray bytes at its end");
  bytes = tiny();
  put<char>(bytes, get<uint64_t>(bytes, entry(2) + kOffsetAt) - 1, 'x');
  expect_refused(sealed(bytes), Code::corrupt_file, "stray bytes before section DATA");
}

TEST(Damage, damage_by_text_mode_is_named) {
  Bytes bytes = tiny();
  bytes.erase(bytes.begin() + 4);  // CR LF became LF
  expect_refused(bytes, Code::corrupt_file, "text mode");
}

TEST(Damage, rejects_overlapping_sections) {
  Bytes bytes = tiny();
  put<uint64_t>(bytes, entry(1) + kOffsetAt, get<uint64_t>(bytes, entry(0) + kOffsetAt));
  expect_refused(sealed(bytes), Code::corrupt_file, "overlaps");
  bytes = tiny();
  put<uint64_t>(bytes, entry(0) + kOffsetAt, 0);
  expect_refused(sealed(bytes), Code::corrupt_file, "overlaps");
}

TEST(Damage, rejects_sections_outside_the_file) {
  for (uint64_t value : {uint64_t{1} << 20, uint64_t{1} << 63, ~uint64_t{0}, ~uint64_t{0} - 15}) {
    Bytes bytes = tiny();
    put<uint64_t>(bytes, entry(1) + kBytesAt, value);
    expect_refused(sealed(bytes), Code::corrupt_file, "beyond the end");
    bytes = tiny();
    put<uint64_t>(bytes, entry(1) + kOffsetAt, value);
    EXPECT_EQ(error_of(sealed(bytes)).code, Code::corrupt_file);
  }
}

TEST(Damage, rejects_huge_section_counts) {
  for (uint32_t count : {65u, 1u << 20, ~0u}) {
    Bytes bytes = tiny();
    put<uint32_t>(bytes, kCountAt, count);
    expect_refused(bytes, Code::corrupt_file, "sections");
  }
  Bytes bytes = tiny();
  put<uint32_t>(bytes, kCountAt, 0);
  EXPECT_EQ(error_of(sealed(bytes)).code, Code::corrupt_file);
}

TEST(Damage, rejects_a_section_that_occurs_twice_and_a_file_without_graph) {
  Bytes bytes = tiny();
  std::memcpy(bytes.data() + entry(0), "GRPH", 4);
  expect_refused(sealed(bytes), Code::corrupt_file, "two sections GRPH");
  bytes = tiny();
  std::memcpy(bytes.data() + entry(1), "GRPX", 4);
  put<uint32_t>(bytes, entry(1) + kFlagsAt, 0);
  expect_refused(sealed(bytes), Code::corrupt_file, "no section GRPH");
}

TEST(Damage, unknown_sections_are_skipped_unless_they_are_required) {
  Bytes bytes = tiny();
  std::memcpy(bytes.data() + entry(0), "XTRA", 4);
  auto graph = read_model(sealed(bytes), nullptr);
  ASSERT_TRUE(graph) << graph.error().message;
  EXPECT_TRUE(graph->metadata.empty());
  put<uint32_t>(bytes, entry(0) + kFlagsAt, 1);
  expect_refused(sealed(bytes), Code::unsupported_version, "XTRA");
}

TEST(Crc32c, knows_published_values_and_agrees_with_tables) {
  const auto of = [](const Bytes& bytes) { return crc32c(bytes); };
  EXPECT_EQ(of(Bytes(32, std::byte{0})), 0x8A9136AAu);  // RFC 3720, B.4
  EXPECT_EQ(of(Bytes(32, std::byte{0xFF})), 0x62A8AB43u);
  Bytes rising;
  for (int i = 0; i < 300; ++i) rising.push_back(static_cast<std::byte>(i * 7));
  for (size_t length = 0; length <= rising.size(); ++length) {
    const auto part = std::span(rising).first(length);
    ASSERT_EQ(crc32c(part), crc32c_by_tables(part));
    ASSERT_EQ(crc32c(part.subspan(length / 3), crc32c(part.first(length / 3))), crc32c(part));
  }
}

}  // namespace
}  // namespace nibble
