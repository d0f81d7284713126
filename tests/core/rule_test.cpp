#include "core/rule.h"

#include <gtest/gtest.h>

namespace nibble {
namespace {

TEST(Rules, are_errors_where_they_are_not_asserted) {
  const Error error = broken_rule("the queue has to compute", Code::unsupported_device);
  EXPECT_EQ(error.code, Code::unsupported_device);
  EXPECT_EQ(error.message, "the queue has to compute");
  EXPECT_EQ(broken_rule("no").code, Code::invalid_argument);
}

}  // namespace
}  // namespace nibble
