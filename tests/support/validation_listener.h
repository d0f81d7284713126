// A message of Vulkan's validation layer fails the test during which it came. nibble_add_gpu_test() links the listener
// in; a test needs to do nothing. It sees every device of the process and of processes that the test starts, because
// the messages come through the file that NIBBLE_VALIDATION_LOG names.
#pragma once

#include <string>

namespace nibble::test {

// The messages since the current test began, which then no longer fail it: for tests that provoke some.
std::string take_validation_messages();

}  // namespace nibble::test
