// Times of single layers on a device, measured once each and kept in a file.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "nibble/result.h"

namespace nibble::search {

// Milliseconds of a run of a whole network as an application sees it.
struct NetworkTime {
  double median = 0.0, low = 0.0, high = 0.0;  // low, high: the quartiles
  double processor = 0.0;                      // of all threads of this process, the median
  size_t runs = 0;
};

// What measures: the engine on a device (converter/latency), or a stand-in in tests.
class LayerTimer {
 public:
  virtual ~LayerTimer() = default;
  // Device, driver and the engine's shaders: times hold for this combination only.
  virtual std::string device_key() const = 0;
  virtual std::string device_name() const = 0;
  // Milliseconds of the only node of a graph as quantize() leaves it, with bound shapes. Moving its inputs and outputs
  // into the order of the graph's edges does not count.
  virtual Result<double> layer_ms(const Graph& single) = 0;
  // A glance tells candidates apart; what is promised gets a long look.
  enum class Look { glance, long_look };
  virtual Result<NetworkTime> network_time(const Graph& network, Look look) = 0;
};

// A graph of this node alone: what it computes becomes the outputs, what it reads that is computed the inputs. Names
// and scales of activations are replaced, so that layers that take the same time are equal.
Result<Graph> single_node_graph(const Graph& graph, const Node& node);

// Operator, attributes, shapes and types as text, without the values of constants.
std::string layer_key(const Graph& single);

class LatencyTable {
 public:
  // `path`: where times are kept between runs; empty: nowhere. A file that is missing, damaged or of other devices is
  // no error: ignored() says why it was not used, and save() replaces what was damaged.
  LatencyTable(std::unique_ptr<LayerTimer> timer, std::string path);

  // Milliseconds of each node of a graph as quantize() leaves it, with bound shapes; layers that are not in the table
  // yet are measured.
  Result<std::vector<double>> node_ms(const Graph& graph);
  Result<NetworkTime> network_time(const Graph& graph, LayerTimer::Look look) {
    return timer_->network_time(graph, look);
  }
  std::string device_name() const { return timer_->device_name(); }

  // Keeps what other devices have in the file. Does nothing without a path.
  Status save() const;

  size_t measured() const { return measured_; }  // by this object
  const std::string& ignored() const { return ignored_; }

 private:
  std::unique_ptr<LayerTimer> timer_;
  std::string path_;
  std::string ignored_;
  std::map<std::string, std::map<std::string, double>> devices_;  // device key -> layer key -> ms
  size_t measured_ = 0;
};

}  // namespace nibble::search
