// Who includes whom (engine/ARCHITECTURE.md), how long files are, and that every operator has its parts.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
const fs::path kRoot = NIBBLE_SOURCE_DIR;

std::vector<fs::path> sources(const std::vector<std::string>& folders) {
  static const std::set<std::string> endings = {".h", ".cpp", ".comp", ".glsl", ".inc"};
  std::vector<fs::path> out;
  for (const std::string& folder : folders) {
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / folder)) {
      if (entry.is_regular_file() && endings.contains(entry.path().extension().string())) out.push_back(entry.path());
    }
  }
  return out;
}

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Folders below engine/ that a folder may include, besides itself and core. An include names a file by its folder:
// "graph/graph.h".
const std::map<std::string, std::set<std::string>> kMayInclude = {
    {"core", {}},
    {"graph", {"ops", "format"}},
    {"ops", {"graph"}},
    {"format", {"graph", "ops"}},
    {"reference", {"graph", "ops", "format"}},
    {"gpu", {}},
    {"kernels", {"graph", "ops", "format", "gpu"}},
    {"runtime", {"graph", "ops", "format", "kernels", "gpu"}},
    {"c", {}},
    {"media", {}},
};

std::vector<std::string> included_folders(const std::string& text) {
  static const std::regex include("#include \"([a-z]+)/");
  std::vector<std::string> out;
  for (std::sregex_iterator it(text.begin(), text.end(), include), end; it != end; ++it) out.push_back((*it)[1]);
  return out;
}

TEST(Rules, engine_folders_include_only_what_the_architecture_allows) {
  for (const auto& [folder, allowed] : kMayInclude) {
    for (const fs::path& file : sources({"engine/" + folder})) {
      for (const std::string& included : included_folders(read(file))) {
        const bool fine = included == folder || included == "core" || included == "nibble" ||
                          allowed.contains(included) || !kMayInclude.contains(included);
        EXPECT_TRUE(fine) << fs::relative(file, kRoot) << " includes " << included << "/";
      }
    }
  }
}

TEST(Rules, kernels_know_of_the_gpu_only_its_capabilities) {
  for (const fs::path& file : sources({"engine/kernels"})) {
    const std::string text = read(file);
    static const std::regex include("#include \"gpu/([a-z_]+)\\.h\"");
    for (std::sregex_iterator it(text.begin(), text.end(), include), end; it != end; ++it) {
      EXPECT_EQ((*it)[1], "caps") << fs::relative(file, kRoot);
    }
  }
}

TEST(Rules, passes_quantizer_and_importer_stay_clear_of_the_device) {
  for (const fs::path& file :
       sources({"converter/onnx", "converter/passes", "converter/quantize", "converter/calibrate"})) {
    for (const std::string& included : included_folders(read(file))) {
      EXPECT_FALSE(included == "gpu" || included == "kernels" || included == "runtime")
          << fs::relative(file, kRoot) << " includes " << included << "/";
    }
  }
}

TEST(Rules, only_vulkan_headers_name_vulkan) {
  for (const fs::path& file : sources({"engine/include"})) {
    if (file.filename() == "vulkan.h" || file.filename() == "nibble_c_vulkan.h") continue;
    EXPECT_EQ(read(file).find("#include <vulkan"), std::string::npos) << fs::relative(file, kRoot);
  }
}

// NIBBLE_NO_EXCEPTIONS must go on compiling: what the standard library throws is caught only where exceptions are on.
TEST(Rules, engine_neither_throws_nor_asks_for_types) {
  static const std::regex never("\\b(throw|dynamic_cast|typeid)\\b");
  static const std::regex comment("//[^\n]*");
  for (const fs::path& file : sources({"engine/core", "engine/graph", "engine/ops", "engine/format", "engine/gpu",
                                       "engine/kernels", "engine/runtime", "engine/c"})) {
    const std::string text = std::regex_replace(read(file), comment, "");
    EXPECT_FALSE(std::regex_search(text, never)) << fs::relative(file, kRoot);
    if (text.find("catch (") != std::string::npos) {
      EXPECT_NE(text.find("__cpp_exceptions"), std::string::npos) << fs::relative(file, kRoot);
    }
  }
}

TEST(Rules, no_source_file_is_longer_than_700_lines) {
  for (const fs::path& file : sources({"engine", "shaders", "converter", "tests", "samples"})) {
    const std::string text = read(file);
    EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 700) << fs::relative(file, kRoot);
  }
}

TEST(Rules, every_operator_has_its_lowering_and_reference) {
  const std::string list = read(kRoot / "engine/ops/ops.inc");
  static const std::regex row("NBL_OP\\(\\d+, (\\w+)\\)");
  size_t count = 0;
  std::string lowering, reference;
  for (const fs::path& file : sources({"engine/kernels"})) lowering += read(file);
  for (const fs::path& file : sources({"engine/reference"})) reference += read(file);
  for (std::sregex_iterator it(list.begin(), list.end(), row), end; it != end; ++it, ++count) {
    const std::string name = (*it)[1];
    EXPECT_TRUE(std::regex_search(lowering, std::regex("Status lower\\(const " + name + "&"))) << name;
    EXPECT_NE(reference.find("evaluate(const " + name + "&"), std::string::npos) << name;
  }
  EXPECT_GE(count, 21u);
}

}  // namespace
