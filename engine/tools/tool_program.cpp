#include "tools/tool_program.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>
#include <exception>

#include "core/text.h"
#include "graph/dim.h"

namespace nibble::tools {
namespace {

// Messages of several lines (lists of nodes) stay one line for scripts.
std::string one_line(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c != '\n') {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += out.back() == ':' || out.back() == ';' ? " " : "; ";
    }
  }
  return printable(out);
}

int fail(const char* name, const std::string& message) {
  std::fflush(stdout);
  std::fprintf(stderr, "%s: %s\n", name, one_line(message).c_str());
  return 1;
}

}  // namespace

std::optional<int> parse_arguments(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      app.exit(error);
      return run_tool(app.get_name().c_str(), [] { return Status(); });
    }
    return fail(app.get_name().c_str(),
                std::string(error.what()) + " (" + app.get_name() + " --help shows the options)");
  }
  return std::nullopt;
}

int run_tool(const char* name, const std::function<Status()>& work) {
  try {
    if (const Status status = work(); !status) return fail(name, status.error().message);
  } catch (const std::bad_alloc&) {
    return fail(name, "out of memory");
  } catch (const std::exception& error) {
    return fail(name, error.what());
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout)) return fail(name, "standard output cannot be written");
  return 0;
}

Result<std::map<std::string, int64_t>> parse_dims(const std::vector<std::string>& texts) {
  std::map<std::string, int64_t> dims;
  for (const std::string& text : texts) {
    const size_t equals = text.rfind('=');
    int64_t size = 0;
    const char* end = text.data() + text.size();
    if (equals != std::string::npos) {
      const auto [stop, error] = std::from_chars(text.data() + equals + 1, end, size);
      if (error != std::errc() || stop != end) size = 0;
    }
    if (equals == 0 || size < 1 || size > kMaxDim) {
      return Error{Code::invalid_argument, format("--dim '%s': expected NAME=SIZE, such as N=4", text.c_str())};
    }
    const std::string name = text.substr(0, equals);
    const auto [entry, added] = dims.emplace(name, size);
    if (!added && entry->second != size) {
      return Error{Code::invalid_argument, format("--dim gives %s two sizes, %lld and %lld", name.c_str(),
                                                  static_cast<long long>(entry->second), static_cast<long long>(size))};
    }
  }
  return dims;
}

std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return out;
}

std::string bytes_text(uint64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes >= 1'000'000'000) return format("%.2f GB", value / 1e9);
  if (bytes >= 1'000'000) return format("%.2f MB", value / 1e6);
  if (bytes >= 1000) return format("%.1f kB", value / 1e3);
  return format("%llu B", static_cast<unsigned long long>(bytes));
}

std::string time_text(double milliseconds) {
  if (milliseconds >= 1000) return format("%.2f s", milliseconds / 1000);
  if (milliseconds >= 100) return format("%.0f ms", milliseconds);
  if (milliseconds >= 1) return format("%.3g ms", milliseconds);
  return format("%.3g us", milliseconds * 1000);
}

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string out = "[";
  for (size_t i = 0; i < shape.size(); ++i) out += (i ? ", " : "") + std::to_string(shape[i]);
  return out + "]";
}

}  // namespace nibble::tools
