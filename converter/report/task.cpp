#include "converter/report/task.h"

#include "media/preprocess_plan.h"

namespace nibble::report {
namespace {

bool picture_channels(int64_t size) { return size == 1 || size == 3; }

int64_t channels(std::span<const int64_t> shape, media::Layout layout) {
  return layout == media::Layout::nchw ? shape[shape.size() - 3] : shape.back();
}

}  // namespace

const char* to_string(Task task) {
  switch (task) {
    case Task::classify: return "classify";
    case Task::detect: return "detect";
    case Task::segment: return "segment";
    case Task::image: return "image";
    case Task::values: return "values";
  }
  return "values";
}

Result<Task> parse_task(const std::string& text) {
  for (Task task : {Task::classify, Task::detect, Task::segment, Task::image, Task::values}) {
    if (text == to_string(task)) return task;
  }
  return Error{Code::invalid_argument, "task '" + text + "': expected classify, detect, segment, image or values"};
}

media::Layout output_layout(const media::Preprocessing& preprocessing, std::span<const int64_t> input,
                            std::span<const int64_t> output) {
  if (preprocessing.layout) return *preprocessing.layout;
  const bool tells = output.size() == 4 && picture_channels(output[1]) != picture_channels(output[3]);
  return media::deduce_layout({}, tells ? output : input);
}

Task guess_task(bool has_detection, std::span<const int64_t> input, std::span<const int64_t> output,
                const media::Preprocessing& preprocessing) {
  if (has_detection) return Task::detect;
  if (output.size() == 1 || output.size() == 2) return Task::classify;
  if (output.size() != 4) return Task::values;
  const media::Layout layout = output_layout(preprocessing, input, output);
  if (output[2] == 1 && (output[1] == 1 || output[3] == 1)) return Task::classify;
  const int64_t made = channels(output, layout);
  const int64_t given = input.size() == 4 ? channels(input, media::deduce_layout(preprocessing.layout, input)) : 0;
  return made == 3 || (made == 1 && given == 1) ? Task::image : Task::segment;
}

}  // namespace nibble::report
