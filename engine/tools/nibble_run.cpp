// nibble-run: runs a .nbl network on pictures or arrays and shows what comes out.
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "core/text.h"
#include "core/try.h"
#include "nibble/nibble.h"
#include "tools/picture_drawing.h"
#include "tools/run_files.h"
#include "tools/run_inputs.h"
#include "tools/run_options.h"
#include "tools/run_results.h"
#include "tools/tool_program.h"

namespace nibble::tools {
namespace {

using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

struct Times {
  double load = 0, prepare = 0, first = 0;
  size_t places = 1;         // samples in a run
  std::vector<double> runs;  // in ms, the first left out where there are more
};

struct Work {
  const RunOptions& options;
  const Model& model;
  const Meaning& meaning;
  const Feeds& feeds;
  Times times;
  bool softmax_said = false;
};

Status run_session(Session& session, int repeat, Times& times) {
  std::vector<double> runs;
  for (int i = 0; i < repeat; ++i) {
    const auto start = Clock::now();
    NBL_CHECK(session.run());
    runs.push_back(ms_since(start));
  }
  if (times.runs.empty()) {
    times.first = runs.front();
    if (repeat > 1) runs.erase(runs.begin());
  }
  times.runs.insert(times.runs.end(), runs.begin(), runs.end());
  return {};
}

// The output that holds scores of classes, or null where none is meant.
Result<const Output*> class_output(const Work& work, const std::vector<Output>& outputs, size_t places) {
  const RunOptions& o = work.options;
  const bool other_things = work.meaning.detection || !o.output_image.empty();
  const bool nothing_known = work.feeds.pictures == 0 && work.meaning.classes.empty();
  if (!o.top && (other_things || nothing_known)) return nullptr;
  if (!o.output.empty()) {
    NBL_TRY(const Output* chosen, find_output(outputs, o.output));
    if (class_count(*chosen, places) > 0) return chosen;
  } else {
    for (const Output& output : outputs) {
      if (class_count(output, places) > 0) return &output;
    }
  }
  if (!o.top) return nullptr;
  std::string names;
  for (const Output& output : outputs) names += summary_text(output);
  return Error{Code::invalid_argument, "--top needs an output with one score a class, the model has " + names};
}

// The input that takes the picture; the first where there are only arrays.
const TensorInfo& picture_input(const Work& work, const Session& session) {
  for (const Feed& feed : work.feeds.feeds) {
    if (!feed.pictures.empty()) return session.inputs()[feed.input];
  }
  return session.inputs()[0];
}

Result<std::string> results_text(Work& work, const std::vector<Output>& outputs, const Session& session,
                                 const Batch& batch, const std::vector<Sample>& samples) {
  std::string text;
  NBL_TRY(const Output* scores, class_output(work, outputs, batch.places));
  const size_t count = samples.empty() ? batch.places : samples.size();
  const bool boxes = work.meaning.detection && !work.options.top;
  if (!scores && !boxes) {
    for (const Output& output : outputs) text += summary_text(output);
    return text;
  }
  for (size_t i = 0; i < count; ++i) {
    const media::Image* picture = samples.empty() ? nullptr : &samples[i].picture;
    if (picture) text += printable(samples[i].name) + "\n";
    if (boxes) {
      NBL_TRY(const auto found,
              find_boxes(outputs, picture_input(work, session), i, batch.places, work.meaning, picture));
      text += boxes_text(found, work.meaning);
      if (!picture) text += "  (in pixels of the network's input)\n";
      continue;
    }
    bool softmax = false;
    const auto top = static_cast<size_t>(work.options.top.value_or(5));
    text += classes_text(part_of(*scores, i, batch.places), work.meaning, top, softmax);
    if (work.softmax_said) continue;
    work.softmax_said = true;
    text += format("  (scores are %s of output '%s')\n", softmax ? "the softmax" : "the values",
                   printable(scores->info.name).c_str());
  }
  return text;
}

Result<media::Image> result_picture(const Work& work, const std::vector<Output>& outputs, const Session& session,
                                    const Batch& batch, const std::vector<Sample>& samples) {
  const TensorInfo& input = picture_input(work, session);
  const media::Image* picture = samples.empty() ? nullptr : &samples[0].picture;
  if (work.meaning.detection && work.options.output.empty()) {
    if (!picture) return Error{Code::invalid_argument, "--output-image draws boxes into a picture: give one as input"};
    NBL_TRY(const auto boxes, find_boxes(outputs, input, 0, batch.places, work.meaning, picture));
    media::Image drawn = *picture;
    draw_boxes(drawn, boxes);
    return drawn;
  }
  if (!work.options.output.empty()) {
    NBL_TRY(const Output* chosen, find_output(outputs, work.options.output));
    return output_picture(*chosen, work.meaning, picture, input);
  }
  std::optional<Error> first;
  for (const Output& output : outputs) {
    auto image = output_picture(output, work.meaning, picture, input);
    if (image) return image;
    if (!first) first = image.error();
  }
  return first.value_or(Error{Code::invalid_argument, "the model has no outputs"});
}

// "wrote PATH" lines.
Result<std::string> write_files(const Work& work, const std::vector<Output>& outputs, const Session& session,
                                const Batch& batch, const std::vector<Sample>& samples) {
  RunFiles files;
  if (!work.options.output_dir.empty()) NBL_CHECK(files.add_outputs(work.options.output_dir, outputs));
  if (!work.options.output_image.empty()) {
    NBL_TRY(const media::Image image, result_picture(work, outputs, session, batch, samples));
    NBL_CHECK(files.add_picture(work.options.output_image, image));
  }
  NBL_CHECK(files.commit());
  std::string text;
  for (const std::string& path : files.paths()) text += "wrote " + printable(path) + "\n";
  return text;
}

Status print_profile(const Session& session) {
  NBL_TRY(const std::vector<StepTime> steps, session.profile());
  if (steps.empty()) {
    std::printf("profile: this device has no timestamps\n");
    return {};
  }
  double total = 0;
  for (const StepTime& step : steps) total += static_cast<double>(step.ns);
  std::printf("%10s  %6s  %-28s  %s\n", "time", "share", "kernel", "step");
  for (const StepTime& step : steps) {
    const auto ns = static_cast<double>(step.ns);
    std::printf("%10s  %5.1f%%  %-28s  %s\n", time_text(ns / 1e6).c_str(), total > 0 ? 100 * ns / total : 0.0,
                step.kernel.c_str(), printable(step.label).c_str());
  }
  std::printf("%10s  on the device, %zu steps\n", time_text(total / 1e6).c_str(), steps.size());
  return {};
}

void print_times(const Times& times, const Device& device, const Session& session) {
  std::vector<double> runs = times.runs;
  std::sort(runs.begin(), runs.end());
  const size_t middle = runs.size() / 2;
  const double median = runs.size() % 2 == 1 ? runs[middle] : (runs[middle - 1] + runs[middle]) / 2;
  std::string run =
      time_text(median) + (times.places > 1 ? format(" a run of %zu", times.places) : std::string(" a run"));
  if (runs.size() > 1)
    run += format(" (median of %zu, the first took %s)", runs.size(), time_text(times.first).c_str());
  std::printf("time: %s; loading %s, inputs %s\n", run.c_str(), time_text(times.load).c_str(),
              time_text(times.prepare).c_str());
  std::printf("device: %s, %s of its memory\n", printable(device.name()).c_str(),
              bytes_text(session.memory().total()).c_str());
}

// What needs one run must be asked of one run.
Status check_single_run(const Work& work, const Batch& first) {
  const RunOptions& o = work.options;
  if (!o.output_image.empty() && (work.feeds.pictures > 1 || first.places > 1)) {
    return Error{Code::invalid_argument, "--output-image needs one picture and a batch of one"};
  }
  if (!o.output_dir.empty() && first.count < work.feeds.pictures) {
    return Error{Code::invalid_argument,
                 format("--output-dir holds the outputs of one run, which takes %zu of the %zu pictures", first.count,
                        work.feeds.pictures)};
  }
  return {};
}

Status run_batches(Work& work, const Device& device) {
  const auto parsed = parse_dims(work.options.dims);
  if (!parsed) return parsed.error();
  NBL_TRY(Batch batch, next_batch(work.model, work.feeds, 0, *parsed, work.meaning.preprocessing));
  NBL_CHECK(check_single_run(work, batch));
  const auto start = Clock::now();
  SessionOptions options;
  options.dims = batch.dims;
  options.profile = work.options.profile;
  NBL_TRY(Session session, Session::create(device, work.model, options));
  work.times.load += ms_since(start);
  work.times.places = batch.places;
  for (;;) {
    const auto prepare = Clock::now();
    NBL_TRY(const std::vector<Sample> samples, write_inputs(session, work.feeds, batch, work.meaning.preprocessing));
    work.times.prepare += ms_since(prepare);
    NBL_CHECK(run_session(session, work.options.repeat, work.times));
    NBL_TRY(const std::vector<Output> outputs, read_outputs(session));
    // All that can fail comes before the first file.
    NBL_TRY(const std::string text, results_text(work, outputs, session, batch, samples));
    NBL_TRY(const std::string files, write_files(work, outputs, session, batch, samples));
    std::fputs((text + files).c_str(), stdout);
    std::fflush(stdout);
    const size_t next = batch.first + batch.count;
    if (next >= work.feeds.pictures) break;
    const auto before = batch.dims;
    NBL_TRY(batch, next_batch(work.model, work.feeds, next, *parsed, work.meaning.preprocessing));
    if (batch.dims != before) NBL_CHECK(session.bind_dims(batch.dims));
  }
  if (work.options.profile) NBL_CHECK(print_profile(session));
  print_times(work.times, device, session);
  return {};
}

Status run(const RunOptions& options) {
  if (options.device.list) return print_devices();
  if (options.model.empty()) {
    return Error{Code::invalid_argument, "which .nbl file? (nibble-run --help shows the options)"};
  }
  const auto start = Clock::now();
  NBL_TRY(const Model model, Model::load(options.model));
  const double loaded = ms_since(start);
  NBL_TRY(const Meaning meaning, read_meaning(model, options.preprocess));
  NBL_TRY(const Feeds feeds, open_feeds(model, options.inputs));
  const auto opening = Clock::now();
  NBL_TRY(const Device device, open_device(options.device));
  Work work{options, model, meaning, feeds, {}, false};
  work.times.load = loaded + ms_since(opening);
  NBL_CHECK(run_batches(work, device));
  return close_device(device);
}

}  // namespace
}  // namespace nibble::tools

int main(int argc, char** argv) {
  nibble::tools::RunOptions options;
  if (const auto code = nibble::tools::parse_run_options(argc, argv, options)) return *code;
  return nibble::tools::run_tool("nibble-run", [&] { return nibble::tools::run(options); });
}
