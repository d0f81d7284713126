// What channels of a group say, as the layers see them that read them: second moments over samples.
#pragma once

#include <Eigen/Core>
#include <vector>

#include "converter/prune/axis_groups.h"
#include "converter/prune/sample_inputs.h"

namespace nibble::prune {

// A tensor through which a whole group is read: one index a channel.
struct ChannelView {
  TensorId tensor = kNoTensor;
  std::vector<int64_t> index;   // by channel of the group
  std::vector<NodeId> readers;  // layers that read it
  bool padded = false;          // one of them sees zeros beside it
  bool last_axis = false;       // channels lie along the last axis, else along axis 1
  int64_t count = 0;            // rows in the moments
  Eigen::MatrixXd gram;         // of the channels and a 1 [c + 1, c + 1]
};

// One view a tensor. Nothing where the group is read in another way than a channel an index, or by grouped layers.
std::vector<ChannelView> channel_views(const Graph& graph, const Group& group);

// Bytes that the moments of a group take.
size_t moment_bytes(const std::vector<ChannelView>& views);

// Places of a sample at which a view's channels lie; 0 where a size is free.
int64_t places(const Graph& graph, const ChannelView& view);

// Adds moments at up to `rows` places of each sample to every view, one run of the network a sample, until each has
// `enough` rows (by view). The places are the same for the same tensor and sample.
Status collect_moments(const Graph& graph, const SampleInputs& samples, const std::vector<ChannelView*>& views,
                       const std::vector<int64_t>& rows, const std::vector<int64_t>& enough);

Eigen::MatrixXd covariance(const ChannelView& view);

// Correlations, so that loud and quiet channels count alike; `damping` is added to the diagonal. Channels that do not
// vary on the samples correlate with nothing: `varies` (by channel) tells them.
Eigen::MatrixXd correlation(const ChannelView& view, double damping, std::vector<bool>& varies);

}  // namespace nibble::prune
