#include <gtest/gtest.h>

#include "core/try.h"
#include "kernels/choices.h"
#include "kernels/lowering.h"
#include "tests/support/op_case.h"

namespace nibble::test {
namespace {

gpu::Caps cpu_caps() {
  gpu::Caps caps;
  caps.device_type = gpu::DeviceType::cpu;
  caps.subgroup_size = 8;
  caps.int8_path = gpu::Int8Path::shift;
  return caps;
}

Choices sample() {
  Choices choices;
  EXPECT_TRUE(choices.set("conv2d i8.i8 a", {"conv2d_w8_i8_f32", {4, 2, 8, 4}}));
  EXPECT_TRUE(choices.set("conv2d i8.i8 c", {"conv2d_shared_w8_i8_dot", {8, 1, 16, 4, 2}}));
  EXPECT_TRUE(choices.set("conv2d f32.f32 b", {"conv2d_w32_f32", {8, 4, 1, 32}}));
  return choices;
}

Result<LoweredPlan> lowered(const OpCase& op_case, const gpu::Caps& caps, const Tuning& tuning,
                            const KernelOverrides& overrides = {}) {
  auto built = build(op_case, 1);
  if (!built) return std::move(built).error();
  return Lowering(built->graph, caps, overrides, tuning).run();
}

const Step& conv_step(const LoweredPlan& plan) {
  for (const Step& step : plan.steps) {
    if (step.multiply_adds > 0) return step;
  }
  return plan.steps.front();
}

OpCase integer_conv() {
  return conv_case("3x3", Conv2d{}, {1, 8, 16, 16}, 8, 3, 3, {.x = DType::i8, .weights = DType::i8});
}

std::string kernel_of(const Step& step) { return std::string(kernel_table()[static_cast<size_t>(step.kernel)].name); }

TEST(Choices, text_and_back) {
  const Choices choices = sample();
  const auto back = Choices::parse(choices.to_text());
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, choices);
  ASSERT_NE(back->find("conv2d i8.i8 a"), nullptr);
  EXPECT_EQ(back->find("conv2d i8.i8 a")->tile.local_y, 4u);
  EXPECT_EQ(back->find("conv2d i8.i8 c")->tile.slices, 2u);
  EXPECT_EQ(back->find("another"), nullptr);
  EXPECT_EQ(Choices::parse("")->size(), 0u);
}

TEST(Choices, damaged_text_is_an_error_or_other_choices_and_never_more) {
  const std::string text = sample().to_text();
  for (size_t length = 0; length < text.size(); ++length) {
    if (const auto parsed = Choices::parse(text.substr(0, length))) {
      EXPECT_LT(parsed->size(), 3u) << length;
    } else {
      EXPECT_EQ(parsed.error().code, Code::corrupt_file);
    }
  }
  for (size_t bit = 0; bit < text.size() * 8; ++bit) {
    std::string damaged = text;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
    const auto parsed = Choices::parse(damaged);
    EXPECT_LE(parsed ? parsed->size() : 0, 3u) << bit;
  }
  for (const char* bad :
       {"nibble tuning 1\n", "nibble tuning 2\nconv2d 1 1 1 1 p\n", "nibble tuning 2\nk 0 1 1 1 1 p\n",
        "nibble tuning 2\nk 1 1 1 1 4294967296 p\n", "nibble tuning 2\nk 1 1 1 1 1 \n",
        "nibble tuning 2\nk 1 1 1 1 -1 p\n", "nibble tuning 2\n\n"}) {
    EXPECT_FALSE(Choices::parse(bad)) << bad;
  }
}

TEST(Choices, their_number_and_length_are_bounded) {
  Choices choices;
  EXPECT_FALSE(choices.set(std::string(kLongestProblem + 1, 'x'), {"k", {}}));
  EXPECT_FALSE(choices.set("", {"k", {}}));
  EXPECT_FALSE(choices.set("two\nlines", {"k", {}}));
  std::string text = "nibble tuning 2\n";
  for (size_t i = 0; i <= kMostChoices; ++i) text += "k 1 1 1 1 1 p" + std::to_string(i) + "\n";
  const auto parsed = Choices::parse(text);
  ASSERT_FALSE(parsed);
  EXPECT_NE(parsed.error().message.find("too many"), std::string::npos);
}

TEST(TunedLowering, takes_the_choice_and_says_so) {
  const gpu::Caps caps = cpu_caps();
  std::map<std::string, ProblemFound> found;
  const auto untuned = lowered(integer_conv(), caps, {nullptr, &found});
  ASSERT_TRUE(untuned) << untuned.error().message;
  ASSERT_EQ(found.size(), 1u);
  const auto& [text, problem] = *found.begin();
  EXPECT_EQ(conv_step(*untuned).problem, text);
  EXPECT_FALSE(conv_step(*untuned).tuned);
  EXPECT_EQ(problem.rule.kernel, kernel_of(conv_step(*untuned)));

  Choices choices;
  ASSERT_TRUE(choices.set(text, {"conv2d_w8_i8_f32", {2, 1, 4, 2}}));
  const auto tuned = lowered(integer_conv(), caps, {&choices, nullptr});
  ASSERT_TRUE(tuned) << tuned.error().message;
  const Step& step = conv_step(*tuned);
  EXPECT_TRUE(step.tuned);
  EXPECT_EQ(kernel_of(step), "conv2d_w8_i8_f32");
  EXPECT_EQ(step.groups, (std::array<uint32_t, 3>{(7 * 14 + 3) / 4, 1, 1}));  // 7 tiles of 2 in 14 rows
}

TEST(TunedLowering, what_does_not_fit_leaves_the_rule) {
  const gpu::Caps caps = cpu_caps();
  std::map<std::string, ProblemFound> found;
  const auto untuned = lowered(integer_conv(), caps, {nullptr, &found});
  ASSERT_TRUE(untuned);
  const std::string text = found.begin()->first;
  const Choice bad[] = {{"no_such_kernel", {2, 1, 4, 2}},
                        {"conv2d_w32_f32", {2, 1, 4, 2}},
                        {"conv2d_depthwise_w8_i8_f32", {2, 1, 4, 2}},
                        {"conv2d_w8_i8_dot", {2, 1, 4, 2}},
                        {"conv2d_w8_i8_f32", {4000000000, 1, 4, 2}},
                        {"conv2d_w8_i8_f32", {2, 3, 4, 2}},
                        {"conv2d_w8_i8_f32", {2, 1, 65536, 65536}},
                        {"conv2d_w8_i8_f32", {2, 1, 64, 4}},
                        {"conv2d_w8_i8_f32", {2, 1, 4, 2, 2}},
                        {"conv2d_shared_w8_i8_shift", {2, 1, 16, 4}}};
  for (const Choice& choice : bad) {
    Choices choices;
    ASSERT_TRUE(choices.set(text, choice));
    const auto plan = lowered(integer_conv(), caps, {&choices, nullptr});
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_FALSE(conv_step(*plan).tuned) << to_string(choice);
    EXPECT_EQ(conv_step(*plan).spec, conv_step(*untuned).spec);
    EXPECT_EQ(conv_step(*plan).kernel, conv_step(*untuned).kernel);
  }
}

TEST(TunedLowering, a_forced_kernel_is_not_tuned) {
  const gpu::Caps caps = cpu_caps();
  std::map<std::string, ProblemFound> found;
  ASSERT_TRUE(lowered(integer_conv(), caps, {nullptr, &found}));
  Choices choices;
  ASSERT_TRUE(choices.set(found.begin()->first, {"conv2d_w8_i8_f32", {2, 1, 4, 2}}));
  const auto overrides = KernelOverrides::parse("conv2d=conv2d_w8_i8_shift");
  ASSERT_TRUE(overrides);
  const auto plan = lowered(integer_conv(), caps, {&choices, nullptr}, *overrides);
  ASSERT_TRUE(plan);
  EXPECT_FALSE(conv_step(*plan).tuned);
  EXPECT_EQ(kernel_of(conv_step(*plan)), "conv2d_w8_i8_shift");
}

TEST(Neighbours, of_the_smallest_tile_are_larger) {
  StepProblem problem;
  problem.bounds.extent = {16, 16, 1, 8, 1};
  for (const ConvTile& tile : neighbouring_sizes(problem, cpu_caps(), {1, 1, 8, 4})) EXPECT_GT(tile.x * tile.o, 1u);
  EXPECT_EQ(neighbouring_sizes(problem, cpu_caps(), {1, 1, 8, 4}).size(), 2u);
  for (const ConvTile& tile : neighbouring_groups(problem, cpu_caps(), {1, 1, 1, 1})) {
    EXPECT_GT(tile.local_x * tile.local_y, 1u);
  }
}

TEST(TunedLowering, every_candidate_fits_and_is_taken) {
  gpu::Caps small;
  small.max_workgroup_invocations = 24;
  small.max_workgroup_size = {16, 2, 1};
  Conv2d depthwise{.stride_w = 2};
  depthwise.groups = 12;
  const OpCase cases[] = {
      integer_conv(), conv_case("1x1", Conv2d{}, {1, 64, 7, 7}, 256, 1, 1, {}),
      conv_case("depthwise", depthwise, {1, 12, 9, 33}, 12, 3, 3, {.x = DType::i8, .weights = DType::i8})};
  for (const gpu::Caps& caps : {gpu::Caps{}, cpu_caps(), small}) {
    for (const OpCase& op_case : cases) {
      std::map<std::string, ProblemFound> found;
      ASSERT_TRUE(lowered(op_case, caps, {nullptr, &found}));
      ASSERT_EQ(found.size(), 1u);
      const auto& [text, met] = *found.begin();
      size_t candidates = 0;
      for (const std::string& row : candidate_rows(met.problem, caps)) {
        std::vector<ConvTile> tiles = neighbouring_sizes(met.problem, caps, met.rule.tile);
        const size_t sizes = tiles.size();
        for (const ConvTile& tile : neighbouring_groups(met.problem, caps, met.rule.tile)) tiles.push_back(tile);
        EXPECT_GT(tiles.size(), sizes) << "no other groups";
        for (const ConvTile& tile : tiles) {
          Choices choices;
          ASSERT_TRUE(choices.set(text, {row, tile_for(row, tile, caps)}));
          const auto plan = lowered(op_case, caps, {&choices, nullptr});
          ASSERT_TRUE(plan) << plan.error().message;
          EXPECT_TRUE(conv_step(*plan).tuned) << to_string({row, tile});
          ++candidates;
        }
      }
      EXPECT_GE(candidates, 4u);
    }
  }
}

}  // namespace
}  // namespace nibble::test
