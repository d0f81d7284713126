#include "media/detection.h"

#include <cmath>

#include "core/text.h"
#include "core/try.h"
#include "media/json_fields.h"

namespace nibble::media {
namespace {

using nlohmann::json;

Error not_fitting(const char* decoder, const std::string& wanted) {
  return Error{Code::invalid_argument,
               format("the outputs are not those of the decoder '%s': %s", decoder, wanted.c_str())};
}

// An output [rows, columns] or [1, rows, columns].
struct Matrix {
  const float* values = nullptr;
  int64_t rows = 0, columns = 0;
};

Matrix as_matrix(const OutputView& output) {
  const size_t rank = output.shape.size();
  if (rank != 2 && !(rank == 3 && output.shape[0] == 1)) return {};
  const Matrix out{output.values.data(), output.shape[rank - 2], output.shape[rank - 1]};
  const bool complete = out.rows >= 1 && out.columns >= 1 && out.rows <= INT32_MAX && out.columns <= INT32_MAX &&
                        static_cast<uint64_t>(out.rows * out.columns) == output.values.size();
  return complete ? out : Matrix{};
}

void keep(std::vector<Box>& boxes, const Box& box) {
  const bool finite = std::isfinite(box.x1) && std::isfinite(box.y1) && std::isfinite(box.x2) && std::isfinite(box.y2);
  if (finite) boxes.push_back(box);
}

void decode_cell(const Detection& detection, const float* cell, int64_t columns, int column, int row, int stride,
                 std::vector<Box>& boxes) {
  const auto step = static_cast<float>(stride);
  for (int64_t c = 5; c < columns; ++c) {
    const float score = cell[4] * cell[c];
    if (!(score > detection.score)) continue;
    const float x = (cell[0] + static_cast<float>(column)) * step, y = (cell[1] + static_cast<float>(row)) * step;
    const float half_w = std::exp(cell[2]) * step / 2, half_h = std::exp(cell[3]) * step / 2;
    keep(boxes, {x - half_w, y - half_h, x + half_w, y + half_h, score, static_cast<int>(c - 5)});
  }
}

Result<std::vector<Box>> decode_yolox(const Detection& detection, std::span<const OutputView> outputs, Size input) {
  int64_t cells = 0;
  for (const int stride : detection.strides) cells += int64_t{input.height / stride} * (input.width / stride);
  const Matrix matrix = outputs.size() == 1 ? as_matrix(outputs[0]) : Matrix{};
  if (!matrix.values || matrix.rows != cells || matrix.columns < 6) {
    return not_fitting("yolox", format("one output [1, %lld, 5 + classes] is needed for an input of %d x %d",
                                       static_cast<long long>(cells), input.width, input.height));
  }
  std::vector<Box> boxes;
  const float* cell = matrix.values;
  for (const int stride : detection.strides) {
    for (int row = 0; row < input.height / stride; ++row) {
      for (int column = 0; column < input.width / stride; ++column, cell += matrix.columns) {
        decode_cell(detection, cell, matrix.columns, column, row, stride, boxes);
      }
    }
  }
  return boxes;
}

Result<std::vector<Box>> decode_ultraface(const Detection& detection, std::span<const OutputView> outputs, Size input) {
  Matrix scores, corners;
  for (const OutputView& output : outputs) {
    const Matrix matrix = as_matrix(output);
    if (matrix.columns == 2) scores = matrix;
    if (matrix.columns == 4) corners = matrix;
  }
  if (outputs.size() != 2 || !scores.values || !corners.values || scores.rows != corners.rows) {
    return not_fitting("ultraface", "scores [1, n, 2] and boxes [1, n, 4] are needed");
  }
  std::vector<Box> boxes;
  const auto w = static_cast<float>(input.width), h = static_cast<float>(input.height);
  for (int64_t i = 0; i < scores.rows; ++i) {
    const float score = scores.values[2 * i + 1];
    const float* corner = corners.values + 4 * i;
    if (score > detection.score) keep(boxes, {corner[0] * w, corner[1] * h, corner[2] * w, corner[3] * h, score, 0});
  }
  return boxes;
}

Result<double> fraction(const json& object, const char* key, double missing) {
  if (!object.contains(key)) return missing;
  NBL_TRY(const double value, json_number(object[key], key));
  if (value < 0.0 || value > 1.0) return wrong_type(key, "a number from 0 to 1", object[key]);
  return value;
}

Result<std::vector<int>> parse_strides(const json& value) {
  constexpr int kMaxStride = 4096;
  if (!value.is_array() || value.empty() || value.size() > 16)
    return wrong_type("strides", "a list of whole numbers", value);
  std::vector<int> strides;
  for (size_t i = 0; i < value.size(); ++i) {
    NBL_TRY(const int stride, json_int(value[i], format("strides[%zu]", i), 1, kMaxStride));
    strides.push_back(stride);
  }
  return strides;
}

}  // namespace

Result<Detection> parse_detection(std::string_view text) {
  using Decoder = Detection::Decoder;
  NBL_TRY(const json object, parse_json_object(text));
  NBL_CHECK(check_keys(object, "", {"decoder", "strides", "score", "nms"}));
  if (!object.contains("decoder")) return Error{Code::invalid_argument, "'decoder' is missing: yolox or ultraface"};
  Detection out;
  NBL_TRY(out.decoder, json_choice<Decoder>(object["decoder"], "decoder",
                                            {{"yolox", Decoder::yolox}, {"ultraface", Decoder::ultraface}}));
  const bool yolox = out.decoder == Decoder::yolox;
  if (object.contains("strides")) {
    if (!yolox) return Error{Code::invalid_argument, "'strides' has a meaning only with the decoder yolox"};
    NBL_TRY(out.strides, parse_strides(object["strides"]));
  }
  NBL_TRY(out.score, fraction(object, "score", yolox ? 0.3 : 0.7));
  NBL_TRY(out.nms, fraction(object, "nms", yolox ? 0.65 : 0.3));
  return out;
}

std::string to_json(const Detection& detection) {
  nlohmann::ordered_json out;
  const bool yolox = detection.decoder == Detection::Decoder::yolox;
  out["decoder"] = yolox ? "yolox" : "ultraface";
  if (yolox) out["strides"] = detection.strides;
  out["score"] = detection.score;
  out["nms"] = detection.nms;
  return out.dump();
}

Result<std::vector<Box>> detect(const Detection& detection, std::span<const OutputView> outputs, Size input) {
  const bool yolox = detection.decoder == Detection::Decoder::yolox;
  NBL_TRY(std::vector<Box> boxes,
          yolox ? decode_yolox(detection, outputs, input) : decode_ultraface(detection, outputs, input));
  return suppress_overlaps(std::move(boxes), detection.nms);
}

}  // namespace nibble::media
