#include "tests/kernels/device_case.h"

namespace nibble::test {

TEST_P(DeviceCase, gives_what_the_oracle_says) { EXPECT_EQ(run_case(GetParam()), ""); }

}  // namespace nibble::test
