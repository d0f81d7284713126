// A network that looks at pictures: opened, fed with a picture of any size, its outputs as what they mean. The engine
// is used by its public API alone; the preprocessing, class names and decoder are read from the file's metadata.
#pragma once

#include <string>
#include <vector>

#include "media/boxes.h"
#include "media/image.h"
#include "nibble/nibble.h"
#include "tools/run_metadata.h"
#include "tools/run_results.h"

namespace nibble::samples {

// What the outputs show.
enum class Task { classes, boxes, mask, picture, numbers };
inline constexpr int kTaskCount = 5;
const char* to_string(Task task);  // "classification", "detection", ...

// From the outputs' shapes and the metadata: a decoder means boxes; one score a class, classes; three channels, a
// picture, and so does one where the input has one or is luma of YCbCr; else one channel, or more than three, a mask.
Task derive_task(const tools::Meaning& meaning, const std::vector<TensorInfo>& inputs,
                 const std::vector<TensorInfo>& outputs);

struct ClassScore {
  std::string name;
  float score = 0;  // 0..1: softmax is applied where the network has none
};

// A class for each pixel of the picture that the network was given; 0 is background.
struct Mask {
  int width = 0, height = 0;
  std::vector<int> labels;
};

class PictureNet {
 public:
  // Any error of Model::load and Session::create; invalid_argument for metadata that cannot be read and for models that
  // do not take one picture.
  static Result<PictureNet> open(const Device& device, const std::string& path, const SessionOptions& options = {});
  static Result<PictureNet> open(const Device& device, const Model& model, const SessionOptions& options = {});

  // Binds free sizes to those of the picture where that is needed, then prepares, writes, runs and reads.
  Status run(const media::Image& picture);

  // Of the last run.
  double run_ms() const { return run_ms_; }  // Session::run() alone
  Result<std::vector<ClassScore>> classes(size_t count) const;
  Result<std::vector<media::Box>> boxes() const;  // in the picture's pixels
  Result<Mask> mask() const;
  Result<media::Image> picture() const;  // of the network's size, often another than the input's

  Task task() const { return task_; }
  void set_task(Task task) { task_ = task; }
  const Model& model() const { return model_; }
  const tools::Meaning& meaning() const { return meaning_; }
  const Session& session() const { return session_; }
  const std::vector<tools::Output>& outputs() const { return outputs_; }
  std::string label_name(int label) const;

 private:
  PictureNet(Model model, tools::Meaning meaning, Session session);
  Status bind(const media::Image& picture);

  Model model_;
  tools::Meaning meaning_;
  Session session_;
  Task task_ = Task::numbers;
  media::Image input_;
  std::vector<tools::Output> outputs_;
  double run_ms_ = 0;
};

// The mask's classes as colours over the picture; background stays as it is. `strength` 0..1.
media::Image overlay(const media::Image& picture, const Mask& mask, float strength);

}  // namespace nibble::samples
