#include "tools/child_process.h"

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/text.h"

#if !defined(_WIN32)
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;
#endif

namespace nibble::tools {

#if defined(_WIN32)

Result<ChildResult> run_child(const std::string& program, const std::vector<std::string>&, size_t) {
  return Error{Code::unsupported_device, format("%s: running another program is not supported here", program.c_str())};
}

#else

namespace {

Error cannot_start(const std::string& program, int error) {
  return Error{Code::not_found, format("%s: cannot be started: %s", program.c_str(), std::strerror(error))};
}

// Both outputs of the child go into the pipe.
int spawn(const std::string& program, const std::vector<std::string>& arguments, const int (&pipe)[2], pid_t& child) {
  std::vector<char*> argv{const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  if (const int error = posix_spawn_file_actions_init(&actions)) return error;
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, pipe[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, pipe[1], STDERR_FILENO);
  posix_spawn_file_actions_addclose(&actions, pipe[0]);
  posix_spawn_file_actions_addclose(&actions, pipe[1]);
  const int error = posix_spawn(&child, program.c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

// False where there was more than `most`.
bool read_all(int file, size_t most, std::string& out) {
  char piece[65536];
  while (true) {
    const ssize_t count = read(file, piece, sizeof(piece));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return true;
    if (out.size() + static_cast<size_t>(count) > most) return false;
    out.append(piece, static_cast<size_t>(count));
  }
}

}  // namespace

Result<ChildResult> run_child(const std::string& program, const std::vector<std::string>& arguments,
                              size_t most_output) {
  int ends[2];
  if (pipe(ends) != 0) return cannot_start(program, errno);
  pid_t child = 0;
  const int error = spawn(program, arguments, ends, child);
  close(ends[1]);
  if (error != 0) {
    close(ends[0]);
    return cannot_start(program, error);
  }
  ChildResult result;
  const bool whole = read_all(ends[0], most_output, result.output);
  close(ends[0]);
  if (!whole) kill(child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!whole) {
    return Error{Code::invalid_argument,
                 format("%s: wrote more than %zu bytes and was ended", program.c_str(), most_output)};
  }
  result.code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return result;
}

#endif

Result<std::string> own_program(const std::string& called_as) {
  std::error_code error;
#if defined(__linux__)
  const std::filesystem::path path = std::filesystem::read_symlink("/proc/self/exe", error);
#else
  const std::filesystem::path path = std::filesystem::canonical(called_as, error);
#endif
  if (error) return Error{Code::not_found, format("%s: cannot tell where this program lies", called_as.c_str())};
  return path.string();
}

}  // namespace nibble::tools
