// The network is run as it will be stored, in integers, before it is written.
#include <algorithm>
#include <cstdio>

#include "converter/compress/stages.h"
#include "converter/data/network_inputs.h"
#include "converter/report/fidelity.h"
#include "core/text.h"
#include "core/try.h"
#include "media/progress.h"

namespace nibble::compress {
namespace {

// Samples that calibration has not seen, where the data set has more than it was given; else those it has seen.
struct Judges {
  media::SampleSet set;
  std::vector<size_t> indices;
  bool held_out = false;
};

Judges choose_judges(const Compression& c, size_t most) {
  const ConvertOptions& o = c.options;
  Judges out;
  if (c.held_out && c.held_out->size() > 0) {
    out.set = c.held_out->set;
    out.held_out = true;
    const size_t count = std::min(most, out.set.size());
    for (size_t i = 0; i < count; ++i) out.indices.push_back(i * out.set.size() / count);
    return out;
  }
  if (o.samples <= std::numeric_limits<size_t>::max() - o.skip) {
    media::SampleOptions options{o.skip + o.samples, most, {}};
    for (TensorId id : c.graph.inputs) options.input_names.push_back(c.graph.desc(id).name);
    if (auto set = media::open_samples(o.calibrate, options); set && set->size() > 0) {
      out.set = *std::move(set);
      out.held_out = true;
      for (size_t i = 0; i < out.set.size(); ++i) out.indices.push_back(i);
      return out;
    }
  }
  out.set = c.samples->set;
  const size_t count = std::min(most, out.set.size());
  for (size_t i = 0; i < count; ++i) out.indices.push_back(i * out.set.size() / count);
  return out;
}

}  // namespace

Status verify_result(Compression& c) {
  if (!c.samples || c.options.verify == 0) return {};
  const Judges judges = choose_judges(c, c.options.verify);
  std::map<std::string, report::StoredChannels> channels;
  for (const auto& [tensor, kept] : c.kept) channels[tensor].kept = kept;
  for (const std::string& tensor : c.renumbered) channels.erase(tensor);
  for (const equalize::Equalized& part : c.equalized) {
    for (const auto& [tensor, factors] : part.factors) channels[tensor].factors = factors;
  }
  auto fidelity = std::make_shared<report::Fidelity>(c.original, c.graph, c.preprocessing, std::move(channels));
  std::unique_ptr<Executor> original, stored;
  DimBindings bound;
  media::Progress progress("verifying", judges.indices.size());
  for (size_t i : judges.indices) {
    NBL_TRY(const DimBindings dims, dims_of_sample(c.original, judges.set, i, c.preprocessing));
    if (!original || dims != bound) {
      NBL_TRY(Graph a, bind_dims(c.original, dims));
      NBL_TRY(Graph b, bind_dims(c.graph, dims));
      NBL_TRY(original, make_cpu_executor(std::move(a)));
      NBL_TRY(stored, make_cpu_executor(std::move(b), 1, true));
      bound = dims;
    }
    NBL_TRY(const std::vector<reference::FloatValue> values,
            sample_inputs(original->graph(), judges.set, i, c.preprocessing));
    NBL_CHECK(fidelity->add(*original, *stored, values));
    progress.advance();
  }
  progress.finish();
  c.fidelity = fidelity;
  c.verified_held_out = judges.held_out;
  return {};
}

namespace {

// Channels that never change are removed where the weights prove that they cannot (remove_dead); what is left may come
// from samples that are all alike.
void say_constant_channels(const report::Fidelity& fidelity) {
  int64_t constant = 0;
  std::string whole;
  for (const report::ConstantChannels& layer : fidelity.constant_channels()) {
    constant += layer.constant;
    if (layer.constant == layer.channels && whole.empty()) whole = layer.tensor;
  }
  if (constant == 0) return;
  std::printf("%lld channels had one value on all %zu samples of the verification%s\n",
              static_cast<long long>(constant), fidelity.samples(),
              whole.empty() ? "" : format(", all those of '%s' among them", whole.c_str()).c_str());
}

}  // namespace

Status judge_result(Compression& c) {
  if (c.fidelity) say_constant_channels(*c.fidelity);
  if (!c.fidelity || c.fidelity->verdict() == report::Verdict::fine) return {};
  const std::string what = c.fidelity->summary();
  if (c.fidelity->verdict() == report::Verdict::poor) {
    std::fprintf(stderr, "nibble-convert: warning: the result is far from the float network: %s\n", what.c_str());
    return {};
  }
  if (c.options.allow_collapse) {
    std::fprintf(stderr, "nibble-convert: warning: the result has collapsed: %s\n", what.c_str());
    return {};
  }
  if (c.budget.any()) {  // what was asked for ruins it: saved as the best found, and never without a word
    c.missed.insert(c.missed.begin(),
                    "the result has collapsed: " + what + ". Looser bounds, more samples or another --ranges may help");
    return {};
  }
  write_reports(c);  // where to look for the reason
  for (const std::string& line : c.undone) std::fprintf(stderr, "nibble-convert: not written: %s\n", line.c_str());
  return Error{
      Code::invalid_argument,
      format("the result has collapsed, so '%s' was not written: %s. A wider format for these layers "
             "(--keep-wide), more samples or another --ranges may help; --allow-collapse writes it all the same",
             c.options.output.c_str(), what.c_str())};
}

}  // namespace nibble::compress
