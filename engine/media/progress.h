// Showing how far long work has come.
#pragma once

#include <chrono>
#include <cstdio>
#include <string>

namespace nibble::media {

// On a terminal one line that is written over; elsewhere a line now and then (each tenth of the work, but not more
// often than every five seconds) and one at the end. Used by one thread at a time.
class Progress {
 public:
  using Clock = std::chrono::steady_clock;

  // Writes to stderr and finds out whether that is a terminal.
  Progress(std::string what, size_t total);
  // For tests and other streams.
  Progress(std::string what, size_t total, std::FILE* out, bool terminal, Clock::duration line_interval);

  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();  // ends a line that is still open, so that an error message begins on a line of its own

  void advance(size_t done_more = 1);
  void finish();  // the last line: how many in what time

 private:
  void show(Clock::time_point now);
  std::string text(Clock::time_point now) const;

  std::string what_;
  size_t total_;
  size_t done_ = 0;
  std::FILE* out_;
  bool terminal_;
  bool line_open_ = false;
  bool finished_ = false;
  size_t shown_width_ = 0;
  size_t shown_tenth_ = 0;
  Clock::duration line_interval_;
  Clock::time_point start_;
  Clock::time_point shown_;
};

// Whether stderr is a terminal.
bool stderr_is_terminal();

}  // namespace nibble::media
