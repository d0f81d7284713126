#include "nibble/tune.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "gpu/cache_file.h"
#include "networks.h"
#include "runtime/session_state.h"
#include "session_fixture.h"

namespace nibble::test {
namespace {

using namespace std::chrono_literals;

class TuneTest : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Device open() {
    auto device = Device::create({.pipeline_cache = path_});
    EXPECT_TRUE(device) << device.error().message;
    return std::move(device).value();
  }
  static Model model_of(Graph graph) {
    auto made = make_model(std::move(graph));
    EXPECT_TRUE(made) << made.error().message;
    return std::move(made).value();
  }
  std::string content() const {
    std::stringstream out;
    out << std::ifstream(path_, std::ios::binary).rdbuf();
    return out.str();
  }
  void overwrite(const std::string& bytes) const { std::ofstream(path_, std::ios::binary) << bytes; }
  // Tunes and keeps it.
  std::string folder_ = [] {
    std::string folder = testing::TempDir() + "nibble_tune_XXXXXX";
    return std::string(mkdtemp(folder.data()));
  }();
  std::string path_ = folder_ + "/cache.bin";
};

template <class T>
std::vector<T> run_once(const Device& device, const Model& model, bool tuned, std::string* plan = nullptr) {
  auto session = Session::create(device, model, {.tuned = tuned});
  EXPECT_TRUE(session) << session.error().message;
  std::vector<T> input;
  for (size_t i = 0; i < session->inputs()[0].elements(); ++i) {
    input.push_back(static_cast<T>((static_cast<int>(i * 37 % 251) - 125) / (sizeof(T) == 1 ? 1 : 64.0)));
  }
  expect_ok(session->write("", std::span<const T>(input)));
  expect_ok(session->run());
  std::vector<T> output(session->outputs()[0].elements());
  expect_ok(session->read("", std::span<T>(output)));
  if (plan) *plan = session->plan_text();
  return output;
}

std::map<std::string, ProblemFound> problems_of(const Device& device, const Model& model) {
  std::map<std::string, ProblemFound> found;
  const auto plan = make_plan(model.state()->graph, device.state()->caps(), {.tuning = {nullptr, &found}});
  EXPECT_TRUE(plan) << plan.error().message;
  return found;
}

// Every row, at the first and the last of the tiles next to the rule's: compiling all would take minutes.
template <class T>
void expect_the_same_from_all_candidates(const Device& device, const Model& model) {
  const gpu::Caps& caps = device.state()->caps();
  const std::vector<T> untuned = run_once<T>(device, model, false);
  size_t candidates = 0;
  for (const auto& [text, found] : problems_of(device, model)) {
    for (const std::string& row : candidate_rows(found.problem, caps)) {
      const std::vector<ConvTile> tiles =
          neighbouring_sizes(seen_by(row, found.problem), caps, first_tile(found, row, caps));
      ASSERT_FALSE(tiles.empty());
      for (const ConvTile& tile : {tiles.front(), tiles.back()}) {
        Choices choices;
        ASSERT_TRUE(choices.set(text, {row, tile_for(row, tile, caps)}));
        expect_ok(device.state()->tuning.add(device.state()->gpu, choices));
        std::string plan;
        EXPECT_EQ(run_once<T>(device, model, true, &plan), untuned) << to_string({row, tile_for(row, tile, caps)});
        EXPECT_NE(plan.find("| tuned"), std::string::npos) << plan;
        EXPECT_NE(plan.find(row), std::string::npos) << plan;
        ++candidates;
      }
    }
  }
  EXPECT_GT(candidates, 1u);
}

TEST_F(TuneTest, all_candidates_give_the_same_bits) {
  const Device device = open();
  expect_the_same_from_all_candidates<int8_t>(device, model_of(integer_network()));
  expect_the_same_from_all_candidates<float>(device, model_of(residual_network()));
}

TEST_F(TuneTest, measures_each_problem_once_and_changes_no_results) {
  const Device device = open();
  const Model model = model_of(residual_network());
  const std::vector<float> before = run_once<float>(device, model, true);
  size_t calls = 0;
  TuneOptions options{.time_limit = 60s, .progress = [&](const TuneProgress& p) {
                        EXPECT_LE(p.done, p.total);
                        ++calls;
                      }};
  const auto report = tune(device, model, options);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->problems, 2u);
  ASSERT_EQ(report->steps.size(), 2u);
  EXPECT_EQ(calls, 3u);
  EXPECT_EQ(report->not_reached, 0u);
  for (const TunedStep& step : report->steps) {
    EXPECT_GT(step.tried, 1u) << step.label;
    EXPECT_GT(step.untuned_us, 0) << step.label;
    EXPECT_LE(step.chosen_us, step.untuned_us) << step.label;
    EXPECT_EQ(step.chosen == step.untuned, step.chosen_us == step.untuned_us) << step.label;
  }
  EXPECT_GT(report->untuned_ms, 0);
  EXPECT_GT(report->tuned_ms, 0);
  EXPECT_EQ(run_once<float>(device, model, true), before);

  if (!report->kept) GTEST_SKIP() << "the machine was too noisy for anything to be kept";
  const auto second = tune(device, model, options);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->known, 2u);
  EXPECT_TRUE(second->steps.empty());
  options.again = true;
  const auto third = tune(device, model, options);
  ASSERT_TRUE(third) << third.error().message;
  EXPECT_EQ(third->steps.size(), 2u);
}

TEST_F(TuneTest, no_time_leaves_everything_as_it_was) {
  const Device device = open();
  const Model model = model_of(integer_network());
  const auto report = tune(device, model, {.time_limit = 0s});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->problems, 1u);
  EXPECT_EQ(report->not_reached, 1u);
  EXPECT_TRUE(report->steps.empty());
  EXPECT_EQ(device.cache_state().tuned, 0u);
}

TEST_F(TuneTest, a_network_without_choices_is_no_error) {
  const Device device = open();
  const auto report = tune(device, model_of(identity_network(DType::f32, {4})));
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->problems, 0u);
}

TEST_F(TuneTest, unknown_dimensions_are_refused) {
  const auto report = tune(open(), model_of(residual_network()), {.dims = {{"no_such", 2}}});
  ASSERT_FALSE(report);
  EXPECT_NE(report.error().message.find("no_such"), std::string::npos) << report.error().message;
}

// What tuning might have found: the tile next to the rule's.
void store_choices(const Device& device, const Model& model) {
  Choices choices;
  for (const auto& [text, found] : problems_of(device, model)) {
    const auto tiles =
        neighbouring_sizes(seen_by(found.rule.kernel, found.problem), device.state()->caps(), found.rule.tile);
    ASSERT_FALSE(tiles.empty());
    ASSERT_TRUE(choices.set(text, {found.rule.kernel, tiles[0]}));
  }
  expect_ok(device.state()->tuning.add(device.state()->gpu, choices));
}

TEST_F(TuneTest, two_programs_that_tune_with_one_file_keep_what_both_found) {
  const Model integers = model_of(integer_network()), floats = model_of(residual_network());
  size_t both = 0;
  {
    const Device first = open(), second = open();
    store_choices(first, integers);
    store_choices(second, floats);
    both = problems_of(first, integers).size() + problems_of(second, floats).size();
    expect_ok(first.save_pipeline_cache());
    expect_ok(second.save_pipeline_cache());
  }
  EXPECT_EQ(open().cache_state().tuned, both);
}

TEST_F(TuneTest, the_next_start_uses_what_was_kept) {
  const Model model = model_of(integer_network());
  { store_choices(open(), model); }  // the last user of the device goes and the file is written
  const Device device = open();
  EXPECT_EQ(device.cache_state().tuned, 1u);
  EXPECT_EQ(device.cache_state().ignored, "");
  std::string plan;
  const auto tuned = run_once<int8_t>(device, model, true, &plan);
  EXPECT_NE(plan.find("| tuned"), std::string::npos) << plan;
  EXPECT_EQ(run_once<int8_t>(device, model, false, &plan), tuned);
  EXPECT_EQ(plan.find("| tuned"), std::string::npos) << plan;
}

TEST_F(TuneTest, tuning_of_another_driver_or_other_kernels_is_ignored_and_said) {
  const Model model = model_of(integer_network());
  store_choices(open(), model);
  auto records = gpu::unpack_cache_file(content());
  ASSERT_TRUE(records) << records.error().message;
  const auto is_tuning = [](const gpu::CacheRecord& r) { return r.kind == gpu::CacheRecord::Kind::tuning; };
  const auto tuning = std::find_if(records->begin(), records->end(), is_tuning);
  ASSERT_NE(tuning, records->end());
  const gpu::CacheRecord good = *tuning;
  const auto expect_ignored = [&](const gpu::CacheRecord& record, const std::string& why) {
    *tuning = record;
    overwrite(gpu::pack_cache_file(*records));
    const Device device = open();
    EXPECT_EQ(device.cache_state().tuned, 0u);
    EXPECT_NE(device.cache_state().ignored.find(why), std::string::npos) << device.cache_state().ignored;
    std::string plan;
    run_once<int8_t>(device, model, true, &plan);
    EXPECT_EQ(plan.find("| tuned"), std::string::npos) << plan;
  };
  gpu::CacheRecord other = good;
  ++other.identity.driver_version;
  expect_ignored(other, "driver version");
  other = good;
  ++other.kernels;
  expect_ignored(other, "other kernels");
  other = good;
  other.data = "nibble tuning 2\nconv2d no sizes\n";
  expect_ignored(other, "line 2");
  overwrite("NBLPIPE2 damaged");
  EXPECT_NE(open().cache_state().ignored.find(path_), std::string::npos);
  overwrite(gpu::pack_cache_file(std::vector{good}));
  EXPECT_EQ(open().cache_state().ignored, "");
}

TEST_F(TuneTest, a_place_that_cannot_be_written_is_an_error_of_saving) {
  path_ = folder_ + "/no/such/folder/cache.bin";
  const Device device = open();
  ASSERT_TRUE(tune(device, model_of(integer_network()), {.time_limit = 1s}));
  const Status saved = device.save_pipeline_cache();
  ASSERT_FALSE(saved);
  EXPECT_NE(saved.error().message.find(path_), std::string::npos) << saved.error().message;
}

}  // namespace
}  // namespace nibble::test
