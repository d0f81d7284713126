#include <cmath>
#include <nlohmann/json.hpp>

#include "core/text.h"
#include "core/try.h"
#include "media/json_fields.h"
#include "media/preprocess.h"
#include "media/read_file.h"

namespace nibble::media {
namespace {

using nlohmann::json;

constexpr int kMaxSide = 65535;

Result<Size> parse_size(const json& value, const std::string& key) {
  if (value.is_number_integer()) {
    NBL_TRY(const int side, json_int(value, key, 1, kMaxSide));
    return Size{side, side};
  }
  if (!value.is_array() || value.size() != 2) return wrong_type(key, "a whole number or [height, width]", value);
  NBL_TRY(const int height, json_int(value[0], key + "[0]", 1, kMaxSide));
  NBL_TRY(const int width, json_int(value[1], key + "[1]", 1, kMaxSide));
  return Size{height, width};
}

Result<std::array<uint8_t, 3>> parse_fill(const json& value) {
  std::array<uint8_t, 3> fill{};
  if (value.is_array() && value.size() == 3) {
    for (size_t i = 0; i < 3; ++i) {
      NBL_TRY(const int part, json_int(value[i], format("resize.fill[%zu]", i), 0, 255));
      fill[i] = static_cast<uint8_t>(part);
    }
    return fill;
  }
  if (!value.is_number_integer()) return wrong_type("resize.fill", "0 to 255 or [red, green, blue]", value);
  NBL_TRY(const int gray, json_int(value, "resize.fill", 0, 255));
  fill.fill(static_cast<uint8_t>(gray));
  return fill;
}

Result<Resize> parse_resize_object(const json& object) {
  using Mode = Resize::Mode;
  using Anchor = Resize::Anchor;
  NBL_CHECK(check_keys(object, "resize.", {"mode", "size", "fill", "anchor", "filter"}));
  Resize out;
  if (!object.contains("mode"))
    return Error{Code::invalid_argument, "'resize.mode' is missing: stretch, short or letterbox"};
  NBL_TRY(out.mode,
          json_choice<Mode>(object["mode"], "resize.mode",
                            {{"stretch", Mode::stretch}, {"short", Mode::short_side}, {"letterbox", Mode::letterbox}}));
  if (object.contains("size")) {
    if (out.mode == Mode::short_side && !object["size"].is_number_integer()) {
      return wrong_type("resize.size", "a whole number with mode short", object["size"]);
    }
    NBL_TRY(out.size, parse_size(object["size"], "resize.size"));
  }
  if (object.contains("fill")) {
    NBL_TRY(out.fill, parse_fill(object["fill"]));
  }
  if (object.contains("anchor")) {
    NBL_TRY(out.anchor, json_choice<Anchor>(object["anchor"], "resize.anchor",
                                            {{"center", Anchor::center}, {"topleft", Anchor::topleft}}));
  }
  if (object.contains("filter")) {
    NBL_TRY(out.filter,
            json_choice<Filter>(
                object["filter"], "resize.filter",
                {{"bilinear", Filter::bilinear}, {"bicubic", Filter::bicubic}, {"antialias", Filter::antialias}}));
  }
  return out;
}

Result<Resize> parse_resize(const json& value) {
  if (value.is_object()) return parse_resize_object(value);
  Resize out;
  out.mode = value.is_number_integer() ? Resize::Mode::short_side : Resize::Mode::stretch;
  if (!value.is_number_integer() && !value.is_array()) {
    return wrong_type("resize", "a whole number, [height, width] or an object", value);
  }
  NBL_TRY(out.size, parse_size(value, "resize"));
  return out;
}

Result<std::vector<double>> parse_numbers(const json& value, const std::string& key) {
  std::vector<double> out;
  if (value.is_number()) {
    NBL_TRY(const double number, json_number(value, key));
    return std::vector<double>{number};
  }
  if (!value.is_array() || value.empty() || value.size() > 3)
    return wrong_type(key, "a number or a list of 1 to 3", value);
  for (size_t i = 0; i < value.size(); ++i) {
    NBL_TRY(const double number, json_number(value[i], format("%s[%zu]", key.c_str(), i)));
    out.push_back(number);
  }
  return out;
}

Status parse_output(const json& value, Preprocessing& out) {
  if (!value.is_object()) return wrong_type("output", "an object with scale and offset", value);
  NBL_CHECK(check_keys(value, "output.", {"scale", "offset"}));
  if (value.contains("scale")) {
    NBL_TRY(out.output_scale, json_number(value["scale"], "output.scale"));
  }
  if (value.contains("offset")) {
    NBL_TRY(out.output_offset, json_number(value["offset"], "output.offset"));
  }
  return {};
}

Status parse_values(const json& object, Preprocessing& out) {
  if (object.contains("mean")) {
    NBL_TRY(out.mean, parse_numbers(object["mean"], "mean"));
  }
  if (object.contains("std")) {
    NBL_TRY(out.std, parse_numbers(object["std"], "std"));
  }
  for (const double deviation : out.std) {
    // The smallest is where (1 / std) would leave float32.
    if (std::abs(deviation) < 1e-30)
      return Error{Code::invalid_argument, "'std' must not be 0: values are divided by it"};
  }
  if (object.contains("label_offset")) {
    NBL_TRY(out.label_offset, json_int(object["label_offset"], "label_offset", -1000000, 1000000));
  }
  if (object.contains("output")) NBL_CHECK(parse_output(object["output"], out));
  return {};
}

json size_json(Size size) { return json::array({size.height, size.width}); }

json resize_json(const Resize& resize) {
  json out = json::object();
  const char* modes[] = {"stretch", "short", "letterbox"};
  out["mode"] = modes[static_cast<int>(resize.mode)];
  if (resize.size && resize.mode == Resize::Mode::short_side) out["size"] = resize.size->height;
  if (resize.size && resize.mode != Resize::Mode::short_side) out["size"] = size_json(*resize.size);
  if (resize.mode == Resize::Mode::letterbox || resize.fill != std::array<uint8_t, 3>{}) out["fill"] = resize.fill;
  if (resize.anchor == Resize::Anchor::topleft) out["anchor"] = "topleft";
  out["filter"] = to_string(resize.filter);
  return out;
}

}  // namespace

const char* to_string(Color color) {
  const char* names[] = {"rgb", "bgr", "gray", "ycbcr_y"};
  return names[static_cast<int>(color)];
}

const char* to_string(Layout layout) { return layout == Layout::nchw ? "nchw" : "nhwc"; }

Result<Preprocessing> parse_preprocessing(std::string_view text) {
  NBL_TRY(const json object, parse_json_object(text));
  NBL_CHECK(check_keys(object, "", {"resize", "crop", "color", "layout", "mean", "std", "label_offset", "output"}));
  Preprocessing out;
  if (object.contains("resize")) {
    NBL_TRY(out.resize, parse_resize(object["resize"]));
  }
  if (object.contains("crop")) {
    NBL_TRY(out.crop, parse_size(object["crop"], "crop"));
  }
  if (object.contains("color")) {
    NBL_TRY(out.color,
            json_choice<Color>(
                object["color"], "color",
                {{"rgb", Color::rgb}, {"bgr", Color::bgr}, {"gray", Color::gray}, {"ycbcr_y", Color::ycbcr_y}}));
  }
  if (object.contains("layout")) {
    NBL_TRY(out.layout,
            json_choice<Layout>(object["layout"], "layout", {{"nchw", Layout::nchw}, {"nhwc", Layout::nhwc}}));
  }
  NBL_CHECK(parse_values(object, out));
  return out;
}

Result<Preprocessing> read_preprocessing(const std::string& path) {
  constexpr uint64_t kMaxBytes = 1 << 20;
  NBL_TRY(const std::vector<uint8_t> bytes, read_file(path, kMaxBytes));
  auto out = parse_preprocessing({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (!out) return std::move(out).error().with_context(path);
  return out;
}

std::string to_json(const Preprocessing& preprocessing) {
  nlohmann::ordered_json out = nlohmann::ordered_json::object();
  if (preprocessing.resize) out["resize"] = resize_json(*preprocessing.resize);
  if (preprocessing.crop) out["crop"] = size_json(*preprocessing.crop);
  if (preprocessing.color) out["color"] = to_string(*preprocessing.color);
  if (preprocessing.layout) out["layout"] = to_string(*preprocessing.layout);
  if (!preprocessing.mean.empty()) out["mean"] = preprocessing.mean;
  if (!preprocessing.std.empty()) out["std"] = preprocessing.std;
  if (preprocessing.label_offset != 0) out["label_offset"] = preprocessing.label_offset;
  if (preprocessing.output_scale != 255.0 || preprocessing.output_offset != 0.0) {
    out["output"] = {{"scale", preprocessing.output_scale}, {"offset", preprocessing.output_offset}};
  }
  return out.dump(-1, ' ', true);
}

}  // namespace nibble::media
