#include "gpu/platform.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "core/text.h"
#include "core/try.h"

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <thread>
#endif

namespace nibble::gpu {
namespace {

#if defined(_WIN32)
constexpr const char* kLoader = "vulkan-1.dll";
constexpr const char* kInstall = "install the graphics driver of your GPU";

void* open_library(const char* name) { return reinterpret_cast<void*>(LoadLibraryA(name)); }
void* symbol_of(void* library, const char* name) {
  return reinterpret_cast<void*>(GetProcAddress(static_cast<HMODULE>(library), name));
}
std::string library_error() { return format("error %lu", GetLastError()); }
#else
#if defined(__APPLE__)
constexpr const char* kLoader = "libvulkan.1.dylib";
constexpr const char* kInstall = "install the Vulkan SDK (MoltenVK)";
#elif defined(__ANDROID__)
constexpr const char* kLoader = "libvulkan.so";
constexpr const char* kInstall = "this Android has no Vulkan";
#else
constexpr const char* kLoader = "libvulkan.so.1";
constexpr const char* kInstall = "install the loader and a driver (Debian: libvulkan1 mesa-vulkan-drivers)";
#endif

void* open_library(const char* name) { return dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE); }
void* symbol_of(void* library, const char* name) { return dlsym(library, name); }
std::string library_error() {
  const char* text = dlerror();
  return text ? text : "unknown error";
}
#endif

Error file_error(const std::string& path, const char* what, int error_number) {
  return {error_number == ENOENT ? Code::not_found : Code::io,
          format("%s: %s: %s", path.c_str(), what, std::strerror(error_number))};
}

}  // namespace

Result<PFN_vkGetInstanceProcAddr> open_vulkan_loader(const char* library) {
  const char* name = library ? library : kLoader;
  void* handle = open_library(name);
  if (!handle) {
    return Error{Code::not_found,
                 format("no Vulkan loader: cannot open %s (%s); %s", name, library_error().c_str(), kInstall)};
  }
  void* entry = symbol_of(handle, "vkGetInstanceProcAddr");
  if (!entry) return Error{Code::not_found, format("%s is no Vulkan loader: it has no vkGetInstanceProcAddr", name)};
  return reinterpret_cast<PFN_vkGetInstanceProcAddr>(entry);
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

Result<std::string> read_file(const std::string& path, uint64_t largest_bytes) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) return file_error(path, "cannot open", ENOENT);
  if (!std::filesystem::is_regular_file(status)) return Error{Code::io, path + ": not a regular file"};
  const uint64_t size = std::filesystem::file_size(path, error);
  if (error) return Error{Code::io, path + ": " + error.message()};
  if (size > largest_bytes) {
    return Error{Code::io,
                 format("%s: %llu bytes, expected at most %llu", path.c_str(), static_cast<unsigned long long>(size),
                        static_cast<unsigned long long>(largest_bytes))};
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) return file_error(path, "cannot open", errno);
  std::string content(size, '\0');
  in.read(content.data(), static_cast<std::streamsize>(size));
  if (static_cast<uint64_t>(in.gcount()) != size) return Error{Code::io, path + ": ends early"};
  return content;
}

#if defined(_WIN32)
FolderLock::FolderLock(const std::string&, std::chrono::milliseconds) {}
FolderLock::~FolderLock() = default;
#else
// The lock goes with the handle, so that a program that ends leaves none behind.
FolderLock::FolderLock(const std::string& path_of_file, std::chrono::milliseconds patience) {
  constexpr auto kPause = std::chrono::milliseconds(2);
  const std::string folder = std::filesystem::path(path_of_file).parent_path().string();
  const int handle = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (handle < 0) return;
  const auto end = std::chrono::steady_clock::now() + patience;
  while (::flock(handle, LOCK_EX | LOCK_NB) != 0) {
    const bool busy = errno == EWOULDBLOCK || errno == EINTR;
    if (!busy || std::chrono::steady_clock::now() >= end) {
      ::close(handle);
      return;
    }
    std::this_thread::sleep_for(kPause);
  }
  handle_ = handle;
}

FolderLock::~FolderLock() {
  if (handle_ >= 0) ::close(handle_);
}
#endif

}  // namespace nibble::gpu
