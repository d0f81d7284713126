// Packs the kernels of a table for the library: nibble-pack-kernels LIST OUT.inc
//
// A line of LIST is "<family> <file>", the file a C array of SPIR-V as glslangValidator --vn writes it. OUT.inc defines
// kPackedBytes and kPackedModules, in the order of LIST; every module was unpacked again and compared.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

#include "packer/pack.h"

namespace nibble {
namespace {

Error failed(const std::string& file, const char* why) { return Error{Code::io, file + ": " + why}; }

// The hexadecimal numbers between the braces.
Result<std::vector<uint32_t>> read_words(const std::string& path) {
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::vector<uint32_t> words;
  for (size_t at = text.find('{'); (at = text.find("0x", at)) != std::string::npos; at += 2) {
    words.push_back(static_cast<uint32_t>(std::strtoul(text.c_str() + at, nullptr, 16)));
  }
  if (words.empty()) return failed(path, "no array of SPIR-V words");
  return words;
}

Result<std::vector<NamedSpirv>> read_list(const std::string& path) {
  std::ifstream list(path);
  if (!list) return failed(path, "cannot be read");
  std::vector<NamedSpirv> modules;
  std::string family, file;
  while (list >> family && std::getline(list >> std::ws, file)) {
    auto words = read_words(file);
    if (!words) return words.error();
    modules.push_back({family, std::move(*words)});
  }
  return modules;
}

std::string text_of(const PackedSet& set) {
  std::ostringstream out;
  out << "constexpr uint8_t kPackedBytes[] = {";
  for (size_t i = 0; i < set.bytes.size(); ++i) out << (i % 32 ? "," : i ? ",\n" : "\n") << unsigned{set.bytes[i]};
  out << "};\nconstexpr PackedSpirv kPackedModules[] = {\n";
  for (const PackedSpirv& m : set.modules) {
    out << "{" << m.begin << "," << m.end << "," << m.form_bytes << "," << m.words << "," << m.base << "},\n";
  }
  out << "};\n";
  return out.str();
}

Status run(const std::string& list, const std::string& out_path) {
  auto modules = read_list(list);
  if (!modules) return modules.error();
  auto packed = pack_modules(*modules);
  if (!packed) return packed.error();
  for (size_t i = 0; i < modules->size(); ++i) {
    const auto again = unpack_spirv(packed->view(), i);
    if (!again) return again.error();
    if (*again != (*modules)[i].words) return Error{Code::internal, "a module does not come back as it was"};
  }
  std::ofstream out(out_path);
  out << text_of(*packed);
  out.close();
  if (!out) return failed(out_path, "cannot be written");
  return {};
}

}  // namespace
}  // namespace nibble

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: nibble-pack-kernels LIST OUT.inc\n"), 2;
  const auto status = nibble::run(argv[1], argv[2]);
  if (status) return 0;
  std::fprintf(stderr, "nibble-pack-kernels: %s\n", status.error().message.c_str());
  return 1;
}
