// Arithmetic of nibble-bench that needs no device.
#include <gtest/gtest.h>

#include "core/requantize.h"
#include "tools/bench_against.h"
#include "tools/bench_floors.h"
#include "tools/bench_matrix_model.h"
#include "tools/bench_probe.h"
#include "tools/bench_roofline.h"
#include "tools/bench_starts.h"
#include "tools/child_process.h"

namespace nibble::tools {
namespace {

Ceilings simple_ceilings() {
  Ceilings c;
  c.fp32 = 100e9;
  c.int8_dot = 200e9, c.int8_shift = 400e9, c.int8_f32 = 300e9;
  c.unpack_i8 = 10e9, c.unpack_i4 = 20e9;
  c.bandwidths = {{1000, 90e9, 80e9}, {100000, 10e9, 20e9}, {1000000, 8e9, 5e9}};
  c.dispatch_ns = 10, c.barrier_ns = 30;
  return c;
}

TEST(FloorTest, is_the_longest_part_and_a_dispatch) {
  const Ceilings c = simple_ceilings();
  StepWork work{.multiply_adds = 1000000, .bytes = 500};
  Floor floor = step_floor(c, work);
  EXPECT_DOUBLE_EQ(floor.ns, 20000 + 10);  // 2 million operations at 100 a nanosecond
  EXPECT_EQ(floor.bound, Bound::fp32);
  work.arithmetic = StepWork::Arithmetic::int8;
  work.waits = true;
  floor = step_floor(c, work);
  EXPECT_DOUBLE_EQ(floor.ns, 5000 + 30);  // the best of three ways
  EXPECT_EQ(floor.bound, Bound::int8);
  work.bytes = 1000000;
  floor = step_floor(c, work);
  EXPECT_DOUBLE_EQ(floor.ns, 125000 + 30);
  EXPECT_EQ(floor.bound, Bound::bandwidth);
}

TEST(FloorTest, unpacks_every_weight_at_least_once) {
  const StepWork work{.multiply_adds = 1000000, .unpacked_int8 = 0, .unpacked_int4 = 1000000};
  const Floor floor = step_floor(simple_ceilings(), work);
  EXPECT_DOUBLE_EQ(floor.ns, 100000 + 10);
  EXPECT_EQ(floor.bound, Bound::unpack);
}

TEST(FloorTest, small_steps_are_bound_by_their_dispatch) {
  const Floor floor = step_floor(simple_ceilings(), {.bytes = 90});
  EXPECT_DOUBLE_EQ(floor.ns, 1 + 10);
  EXPECT_EQ(floor.bound, Bound::dispatch);
}

TEST(FloorTest, fp16_without_a_ceiling_of_its_own_is_fp32) {
  Ceilings c = simple_ceilings();
  const StepWork work{.arithmetic = StepWork::Arithmetic::fp16, .multiply_adds = 1000000};
  EXPECT_DOUBLE_EQ(step_floor(c, work).ns, 20010);
  c.fp16 = 200e9;
  EXPECT_DOUBLE_EQ(step_floor(c, work).ns, 10010);
}

TEST(CeilingsTest, bandwidth_is_the_best_of_buffers_that_are_large_enough) {
  const Ceilings c = simple_ceilings();
  EXPECT_EQ(c.bandwidth(1), 90e9);
  EXPECT_EQ(c.bandwidth(1000), 90e9);
  EXPECT_EQ(c.bandwidth(1001), 20e9);
  EXPECT_EQ(c.bandwidth(100001), 8e9);
  EXPECT_EQ(c.bandwidth(1000000000), 8e9);
  EXPECT_EQ(c.copy(), 5e9);
  EXPECT_EQ(Ceilings{}.bandwidth(1), 0);
  EXPECT_EQ(step_floor(Ceilings{}, {.multiply_adds = 10, .bytes = 10}).ns, 0);
}

TEST(GrowingTest, works_until_a_run_takes_long_enough_and_keeps_the_shortest) {
  std::vector<uint32_t> asked;
  const auto run = [&](uint32_t rounds) -> Result<double> {
    asked.push_back(rounds);
    return 1000.0 * rounds + (asked.size() % 2 ? 500 : 0);
  };
  const auto amount = measure_growing(run, 1e6, 1u << 20);
  ASSERT_TRUE(amount);
  EXPECT_GE(amount->ns, 1e6);
  EXPECT_DOUBLE_EQ(amount->ns, 1000.0 * amount->rounds);
  EXPECT_GE(asked.size(), static_cast<size_t>(kLeastRepeats));
  EXPECT_EQ(asked.front(), 1u);
  const auto limited = measure_growing(run, 1e9, 100);
  ASSERT_TRUE(limited);
  EXPECT_EQ(limited->rounds, 100u);
  EXPECT_FALSE(measure_growing([](uint32_t) -> Result<double> { return Error{Code::device_lost, "gone"}; }, 1, 1));
}

TEST(JitterTest, compares_slow_runs_with_usual_ones) {
  std::vector<double> values(100, 2.0);
  EXPECT_DOUBLE_EQ(jitter(values), 1.0);
  values.insert(values.end(), 3, 4.0);
  EXPECT_DOUBLE_EQ(jitter(values), 2.0);
  EXPECT_EQ(jitter({}), 0.0);
}

MatrixRate rate_of(Product product, double ns) {
  MatrixRate rate;
  rate.product = product;
  rate.rows = rate.inputs = rate.outputs = 100;
  rate.ns = ns;
  return rate;
}

TEST(PrecisionGainTest, is_held_against_the_matrix_products) {
  Roofline roofline;
  roofline.gemm = {rate_of(Product::f32, 40), rate_of(Product::i8_i8, 10), rate_of(Product::i4_i8, 20)};
  EXPECT_DOUBLE_EQ(roofline.gemm_ratio(Product::i8_i8, Product::f32), 4);
  const auto gain = precision_gain(roofline, Product::f32, Product::i8_i8, 0.5);
  ASSERT_TRUE(gain);
  EXPECT_EQ(gain->fast, Product::i8_i8);
  EXPECT_DOUBLE_EQ(gain->ratio, 2);
  EXPECT_DOUBLE_EQ(*gain->share, 0.5);
  const auto turned = precision_gain(roofline, Product::i8_i8, Product::f32, 2);
  ASSERT_TRUE(turned);
  EXPECT_EQ(turned->slow, Product::f32);
  EXPECT_DOUBLE_EQ(turned->ratio, 2);
  const auto absent = precision_gain(roofline, Product::f32, Product::i4_f32, 0.5);
  ASSERT_TRUE(absent);
  EXPECT_FALSE(absent->share);
  EXPECT_FALSE(precision_gain(roofline, Product::f32, Product::f32, 0.5));
  EXPECT_FALSE(precision_gain(roofline, std::nullopt, Product::f32, 0.5));
}

TEST(MatrixValueTest, agrees_with_sums_by_hand) {
  MatrixLayer layer;
  layer.inputs = 33, layer.outputs = 1;
  layer.whole.assign(33, 2);
  layer.whole[32] = 5;
  const FixedMultiplier half = fixed_multiplier(0.5);
  layer.multiplier = half.multiplier, layer.shift = half.shift;
  std::vector<int8_t> x(33, 1);
  EXPECT_EQ(matrix_value(layer, Product::i8_i8, x.data(), 0), 35);  // (32 * 2 + 5) / 2, half away from zero
  layer.multipliers = {1, 10};
  EXPECT_EQ(matrix_value(layer, Product::i4_i8, x.data(), 0), 57);  // (32 * 2 * 1 + 5 * 10) / 2
  layer.scale = 0.25f;
  const std::vector<float> real(33, 1.0f);
  EXPECT_EQ(matrix_value(layer, Product::i4_f32, real.data(), 0), 28.5);
}

TEST(AgainstTest, reads_turns_and_refuses_what_is_none) {
  BuildRuns runs;
  runs.program = "old";
  ASSERT_TRUE(add_turn(runs, "a warning\n{\"version\": \"1.2\", \"models\": [{\"runs_ms\": [3, 1, 2]}]}\n"));
  EXPECT_EQ(runs.turn_ms, std::vector<double>{2});
  EXPECT_EQ(runs.run_ms.size(), 3u);
  EXPECT_EQ(runs.version, "1.2");
  for (const char* text :
       {"", "{", "}{", "{}", "[]", "{\"models\": []}", "{\"models\": [3]}", "{\"models\": [{\"runs_ms\": []}]}",
        "{\"models\": [{\"runs_ms\": [\"1\"]}]}", "{\"models\": [{\"runs_ms\": [0]}]}"}) {
    EXPECT_FALSE(add_turn(runs, text)) << text;
  }
  EXPECT_EQ(runs.turn_ms.size(), 1u);
}

TEST(AgainstTest, gives_both_builds_what_the_user_asked_for) {
  BenchOptions options;
  options.models = {"net.nbl"};
  options.dims = {"N=4"};
  options.device.options.select = "1";
  const std::vector<std::string> expected = {"net.nbl", "--dim", "N=4",      "--runs", "10",         "--warmup", "2",
                                             "--seed",  "1",     "--device", "1",      "--no-steps", "--json",   "-"};
  EXPECT_EQ(turn_arguments(options), expected);
}

TEST(ChildProcessTest, ends_a_program_that_writes_without_end) {
  const auto endless = run_child("/usr/bin/yes", {}, 100000);
  ASSERT_FALSE(endless);
  EXPECT_NE(endless.error().message.find("100000"), std::string::npos);
  const auto fine = run_child("/bin/echo", {"a", "b"}, 100);
  ASSERT_TRUE(fine) << fine.error().message;
  EXPECT_EQ(fine->code, 0);
  EXPECT_EQ(fine->output, "a b\n");
}

TEST(Starts, are_read_from_what_the_tool_writes) {
  const std::string runs = "\"runs_ms\": [9, 9, 9, 9, 9, 9, 9, 9, 4]";
  const std::string cold =
      R"("cold_start_ms": {"read": 1, "plan": 2, "pipelines": 3, "upload": 4, "session": 5, "first_run": 6, "processor": 8})";
  const auto text = [](const std::string& model) {
    return "a line\n{\"open_device_ms\": 7, \"models\": [{" + model + "}]}\n";
  };
  const auto start = read_start(text(cold + ", " + runs));
  ASSERT_TRUE(start) << start.error().message;
  EXPECT_EQ(start->total(), 28);
  EXPECT_EQ(start->tenth_run, 4);
  for (const std::string& bad : {std::string(), std::string("{}"), std::string("}{"), text(cold), text(runs),
                                 text(cold + ", \"runs_ms\": [1]"), text("\"cold_start_ms\": 3, " + runs)}) {
    EXPECT_FALSE(read_start(bad)) << bad;
  }
}

TEST(Starts, have_each_figures_median) {
  std::vector<StartTimes> starts(3);
  for (size_t i = 0; i < 3; ++i) starts[i].read = static_cast<double>(i * i), starts[i].first_run = 5;
  EXPECT_EQ(median_start(starts).read, 1);
  EXPECT_EQ(median_total(starts), 6);
  for (size_t i = 0; i < 3; ++i) starts[i].plan = i == 0 ? 30 : 0;
  EXPECT_EQ(median_start(starts).total(), 6);
  EXPECT_EQ(median_total(starts), 9) << "of 35, 6 and 9";
}

}  // namespace
}  // namespace nibble::tools
