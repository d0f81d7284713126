// Runs operator cases on the device under test: every eligible kernel row, and every layout its inputs may lie in.
//
//   INSTANTIATE_DEVICE_CASES(Softmax, OpCase{"last axis", Softmax{.axis = -1}, {f32({2, 7})}}, ...)
#pragma once

#include <gtest/gtest.h>

#include "tests/support/op_case.h"
#include "tests/support/step_runner.h"

namespace nibble::test {

// One device for all tests of the process: making one takes longer than most cases.
const gpu::Device& device_under_test();

// The case's graph with its inputs (those that are not constant and have such an axis) blocked along `axis`: two
// transpositions that undo each other move the blocked axis there.
BuiltCase with_blocked_axis(const BuiltCase& built, int32_t axis);

// Empty when the case gives what the oracle says, in every eligible row and layout.
std::string run_case(const OpCase& op_case);

class DeviceCase : public testing::TestWithParam<OpCase> {};

#define INSTANTIATE_DEVICE_CASES(suite, ...)                                                                 \
  INSTANTIATE_TEST_SUITE_P(suite, DeviceCase, testing::ValuesIn(std::vector<OpCase>{__VA_ARGS__}),           \
                           [](const auto& info) {                                                            \
                             std::string text = info.param.name;                                             \
                             for (char& c : text) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_'; \
                             return text;                                                                    \
                           })

}  // namespace nibble::test
