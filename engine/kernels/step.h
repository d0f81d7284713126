// A plan is a list of steps over logical buffers. All of it is plain data: it can be printed, compared and tested
// without a device, and only runtime/ turns it into Vulkan objects.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace nibble {

// Where the elements of a tensor lie on the device.
//   flat:    row-major, packed without gaps: f32 and i32 one per word, f16 two, i8 and u8 four per word. Only at the
//            graph's edges (what the host reads and writes).
//   blocked: axis `axis` is cut into blocks of 4: [axes before][ceil(C/4)][axes after][4]. Four elements are a unit: 4
//   words for
//            f32 and i32 (i64 lies on the device as i32), 2 for f16, 1 for i8 and u8. Lanes past C hold zero in float
//            tensors and anything in integer ones. axis = 1 for images is NC/4HW4; axis = rank-1 is row-major with
//            padded rows.
struct Layout {
  int32_t axis = -1;  // -1: flat
  bool flat() const { return axis < 0; }
  bool operator==(const Layout&) const = default;
};

// A blocked tensor as [outer][blocks][inner] units.
// Two tensors of equal element count with equal unit shapes hold the same words, whatever their shapes.
struct UnitShape {
  int64_t outer = 1, channels = 1, blocks = 1, inner = 1;
  int64_t units() const { return outer * blocks * inner; }
  bool operator==(const UnitShape&) const = default;
};
// A scalar (rank 0) counts as shape {1}.
UnitShape unit_shape(std::span<const int64_t> shape, int32_t axis);
// A flat tensor is, but for the last padding, the unit shape of its elements in one row.
UnitShape unit_shape(std::span<const int64_t> shape, Layout layout);

// Bytes of one element on the device: f32, i32, i64 four, f16 two, i8, u8 and boolean one.
int64_t device_bytes(DType type);

// Words a tensor takes on the device.
int64_t storage_words(DType type, std::span<const int64_t> shape, Layout layout);

using BufferId = int32_t;

struct PlanBuffer {
  enum class Kind : uint8_t {
    arena,      // an activation, placed by lifetime in the session's arena
    input,      // host-visible, flat, written by the application
    output,     // host-visible, flat, read by the application
    constants,  // a node's weights, bias, multipliers and tables in one blob; shared by all sessions of a model
    table,      // numbers that depend on the bound shapes (resize taps, index maps); one buffer per session
  };
  Kind kind = Kind::arena;
  uint64_t bytes = 0;           // multiple of 4
  TensorId tensor = kNoTensor;  // arena, input, output
  Layout layout;
  int32_t blob = -1;            // constants: index into Plan::blobs
  std::vector<uint32_t> table;  // table: its words
  // arena: a range of another buffer of the arena, which lives as long as either. It is bound `skew` bytes before its
  // tensor begins where the device's alignment asks for that; `offset` and `bytes` count from there.
  BufferId part_of = -1;
  uint64_t offset = 0;
  uint64_t skew = 0;
};

// A part of a constants blob; starts at a multiple of 16 bytes.
struct BlobPiece {
  enum class Form : uint8_t {
    stored,  // the bytes as they are in the file (packed weights, int32 arrays, tables, ...), padded to whole words
    f32,  // as flat f32 values (f16, i8, ... widened; quantized ones dequantized), padded with zeros to multiples of 4
    i32,  // as flat i32 values, padded with zeros to multiples of 4
    blocked,    // as a blocked tensor: `shape` says under which shape its elements are seen
    looked_up,  // lut4 weights as int8: the entries of `codebook` that they name, in the same packing
    words,      // `words`, which come from attributes of nodes instead of a constant
  };
  TensorId tensor = kNoTensor;
  Form form = Form::stored;
  std::vector<int64_t> shape;  // blocked: the constant's elements under this shape (leading ones for broadcasting, ...)
  Layout layout;               // blocked
  std::optional<DType> type;   // blocked: f32 or f16 to convert a float constant to; none: its own type
  std::vector<uint32_t> words = {};
  TensorId codebook = kNoTensor;  // looked_up
  bool operator==(const BlobPiece&) const = default;
};

// Depends on the graph's constants and layouts only, never on bound shapes, so that sessions can share it.
struct BlobSpec {
  std::vector<BlobPiece> pieces;
  std::vector<uint32_t> offset_words;  // of each piece
  uint64_t bytes = 0;
  std::string key() const;  // equal for equal content
};

// Fills in offset_words and bytes; an error where a piece cannot be made from its constant.
Status measure(const Graph& graph, BlobSpec& blob);

// Writes the bytes of a measured blob that begin at `offset`, all of `out` and without reading it. Offset and size are
// multiples of 16. An internal error outside the blob.
Status materialize(const Graph& graph, const BlobSpec& blob, uint64_t offset, std::span<std::byte> out);

// All bytes of a measured blob.
Result<std::vector<std::byte>> materialize(const Graph& graph, const BlobSpec& blob);

enum class Access : uint8_t { read, write };

struct Binding {
  BufferId buffer = -1;
  Access access = Access::read;
};

struct SpecConstant {
  uint32_t id = 0;
  uint32_t value = 0;
  bool operator==(const SpecConstant&) const = default;
};

struct Step {
  int32_t kernel = -1;  // index into kernel_table()
  std::vector<SpecConstant> spec;
  std::vector<Binding> bindings;  // binding 0, 1, ...: inputs, constants, tables, then outputs; at most 4
  std::vector<uint32_t> push;
  std::array<uint32_t, 3> groups{1, 1, 1};
  NodeId origin = -1;          // the node it computes, -1 for repacking at the edges
  std::string label;           // "conv1", "conv1: repack input"
  uint64_t multiply_adds = 0;  // for reports; 0 for steps that only move data
  bool integer = false;        // computes in integers only
  bool tuned = false;          // row and tile come from measurement
  std::string problem;         // StepProblem::text, where tuning was asked for and there is something to choose
};

}  // namespace nibble
