#include "support/validation_listener.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace nibble::test {
namespace {

std::string log_path() {
  return (std::filesystem::temp_directory_path() / ("nibble_validation." + std::to_string(getpid()) + ".log")).string();
}

class ValidationListener : public testing::EmptyTestEventListener {
  void OnTestStart(const testing::TestInfo&) override { take_validation_messages(); }
  void OnTestEnd(const testing::TestInfo&) override {
    const std::string messages = take_validation_messages();
    if (!messages.empty()) ADD_FAILURE() << "Vulkan validation messages during this test:\n" << messages;
  }
};

// Before main, so that devices made by static fixtures are seen as well.
const bool installed = [] {
  setenv("NIBBLE_VALIDATION_LOG", log_path().c_str(), 1);
  testing::UnitTest::GetInstance()->listeners().Append(new ValidationListener);
  return true;
}();

}  // namespace

std::string take_validation_messages() {
  std::ostringstream out;
  {
    const std::ifstream file(log_path());
    if (file && file.rdbuf()->in_avail() != 0) out << file.rdbuf();
  }
  std::error_code ignored;
  std::filesystem::remove(log_path(), ignored);
  return out.str();
}

}  // namespace nibble::test
