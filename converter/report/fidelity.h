// Whether the network that is about to be stored still does what the float network does: run on samples before
// anything is written, so that nobody gets a ruined file without being told.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "converter/execute/executor.h"
#include "converter/report/error_sums.h"
#include "converter/report/layer_errors.h"
#include "converter/report/statistics.h"
#include "converter/report/task_scores.h"
#include "graph/graph.h"
#include "media/preprocess.h"

namespace nibble::report {

enum class Verdict { fine, poor, collapsed };

// A classifier has collapsed when the 95 % interval of its agreement lies below this share, another network when its
// noise is above half of its signal; it is poor when not surely above the second share, or below the second SQNR.
inline constexpr double kAgreementFloor = 0.5, kAgreementGood = 0.6;
inline constexpr double kSqnrFloorDb = 3.0, kSqnrGoodDb = 10.0;

// Outputs of a layer that had one and the same value on every sample and position.
struct ConstantChannels {
  std::string tensor;
  int64_t constant = 0, channels = 0;
};

// How the channels (axis 1) of a tensor of the original are stored: those of `kept`, rising (empty: all), each divided
// by its factor (empty: by 1).
struct StoredChannels {
  std::vector<int64_t> kept;
  std::vector<float> factors;  // as many as are stored
};

class Fidelity {
 public:
  // `original` is the float network, `stored` what is about to be written (plain packing, integer nodes and all).
  // `channels`: by name of the original's tensors that are not stored as they were; for their errors only.
  Fidelity(const Graph& original, const Graph& stored, media::Preprocessing preprocessing,
           std::map<std::string, StoredChannels> channels = {});

  // One sample through both; `values` as the original's inputs take them. Both executors run these graphs, with shapes
  // bound for the sample. Tensors live during the call only.
  Status add(Executor& original, Executor& stored, const std::vector<reference::FloatValue>& values);

  size_t samples() const { return sample_noise_.size(); }
  bool decides() const { return decides_; }  // a classifier: agreement() is the measure
  const Share& agreement() const { return classes_.agreement(); }
  // Of all outputs together, and between the 2.5th and 97.5th percentile of 1,000 resamplings (bootstrap over samples,
  // drawn by a fixed generator).
  std::optional<double> sqnr_db() const { return outputs_.sqnr_db(); }
  std::optional<Interval> sqnr_interval() const;
  std::vector<LayerError> layers() const { return errors_.layers(); }
  std::vector<ConstantChannels> constant_channels() const;

  Verdict verdict() const;
  // One sentence: the figure, the bound and the layers that add most noise.
  std::string summary() const;

 private:
  struct ChannelRange {
    std::vector<float> low, high;
  };
  void add_layer(const std::string& name, std::span<const float> reference, const Shape& shape,
                 std::vector<float> other);
  void note_channels(TensorId id, std::span<const float> values, const Shape& shape);

  Graph original_;  // a copy (constants are shared), so that results outlive the compression
  media::Preprocessing preprocessing_;
  bool decides_ = false;
  ClassScores classes_;
  ErrorSums outputs_;
  bool reference_varies_ = false, stored_varies_ = false;
  std::vector<float> first_reference_, first_stored_;
  std::vector<std::pair<double, double>> sample_noise_;  // signal, noise of each sample's outputs
  LayerErrors errors_;
  std::map<std::string, std::string> counterparts_;  // original tensor -> stored tensor
  std::map<std::string, StoredChannels> stored_channels_;
  std::map<std::string, ChannelRange> channels_;  // by tensor of the original
};

}  // namespace nibble::report
