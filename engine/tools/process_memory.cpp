#include <cstdio>
#include <cstring>

#include "tools/bench_measure.h"

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
// after windows.h
#include <psapi.h>
#elif !defined(__linux__)
#include <sys/resource.h>
#endif

namespace nibble::tools {

#if defined(_WIN32)
ProcessMemory process_memory() {
  PROCESS_MEMORY_COUNTERS counters{};
  if (!K32GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof(counters))) return {};
  return {counters.WorkingSetSize, counters.PeakWorkingSetSize};
}
#elif defined(__linux__)
ProcessMemory process_memory() {
  ProcessMemory out;
  std::FILE* file = std::fopen("/proc/self/status", "r");
  if (!file) return out;
  char line[256];
  while (std::fgets(line, sizeof(line), file)) {
    unsigned long long kilobytes = 0;
    if (std::sscanf(line, "VmRSS: %llu kB", &kilobytes) == 1) out.resident = kilobytes * 1024;
    if (std::sscanf(line, "VmHWM: %llu kB", &kilobytes) == 1) out.peak = kilobytes * 1024;
  }
  std::fclose(file);
  return out;
}
#else
ProcessMemory process_memory() {
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) != 0) return {};
  const auto most = static_cast<uint64_t>(usage.ru_maxrss);
#if defined(__APPLE__)
  return {0, most};  // bytes
#else
  return {0, most * 1024};
#endif
}
#endif

}  // namespace nibble::tools
