#include "media/progress.h"

#include "media_testing.h"

namespace nibble::media::test {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

// What a run of `total` steps writes.
std::string written(bool terminal, size_t total, Progress::Clock::duration line_interval, bool finish) {
  const TempFolder folder;
  std::FILE* out = std::fopen((folder / "out").c_str(), "wb");
  {
    Progress progress("calibrating", total, out, terminal, line_interval);
    for (size_t i = 0; i < total; ++i) progress.advance();
    if (finish) progress.finish();
  }
  std::fclose(out);
  return bytes_of(folder / "out");
}

size_t count_of(const std::string& text, char c) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), c));
}

TEST(Progress, writes_nothing_but_lines_where_there_is_no_terminal) {
  const std::string every_tenth = written(false, 100, seconds(0), true);
  EXPECT_EQ(count_of(every_tenth, '\r'), 0u);
  EXPECT_EQ(count_of(every_tenth, '\n'), 10u);  // nine tenths and the end
  EXPECT_NE(every_tenth.find("calibrating: 10 of 100"), std::string::npos);
  EXPECT_NE(every_tenth.find("calibrating: 100 of 100, "), std::string::npos);
}

TEST(Progress, short_work_gives_one_line) {
  const std::string text = written(false, 1000, hours(1), true);
  EXPECT_EQ(count_of(text, '\n'), 1u);
  EXPECT_NE(text.find("calibrating: 1000 of 1000"), std::string::npos);
}

TEST(Progress, writes_over_one_line_on_a_terminal) {
  const std::string text = written(true, 50, seconds(0), true);
  EXPECT_EQ(text[0], '\r');
  EXPECT_EQ(count_of(text, '\n'), 1u);
  EXPECT_EQ(text.back(), '\n');
  EXPECT_NE(text.find("50 of 50"), std::string::npos);
}

TEST(Progress, ends_an_open_line_when_the_work_is_broken_off) {
  const std::string text = written(true, 3, seconds(0), false);
  EXPECT_EQ(text.back(), '\n');
  EXPECT_EQ(written(false, 3, hours(1), false), "");
}

TEST(Progress, copes_with_no_work_at_all) {
  EXPECT_NE(written(false, 0, seconds(0), true).find("0 of 0"), std::string::npos);
}

}  // namespace
}  // namespace nibble::media::test
