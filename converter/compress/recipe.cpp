#include "converter/compress/recipe.h"

#include <algorithm>
#include <functional>
#include <vector>

#include "core/text.h"
#include "core/try.h"

namespace nibble::compress {
namespace {

using quantization::ActivationFormat;
using quantization::WeightFormat;

// An option: how it is told, and how it is set from that text (false: the text means nothing).
struct Entry {
  const char* name;
  std::function<std::string(const ConvertOptions&)> get;
  std::function<bool(const std::string&, ConvertOptions&)> set;
};

template <class E>
Entry choice(const char* name, std::vector<E> values, std::function<E&(ConvertOptions&)> field) {
  return {name, [field](const ConvertOptions& o) { return to_string(field(const_cast<ConvertOptions&>(o))); },
          [field, values](const std::string& text, ConvertOptions& o) {
            for (E v : values) {
              if (text != to_string(v)) continue;
              field(o) = v;
              return true;
            }
            return false;
          }};
}

Entry text(const char* name, std::string ConvertOptions::*field, std::vector<std::string> values) {
  return {name, [field](const ConvertOptions& o) { return o.*field; },
          [field, values](const std::string& value, ConvertOptions& o) {
            o.*field = value;
            return std::find(values.begin(), values.end(), value) != values.end();
          }};
}

Entry yes_or_no(const char* name, std::function<bool&(ConvertOptions&)> field) {
  return {
      name,
      [field](const ConvertOptions& o) { return std::string(field(const_cast<ConvertOptions&>(o)) ? "yes" : "no"); },
      [field](const std::string& value, ConvertOptions& o) {
        field(o) = value == "yes";
        return value == "yes" || value == "no";
      }};
}

const std::vector<Entry>& entries() {
  static const std::vector<Entry> list = {
      choice<WeightFormat>("weights",
                           {std::begin(quantization::kWeightFormats), std::end(quantization::kWeightFormats)},
                           [](ConvertOptions& o) -> WeightFormat& { return o.format.weights; }),
      choice<ActivationFormat>("activations", {ActivationFormat::real, ActivationFormat::fp16, ActivationFormat::int8},
                               [](ConvertOptions& o) -> ActivationFormat& { return o.format.activations; }),
      {"group-size", [](const ConvertOptions& o) { return std::to_string(o.format.group_size); },
       [](const std::string& value, ConvertOptions& o) {
         if (value != "32" && value != "64" && value != "128") return false;
         o.format.group_size = std::stoi(value);
         return true;
       }},
      {"rounding", [](const ConvertOptions& o) { return std::string(to_string(o.rounding.method)); },
       [](const std::string& value, ConvertOptions& o) {
         const auto method = rounding::parse_method(value);
         if (method) o.rounding.method = *method;
         return static_cast<bool>(method);
       }},
      yes_or_no("propagate", [](ConvertOptions& o) -> bool& { return o.rounding.propagate; }),
      yes_or_no("held-out-fit", [](ConvertOptions& o) -> bool& { return o.rounding.held_out; }),
      yes_or_no("bias-correction", [](ConvertOptions& o) -> bool& { return o.rounding.bias_correction; }),
      yes_or_no("clip-search", [](ConvertOptions& o) -> bool& { return o.rounding.clip; }),
      {"augment", [](const ConvertOptions& o) { return o.variations ? std::to_string(*o.variations) : "auto"; },
       [](const std::string& value, ConvertOptions& o) {
         o.variations.reset();
         if (value == "auto") return true;
         if (value.empty() || value.size() > 9 || value.find_first_not_of("0123456789") != std::string::npos)
           return false;
         o.variations = std::stoul(value);
         return true;
       }},
      {"stats", [](const ConvertOptions& o) { return o.stats_checksum; },
       [](const std::string& value, ConvertOptions& o) {
         o.stats_checksum = value;
         return value.find_first_not_of("0123456789abcdef") == std::string::npos &&
                (value.empty() || value.size() == 8);
       }},
      text("input-type", &ConvertOptions::input_type, {"float", "uint8"}),
      text("output-type", &ConvertOptions::output_type, {"float", "uint8"}),
      text("recover", &ConvertOptions::recover, {"", "block", "network"}),
      {"recover-steps", [](const ConvertOptions& o) { return std::to_string(o.recover_steps); },
       [](const std::string& value, ConvertOptions& o) {
         if (value.empty() || value.size() > 7 || value.find_first_not_of("0123456789") != std::string::npos)
           return false;
         o.recover_steps = std::stoll(value);
         return true;
       }},
      choice<rounding::SparsityPattern>("sparsity",
                                        {rounding::SparsityPattern::dense, rounding::SparsityPattern::two_of_four,
                                         rounding::SparsityPattern::half_blocks},
                                        [](ConvertOptions& o) -> rounding::SparsityPattern& { return o.sparsity; }),
      {"entropy-code", [](const ConvertOptions& o) { return std::string(o.entropy_code ? "yes" : "no"); },
       [](const std::string& value, ConvertOptions& o) {
         o.entropy_code = value == "yes";
         return value == "yes" || value == "no";
       }},
      {"prune-metric", [](const ConvertOptions& o) { return std::string(to_string(o.prune.metric)); },
       [](const std::string& value, ConvertOptions& o) {
         const auto metric = prune::parse_metric(value);
         if (metric) o.prune.metric = *metric;
         return metric.has_value();
       }},
      yes_or_no("compensate", [](ConvertOptions& o) -> bool& { return o.prune.compensate; }),
      yes_or_no("statistics-correction", [](ConvertOptions& o) -> bool& { return o.prune.statistics_correction; }),
      {"scale", [](const ConvertOptions& o) { return std::string(o.format.power_of_two ? "po2" : "free"); },
       [](const std::string& value, ConvertOptions& o) {
         o.format.power_of_two = value == "po2";
         return value == "po2" || value == "free";
       }},
      {"equalize", [](const ConvertOptions& o) { return std::string(o.equalize ? "yes" : "no"); },
       [](const std::string& value, ConvertOptions& o) {
         o.equalize = value == "yes";
         return value == "yes" || value == "no";
       }},
      {"held-out", [](const ConvertOptions& o) { return std::string(o.hold_out ? "yes" : "no"); },
       [](const std::string& value, ConvertOptions& o) {
         o.hold_out = value == "yes";
         return value == "yes" || value == "no";
       }},
  };
  return list;
}

}  // namespace

std::map<std::string, std::string> recipe_of(const ConvertOptions& options) {
  std::map<std::string, std::string> out;
  for (const Entry& e : entries()) out[e.name] = e.get(options);
  return out;
}

Status apply_recipe(const std::map<std::string, std::string>& recipe, ConvertOptions& options) {
  size_t taken = 0;
  for (const Entry& e : entries()) {
    const auto found = recipe.find(e.name);
    if (found == recipe.end()) return Error{Code::invalid_argument, format("recipe: '%s' is missing", e.name)};
    if (!e.set(found->second, options))
      return Error{Code::invalid_argument, format("recipe: '%s' cannot be '%s'", e.name, found->second.c_str())};
    ++taken;
  }
  if (taken == recipe.size()) return {};
  for (const auto& [name, value] : recipe) {
    bool known = false;
    for (const Entry& e : entries()) known = known || name == e.name;
    if (!known) return Error{Code::invalid_argument, "recipe: '" + name + "' is not known to this version"};
  }
  return {};
}

}  // namespace nibble::compress
