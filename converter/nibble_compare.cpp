// nibble-compare: how far a .nbl file is from the network that it was made of.
#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "converter/compare_options.h"
#include "converter/onnx/cut.h"
#include "converter/onnx/import.h"
#include "converter/passes/pass.h"
#include "converter/report/comparison.h"
#include "converter/report/sample_values.h"
#include "converter/tool_main.h"
#include "core/text.h"
#include "core/try.h"
#include "graph/cost.h"
#include "media/atomic_file.h"
#include "media/preprocess_plan.h"
#include "media/progress.h"
#include "media/read_file.h"
#include "runtime/model_internal.h"

namespace nibble {
namespace {

using report::ComparedNetwork;
using report::RealTensor;
using report::RunResult;

// What is asked for, opened.
struct Job {
  CompareOptions options;
  std::unique_ptr<ComparedNetwork> reference;
  std::unique_ptr<report::StoredNetwork> stored;
  media::Preprocessing preprocessing;
  std::optional<media::Detection> detection;
  std::optional<media::TrueBoxes> true_boxes;
  media::SampleSet samples;
  bool any_true_box = false;
};

bool is_nbl(const std::string& path) { return path.ends_with(".nbl"); }

std::string meta(const Model& model, const char* key) {
  const auto found = model.metadata().find(key);
  return found == model.metadata().end() ? "" : found->second;
}

// From the command line (a file), else from the .nbl file.
Result<media::Preprocessing> find_preprocessing(const CompareOptions& o, const Model& model) {
  if (!o.preprocess.empty()) return media::read_preprocessing(o.preprocess);
  const std::string text = meta(model, "preprocess");
  if (text.empty()) return media::Preprocessing{};
  auto parsed = media::parse_preprocessing(text);
  if (!parsed) return std::move(parsed).error().with_context(o.model + ": preprocess");
  return parsed;
}

Result<std::optional<media::Detection>> find_detection(const CompareOptions& o, const Model& model) {
  std::string text = o.detection.empty() ? meta(model, "detection") : o.detection;
  if (text.empty()) return std::optional<media::Detection>();
  if (!o.detection.empty() && text.find('{') == std::string::npos) {
    NBL_TRY(const std::vector<uint8_t> bytes, media::read_file(o.detection, 1 << 20));
    text.assign(bytes.begin(), bytes.end());
  }
  auto parsed = media::parse_detection(text);
  if (!parsed)
    return std::move(parsed).error().with_context((o.detection.empty() ? o.model : std::string("--detection")) +
                                                  ": detection");
  return std::optional<media::Detection>(*std::move(parsed));
}

Result<uint64_t> file_bytes(const std::string& path) {
  std::error_code failed;
  const auto size = std::filesystem::file_size(path, failed);
  if (failed) return Error{Code::io, path + ": " + failed.message()};
  return static_cast<uint64_t>(size);
}

// Passes as the .nbl file's network went through, so that tensors keep the same names.
bool has_integer_activations(const Graph& graph) {
  return std::any_of(graph.tensors.begin(), graph.tensors.end(),
                     [](const Tensor& t) { return !t.is_constant() && t.desc.type == DType::i8; });
}

Result<std::unique_ptr<ComparedNetwork>> open_reference(const CompareOptions& o, const Device& device,
                                                        const Model& stored,
                                                        const media::Preprocessing& preprocessing) {
  if (is_nbl(o.reference)) {
    NBL_TRY(Model model, Model::load(o.reference));
    return std::unique_ptr<ComparedNetwork>(
        std::make_unique<report::StoredNetwork>(std::move(model), device, preprocessing));
  }
  // A network that was cut (nibble-convert --outputs) is compared with the same part of its reference.
  std::vector<std::string> outputs;
  const Graph& converted = stored.state()->graph;
  for (TensorId id : converted.outputs) outputs.push_back(converted.desc(id).name);
  NBL_TRY(onnx_import::Model model, onnx_import::read(o.reference));
  if (onnx_import::has_tensors(model, outputs)) NBL_CHECK(onnx_import::end_at(model, outputs));
  NBL_TRY(onnx_import::Imported imported, onnx_import::import_model(model, o.dims));
  if (!imported.obstacles.empty()) {
    return Error{Code::unsupported_op,
                 format("'%s' cannot be run, %zu obstacle(s):\n", o.reference.c_str(), imported.obstacles.size()) +
                     onnx_import::describe(imported.obstacles)};
  }
  NBL_CHECK(passes::run(imported.graph, {.integer_activations = has_integer_activations(stored.state()->graph)}));
  const bool on_device = o.reference_executor == "device";
  return std::unique_ptr<ComparedNetwork>(std::make_unique<report::FloatNetwork>(
      std::move(imported.graph), on_device ? std::optional<Device>(device) : std::nullopt, preprocessing));
}

Status open_data(Job& job) {
  const CompareOptions& o = job.options;
  media::SampleOptions sample_options{o.skip, o.samples, {}};
  const Graph& network = job.stored->graph();
  for (TensorId id : network.inputs) sample_options.input_names.push_back(network.desc(id).name);
  NBL_TRY(job.samples, media::open_samples(o.data, sample_options));
  if (job.samples.size() == 0)
    return Error{Code::not_found, o.data + ": no samples are left after --skip and --samples"};
  if (!o.labels.empty()) NBL_CHECK(job.samples.set_labels(o.labels));
  if (o.task == report::Task::detect && !job.detection) {
    return Error{Code::invalid_argument, "the task detect needs a decoder: give --detection, or convert with it"};
  }
  if (!o.boxes.empty()) {
    if (!job.detection)
      return Error{Code::invalid_argument, "--boxes needs a detector's decoder: give --detection, or convert with it"};
    NBL_TRY(job.true_boxes, media::read_boxes_tsv(o.boxes));
  }
  return {};
}

// The other network's outputs in the order of the reference's, on the same ground.
Status pair_outputs(const Job& job, const std::vector<RealTensor>& reference, std::vector<RealTensor>& other) {
  if (reference.size() != other.size()) {
    return Error{Code::invalid_argument, format("the reference has %zu outputs, %s has %zu", reference.size(),
                                                job.options.model.c_str(), other.size())};
  }
  for (size_t i = 0; i < reference.size(); ++i) {
    const auto same_name = [&](const RealTensor& t) { return t.name == reference[i].name; };
    const auto found = std::find_if(other.begin() + static_cast<std::ptrdiff_t>(i), other.end(), same_name);
    if (found == other.end()) {
      return Error{Code::invalid_argument,
                   job.options.model + " has no output '" + reference[i].name + "', which the reference has"};
    }
    std::swap(other[i], *found);
    if (other[i].shape != reference[i].shape) {
      return Error{
          Code::invalid_argument,
          format("output '%s' has shape %s in the reference and %s in %s", reference[i].name.c_str(),
                 to_string(Shape(reference[i].shape.begin(), reference[i].shape.end())).c_str(),
                 to_string(Shape(other[i].shape.begin(), other[i].shape.end())).c_str(), job.options.model.c_str())};
    }
  }
  return {};
}

// Where one side gives pixels and the other numbers, both become numbers.
void unpixel(const media::Preprocessing& p, std::vector<RealTensor>& a, std::vector<RealTensor>& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    const bool pixels_a = report::holds_pixels(a[i].type, a[i].quantized),
               pixels_b = report::holds_pixels(b[i].type, b[i].quantized);
    if (pixels_a == pixels_b) continue;
    report::pixels_to_values(p, pixels_a ? a[i].values : b[i].values);
  }
}

Status score_boxes(Job& job, size_t sample, const std::vector<int64_t>& shape, const std::vector<RealTensor>& reference,
                   const std::vector<RealTensor>& other, report::BoxScores& scores) {
  if (shape.size() != 4)
    return Error{Code::invalid_argument, "detection needs an input of rank 4, [N, C, H, W] or [N, H, W, C]"};
  const bool nhwc = media::deduce_layout(job.preprocessing.layout, shape) == media::Layout::nhwc;
  const media::Size input{static_cast<int>(shape[nhwc ? 1 : 2]), static_cast<int>(shape[nhwc ? 2 : 3])};
  NBL_CHECK(scores.add(reference, other, input));
  if (!job.true_boxes) return {};
  if (job.samples.kind(sample) != media::SampleSet::Kind::image)
    return Error{Code::invalid_argument, "--boxes needs pictures as samples"};
  NBL_TRY(const media::Image image, job.samples.image(sample));
  NBL_TRY(const media::PixelMap map, media::pixel_map(job.preprocessing, image, shape));
  const auto* truth = media::find_true_boxes(*job.true_boxes, job.samples.name(sample));
  job.any_true_box = job.any_true_box || truth;
  return scores.add_truth(reference, other, input, map, truth ? *truth : std::vector<media::TrueBox>{});
}

Status begin_scores(const Job& job, const std::vector<int64_t>& input, const std::vector<RealTensor>& outputs,
                    report::Comparison& out) {
  if (outputs.empty()) return Error{Code::invalid_argument, "the networks have no outputs"};
  out.task_was_guessed = !job.options.task;
  out.task = job.options.task.value_or(
      report::guess_task(job.detection.has_value(), input, outputs[0].shape, job.preprocessing));
  for (const RealTensor& output : outputs) out.outputs.push_back({output.name, {}});
  if (out.task == report::Task::detect && job.detection) out.boxes.emplace(*job.detection);
  if (out.task == report::Task::segment) out.masks.emplace();
  if (out.task == report::Task::image) out.pictures.emplace();
  return {};
}

Status score_sample(Job& job, size_t sample, const std::vector<int64_t>& input, std::vector<RealTensor> reference,
                    std::vector<RealTensor> other, report::Comparison& out) {
  NBL_CHECK(pair_outputs(job, reference, other));
  unpixel(job.preprocessing, reference, other);
  if (out.samples == 0) NBL_CHECK(begin_scores(job, input, reference, out));
  ++out.samples;
  for (size_t i = 0; i < reference.size(); ++i) out.outputs[i].sums.add(reference[i].values, other[i].values);
  std::optional<int> label = job.samples.label(sample);
  if (label) *label += job.preprocessing.label_offset;
  NBL_CHECK(out.classes.add(reference[0], other[0], label));
  if (out.boxes) NBL_CHECK(score_boxes(job, sample, input, reference, other, *out.boxes));
  if (out.masks) {
    NBL_CHECK(
        out.masks->add(reference[0], other[0], report::output_layout(job.preprocessing, input, reference[0].shape)));
  }
  if (out.pictures) NBL_CHECK(out.pictures->add(reference[0], other[0], job.preprocessing));
  return {};
}

Result<report::SampleValues> bind_sample(Job& job, size_t i) {
  NBL_TRY(report::SampleValues sample,
          report::sample_values(job.reference->graph(), job.stored->graph(), job.samples, i, job.preprocessing));
  NBL_CHECK(job.reference->bind(sample.reference_dims));
  NBL_CHECK(job.stored->bind(sample.stored_dims));
  return sample;
}

void keep_all(Job& job, bool keep) {
  job.stored->keep_all(keep);
  if (auto* engine = dynamic_cast<report::StoredNetwork*>(job.reference.get())) engine->keep_all(keep);
}

Status compare_layers(Job& job, report::Comparison& out) {
  out.layer_samples = std::min(job.options.layer_samples, job.samples.size());
  if (out.layer_samples == 0) return {};
  keep_all(job, true);
  report::LayerErrors errors(job.reference->graph(), job.stored->graph());
  media::Progress progress("comparing tensors", out.layer_samples);
  for (size_t i = 0; i < out.layer_samples; ++i) {
    NBL_TRY(const report::SampleValues sample, bind_sample(job, i));
    NBL_CHECK(errors.add(*job.reference, *job.stored, sample.values));
    progress.advance();
  }
  progress.finish();
  keep_all(job, false);
  out.layers = errors.layers();
  return {};
}

Status compare_outputs(Job& job, report::Comparison& out) {
  media::Progress progress("comparing", job.samples.size());
  for (size_t i = 0; i < job.samples.size(); ++i) {
    NBL_TRY(const report::SampleValues sample, bind_sample(job, i));
    NBL_TRY(RunResult reference, job.reference->run(sample.values, {}));
    NBL_TRY(RunResult stored, job.stored->run(sample.values, {}));
    out.reference.times.add(reference.seconds, reference.first);
    out.stored.times.add(stored.seconds, stored.first);
    const std::vector<int64_t> input = sample.values.empty() ? std::vector<int64_t>{} : sample.values[0].shape;
    Status scored = score_sample(job, i, input, std::move(reference.outputs), std::move(stored.outputs), out);
    if (!scored) return std::move(scored).error().with_context("sample '" + job.samples.name(i) + "'");
    progress.advance();
  }
  progress.finish();
  if (job.true_boxes && !job.any_true_box) {
    return Error{Code::not_found, job.options.boxes + ": names none of the pictures in " + job.options.data};
  }
  return {};
}

void add_notes(const report::Comparison& comparison, std::vector<std::string>& notes) {
  if (comparison.reference.weight_bytes > comparison.reference.file_bytes) {
    notes.push_back(
        "the reference's constants take more bytes than its file: they lie in further files, or were computed from "
        "less");
  }
  uint64_t not_finite = 0;
  for (const report::OutputError& output : comparison.outputs) not_finite += output.sums.not_finite();
  if (not_finite > 0)
    notes.push_back(std::to_string(not_finite) +
                    " output values are NaN or infinite in one network only; errors of their tensors are null");
}

Status compare(const CompareOptions& o) {
  if (!is_nbl(o.model)) return Error{Code::invalid_argument, "'" + o.model + "': the second file must be a .nbl file"};
  NBL_TRY(const Model model, Model::load(o.model));
  Job job;
  job.options = o;
  NBL_TRY(job.preprocessing, find_preprocessing(o, model));
  NBL_TRY(job.detection, find_detection(o, model));
  DeviceOptions device_options;
  device_options.select = o.device;
  NBL_TRY(const Device device, Device::create(device_options));
  NBL_TRY(job.reference, open_reference(o, device, model, job.preprocessing));
  job.stored = std::make_unique<report::StoredNetwork>(model, device, job.preprocessing);
  NBL_CHECK(open_data(job));

  report::Comparison comparison;
  const bool host = !is_nbl(o.reference) && o.reference_executor == "cpu";
  comparison.reference = {o.reference, host ? "cpu" : device.name(), 0, constant_bytes(job.reference->graph()), {}};
  comparison.stored = {o.model, device.name(), 0, constant_bytes(job.stored->graph()), {}};
  NBL_TRY(comparison.reference.file_bytes, file_bytes(o.reference));
  NBL_TRY(comparison.stored.file_bytes, file_bytes(o.model));
  if (!o.json.empty()) {
    // Before the long work, so that a wrong path is found now; nothing stays behind.
    NBL_TRY([[maybe_unused]] const media::AtomicFile trial, media::AtomicFile::create(o.json));
  }
  NBL_CHECK(compare_layers(job, comparison));
  NBL_CHECK(compare_outputs(job, comparison));
  add_notes(comparison, comparison.notes);
  if (!o.json.empty()) NBL_CHECK(media::write_file_atomically(o.json, report::to_json(comparison)));
  std::fputs(report::to_text(comparison, o.worst).c_str(), stdout);
  if (std::fflush(stdout) != 0 || std::ferror(stdout)) return Error{Code::io, "writing to standard output failed"};
  return {};
}

}  // namespace
}  // namespace nibble

int main(int argc, char** argv) {
  return nibble::run_tool_main("nibble-compare", [&] {
    const nibble::CompareOptions options = nibble::parse_compare_options(argc, argv);
    if (nibble::Status status = nibble::compare(options); !status) {
      std::fprintf(stderr, "nibble-compare: %s\n", status.error().message.c_str());
      return 1;
    }
    return 0;
  });
}
