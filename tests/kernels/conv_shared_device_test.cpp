// Tiles in shared memory, as GPUs are given them: every tile's pixels, blocks and slices meet at the same barriers.
#include <algorithm>

#include "kernels/conv_shared.h"
#include "tests/kernels/device_case.h"

namespace nibble::test {
namespace {

const ConvScheme kScheme{.x = DType::i8, .weights = DType::i8};
const ConvScheme kFullRange{
    .x = DType::i8, .weights = DType::i8, .bias = false, .full_range = true, .zero_point = -128};

// The device under test, taken for a GPU with memory of its own.
gpu::Caps as_gpu() {
  gpu::Caps caps = device_under_test().caps();
  caps.device_type = gpu::DeviceType::discrete;
  caps.bits &= ~uint32_t{gpu::Caps::lanes};
  caps.int8_path = caps.has(gpu::Caps::dot8) ? gpu::Int8Path::dot : gpu::Int8Path::shift;
  return caps;
}

struct Ran {
  std::string kernel, mismatch;
  std::vector<SpecConstant> spec;
};

Ran run_with(const BuiltCase& built, const std::string& row, const Tuning& tuning) {
  KernelOverrides overrides;
  if (!row.empty()) overrides.family_to_name.emplace_back("conv2d_shared", row);
  const gpu::Caps caps = as_gpu();
  auto plan = Lowering(built.graph, caps, overrides, tuning).run();
  if (!plan) return {"", plan.error().message, {}};
  Ran ran;
  for (const Step& step : plan->steps) {
    if (step.multiply_adds == 0) continue;
    ran.kernel = kernel_table()[static_cast<size_t>(step.kernel)].name;
    ran.spec = step.spec;
  }
  std::vector<std::vector<std::byte>> feeds;
  for (const auto& value : built.feeds) feeds.push_back(reference::value_bytes(value));
  auto outputs = run_plan(device_under_test(), built.graph, *plan, feeds);
  ran.mismatch = outputs ? mismatch(built, (*outputs)[0]) : outputs.error().message;
  return ran;
}

uint32_t spec_of(const Ran& ran, uint32_t id) {
  const auto found = std::find_if(ran.spec.begin(), ran.spec.end(), [&](const SpecConstant& c) { return c.id == id; });
  return found == ran.spec.end() ? 0 : found->value;
}

class SharedTiles : public testing::TestWithParam<OpCase> {};

TEST_P(SharedTiles, give_the_bits_of_the_oracle_in_every_row) {
  const auto built = build(GetParam(), 1);
  ASSERT_TRUE(built) << built.error().message;
  int rows = 0;
  for (const Kernel& row : kernel_table()) {
    if (row.family != Family::conv2d_shared || !device_under_test().caps().has(row.needs)) continue;
    const Ran ran = run_with(*built, std::string(row.name), {});
    EXPECT_EQ(ran.kernel, row.name);
    EXPECT_EQ(ran.mismatch, "") << row.name;
    ++rows;
  }
  EXPECT_GT(rows, 0);
}

INSTANTIATE_TEST_SUITE_P(
    Layers, SharedTiles,
    testing::Values(conv_case("pointwise", Conv2d{}, {1, 32, 5, 7}, 24, 1, 1, kScheme),
                    conv_case("padded", Conv2d{.pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1},
                              {1, 66, 7, 7}, 20, 3, 3, kFullRange),
                    conv_case("stride and batch", Conv2d{.stride_h = 2, .stride_w = 2, .pad_top = 1, .pad_left = 1},
                              {2, 17, 11, 9}, 33, 3, 3, kScheme),
                    conv_case("dilated", Conv2d{.dilation_h = 2, .dilation_w = 3, .pad_top = 2, .pad_left = 3},
                              {1, 20, 8, 9}, 16, 3, 2, kScheme),
                    conv_case("groups", Conv2d{.pad_top = 1, .pad_left = 1, .groups = 2}, {1, 40, 6, 6}, 48, 3, 3,
                              kScheme),
                    conv_case("more pixels than a tile", Conv2d{}, {1, 16, 40, 41}, 68, 1, 1, kScheme),
                    linear_case("rows", Linear{}, {3, 15, 300}, 70, kScheme),
                    linear_case("few inputs", Linear{}, {9, 13}, 6, kFullRange)),
    [](const auto& info) {
      std::string name = info.param.name;
      std::replace(name.begin(), name.end(), ' ', '_');
      return name;
    });

// Tiles of large layers, given to small ones: partly empty, with a short end of the reduction.
TEST(SharedTile, of_every_shape_gives_the_same_bits) {
  const OpCase cases[] = {conv_case("3x3", Conv2d{.pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1},
                                    {1, 44, 12, 13}, 72, 3, 3, kScheme),
                          linear_case("rows", Linear{}, {150, 90}, 72, kScheme)};
  const ConvTile tiles[] = {{8, 2, 16, 8}, {4, 1, 32, 4},    {4, 2, 16, 4},
                            {2, 1, 16, 8}, {2, 2, 16, 4, 2}, {1, 4, 8, 8, 2}};
  for (const OpCase& op_case : cases) {
    const auto built = build(op_case, 1);
    ASSERT_TRUE(built) << built.error().message;
    std::map<std::string, ProblemFound> found;
    ASSERT_EQ(run_with(*built, "", {nullptr, &found}).mismatch, "");
    ASSERT_EQ(found.size(), 1u);
    const auto& [text, problem] = *found.begin();
    ASSERT_TRUE(problem.problem.second) << text;
    // Each with one of the cases: a pipeline takes a second and more on a software driver.
    for (size_t i = 0; i < std::size(tiles); ++i) {
      const ConvTile& tile = tiles[i];
      if ((i + (op_case.name == "rows")) % 2 != 0) continue;
      ASSERT_TRUE(tile_fits(as_gpu(), problem.problem.second->bounds, tile)) << i;
      Choices choices;
      ASSERT_TRUE(choices.set(text, {problem.rule.kernel, tile}));
      const Ran ran = run_with(*built, "", {&choices});
      EXPECT_EQ(spec_of(ran, NBL_SPEC_CONV_TILE_X), tile.x);
      EXPECT_EQ(spec_of(ran, NBL_SPEC_CONV_TILE_O), tile.o);
      EXPECT_EQ(spec_of(ran, NBL_SPEC_CONV_SHARED_SLICES), tile.slices);
      EXPECT_EQ(ran.mismatch, "") << op_case.name << " " << to_string(Choice{problem.rule.kernel, tile});
    }
  }
}

TEST(SharedTile, shares_out_a_long_reduction_over_few_pixels) {
  const auto built = build(conv_case("7x7", Conv2d{.pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1},
                                     {1, 128, 7, 7}, 16, 3, 3, kScheme),
                           1);
  ASSERT_TRUE(built) << built.error().message;
  const Ran ran = run_with(*built, "", {});
  EXPECT_EQ(ran.mismatch, "");
  EXPECT_GE(spec_of(ran, NBL_SPEC_CONV_SHARED_SLICES), 2u);
}

}  // namespace
}  // namespace nibble::test
