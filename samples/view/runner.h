// Runs networks on a picture beside the window's thread, so that no network makes the window stutter. The thread owns
// all that is nibble's: it opens a device of its own, which shares nothing with the one that draws.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "picture_net/picture_net.h"

namespace nibble::view {

struct LayerBar {
  std::string name, kernel;
  double ms = 0;
  int bits = 0;  // of the weights; 0 where it has none
};

struct LayerBits {
  std::string name, weights;  // "i4 g32"
  int bits = 0;
  uint64_t bytes = 0;
};

// What a network made of a picture, or why it did not.
struct NetResult {
  std::string path, error;
  uint64_t generation = 0;  // of the request
  samples::Task task = samples::Task::numbers;
  uint64_t file_bytes = 0;
  MemoryUse memory;
  std::vector<LayerBits> layers;
  std::vector<LayerBar> steps;  // empty where the device has no timestamps
  double run_ms = 0;
  bool first_run = false;                     // the time is that of the first run, in which drivers may still compile
  std::shared_ptr<const media::Image> shown;  // the picture that it made, or the source with its mask over it
  std::vector<media::Box> boxes;              // in the source's pixels
  std::vector<std::string> box_names;
  std::vector<samples::ClassScore> classes;
  std::string summary;  // one line of other outputs
};

struct RunRequest {
  std::string device;  // DeviceOptions::select
  std::vector<std::string> networks;
  std::optional<samples::Task> task;  // in place of what the outputs look like
  std::shared_ptr<const media::Image> picture;
};

class Runner {
 public:
  Runner();
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  // Takes the place of a request that has not begun; results of earlier ones that are still to come are dropped.
  uint64_t request(RunRequest request);
  // One result at a time, in the order of the request's networks.
  std::optional<NetResult> poll();
  bool busy() const;
  // The device that the last request ran on; empty before and after a failure.
  std::string device_name() const;

 private:
  struct Work;
  void loop();
  void run(const RunRequest& request, uint64_t generation, Work& work);

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::optional<RunRequest> next_;
  uint64_t generation_ = 0;
  std::vector<NetResult> results_;
  bool running_ = false, stop_ = false;
  std::string device_name_;
  std::thread thread_;
};

// Bits of a weight format as nibble-inspect names it: "i4 g32" 4, "f32" 32, "" 0.
int bits_of(const std::string& weights);

}  // namespace nibble::view
