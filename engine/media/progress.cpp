#include "media/progress.h"

#include <algorithm>

#if defined(_WIN32)
#include <io.h>
#else
#include <unistd.h>
#endif

#include "core/text.h"

namespace nibble::media {
namespace {

constexpr std::chrono::milliseconds kRedrawInterval{100};
constexpr std::chrono::seconds kLineInterval{5};

}  // namespace

bool stderr_is_terminal() {
#if defined(_WIN32)
  return _isatty(_fileno(stderr)) != 0;
#else
  return isatty(STDERR_FILENO) != 0;
#endif
}

Progress::Progress(std::string what, size_t total)
    : Progress(std::move(what), total, stderr, stderr_is_terminal(), kLineInterval) {}

Progress::Progress(std::string what, size_t total, std::FILE* out, bool terminal, Clock::duration line_interval)
    : what_(std::move(what)),
      total_(total),
      out_(out),
      terminal_(terminal),
      line_interval_(line_interval),
      start_(Clock::now()),
      shown_(start_) {}

Progress::~Progress() {
  if (line_open_) std::fputc('\n', out_);
}

std::string Progress::text(Clock::time_point now) const {
  const double seconds = std::chrono::duration<double>(now - start_).count();
  std::string out = format("%s: %zu of %zu", what_.c_str(), done_, total_);
  if (done_ >= total_) return out + format(", %.1f s", seconds);
  if (done_ > 0)
    out += format(", %.0f s left", seconds / static_cast<double>(done_) * static_cast<double>(total_ - done_));
  return out;
}

void Progress::show(Clock::time_point now) {
  shown_ = now;
  const std::string line = text(now);
  if (terminal_) {
    // Blanks cover what a longer line left behind.
    const size_t width = std::max(shown_width_, line.size());
    std::fprintf(out_, "\r%-*s", static_cast<int>(width), line.c_str());
    shown_width_ = line.size();
    line_open_ = true;
  } else {
    std::fprintf(out_, "%s\n", line.c_str());
  }
  std::fflush(out_);
}

void Progress::advance(size_t done_more) {
  done_ = std::min(done_ + done_more, total_);
  const auto now = Clock::now();
  const size_t tenth = total_ > 0 ? done_ * 10 / total_ : 10;
  if (terminal_) {
    if (!line_open_ || now - shown_ >= kRedrawInterval) show(now);
  } else if (tenth > shown_tenth_ && done_ < total_ && now - shown_ >= line_interval_) {
    shown_tenth_ = tenth;
    show(now);
  }
}

void Progress::finish() {
  if (finished_) return;
  finished_ = true;
  done_ = total_;
  show(Clock::now());
  if (terminal_) std::fputc('\n', out_);
  line_open_ = false;
}

}  // namespace nibble::media
