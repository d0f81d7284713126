#include "core/rule.h"

#include <gtest/gtest.h>

#include <type_traits>
#include <vector>

namespace nibble {
namespace {

TEST(Rules, are_errors_where_they_are_not_asserted) {
  const Error error = broken_rule("the queue has to compute", Code::unsupported_device);
  EXPECT_EQ(error.code, Code::unsupported_device);
  EXPECT_EQ(error.message, "the queue has to compute");
  EXPECT_EQ(broken_rule("no").code, Code::invalid_argument);
}

Result<std::vector<int>> some_numbers() { return std::vector<int>{3, 4}; }

TEST(Result, gives_a_value_that_a_loop_can_be_over) {
  static_assert(std::is_same_v<decltype(some_numbers().value()), std::vector<int>>, "a reference would dangle");
  int sum = 0;
  for (const int number : some_numbers().value()) sum += number;
  EXPECT_EQ(sum, 7);
}

}  // namespace
}  // namespace nibble
