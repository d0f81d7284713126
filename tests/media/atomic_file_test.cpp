#include "media/atomic_file.h"

#include <string_view>

#include "media_testing.h"

namespace nibble::media::test {
namespace {

std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

TEST(AtomicFile, appears_at_commit_and_not_before) {
  const TempFolder folder;
  auto file = AtomicFile::create(folder / "out");
  ASSERT_TRUE(succeeds(file));
  ASSERT_TRUE(succeeds(file->write(as_bytes("one "))));
  ASSERT_TRUE(succeeds(file->write(as_bytes("two"))));
  EXPECT_FALSE(std::filesystem::exists(folder / "out"));
  ASSERT_TRUE(succeeds(file->commit()));
  EXPECT_EQ(bytes_of(folder / "out"), "one two");
  EXPECT_EQ(folder.files(), 1u);
}

TEST(AtomicFile, leaves_the_old_file_when_it_is_not_committed) {
  const TempFolder folder;
  folder.write("out", "old");
  {
    auto file = AtomicFile::create(folder / "out");
    ASSERT_TRUE(succeeds(file));
    ASSERT_TRUE(succeeds(file->write(as_bytes("half"))));
  }
  EXPECT_EQ(bytes_of(folder / "out"), "old");
  EXPECT_EQ(folder.files(), 1u);
}

TEST(AtomicFile, replaces_what_a_link_points_to) {
  const TempFolder folder;
  folder.write("real", "old");
  std::filesystem::create_symlink(folder / "real", folder / "link");
  ASSERT_TRUE(succeeds(write_file_atomically(folder / "link", std::string("new"))));
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(bytes_of(folder / "real"), "new");
}

TEST(AtomicFile, names_folders_and_paths_that_cannot_be_written) {
  const TempFolder folder;
  EXPECT_TRUE(fails_naming(AtomicFile::create(folder.path()), {folder.path(), "folder"}));
  EXPECT_TRUE(fails_naming(AtomicFile::create(folder / "absent/out"), {"absent/out", "No such file"}));
  EXPECT_TRUE(fails_naming(AtomicFile::create(""), {"empty"}));
}

TEST(AtomicFile, reports_a_full_disk_for_small_and_large_writes) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  // A short text stays in the buffer until the close; a long one fails at once.
  EXPECT_TRUE(fails_naming(write_file_atomically("/dev/full", std::string("short")), {"/dev/full", "space"}));
  EXPECT_TRUE(fails_naming(write_file_atomically("/dev/full", std::string(1 << 20, 'x')), {"/dev/full", "space"}));
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/full")) << "a device must not be replaced by a file";
}

}  // namespace
}  // namespace nibble::media::test
