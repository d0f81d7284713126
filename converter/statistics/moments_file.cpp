#include "converter/statistics/moments_file.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/crc32c.h"
#include "core/text.h"
#include "core/try.h"
#include "media/atomic_file.h"
#include "media/read_file.h"
#include "ops/conv2d.h"

namespace nibble::statistics {
namespace {

constexpr char kMagic[8] = {'N', 'B', 'L', 'S', 'T', 'A', 'T', '1'};
constexpr size_t kMostBytes = size_t{8} << 30;

static_assert(std::endian::native == std::endian::little, "numbers are written as they lie in memory");

void put(std::string& out, const void* data, size_t bytes) { out.append(static_cast<const char*>(data), bytes); }
void put_number(std::string& out, uint64_t value) { put(out, &value, sizeof(value)); }
void put_text(std::string& out, const std::string& text) {
  put_number(out, text.size());
  out += text;
}

// Reads from front to back; every length is checked against what is left.
class Reader {
 public:
  explicit Reader(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  Result<uint64_t> number() {
    uint64_t value = 0;
    if (bytes_.size() < sizeof(value)) return cut_short();
    std::memcpy(&value, bytes_.data(), sizeof(value));
    bytes_ = bytes_.subspan(sizeof(value));
    return value;
  }
  Result<std::string> text() {
    NBL_TRY(const uint64_t size, number());
    if (bytes_.size() < size) return cut_short();
    std::string out(reinterpret_cast<const char*>(bytes_.data()), size);
    bytes_ = bytes_.subspan(size);
    return out;
  }
  Status doubles(std::span<double> out) {
    if (bytes_.size() / sizeof(double) < out.size()) return cut_short();
    if (!out.empty()) std::memcpy(out.data(), bytes_.data(), out.size_bytes());
    bytes_ = bytes_.subspan(out.size_bytes());
    return {};
  }
  size_t left() const { return bytes_.size(); }

 private:
  static Error cut_short() { return Error{Code::corrupt_file, "it ends in the middle of a number or a text"}; }
  std::span<const uint8_t> bytes_;
};

Result<LayerMoments> read_layer(Reader& in) {
  NBL_TRY(const uint64_t inputs, in.number());
  NBL_TRY(const uint64_t kernel, in.number());
  NBL_TRY(const uint64_t groups, in.number());
  constexpr uint64_t kMost = uint64_t{1} << 20;
  if (inputs == 0 || kernel == 0 || groups == 0 || inputs > kMost || kernel > kMost || groups > kMost ||
      inputs * kernel > kMost)
    return Error{Code::corrupt_file, "a layer has impossible sizes"};
  const uint64_t row = inputs * kernel;
  const bool pairs = row <= static_cast<uint64_t>(kLongestRowWithPairs);
  if (in.left() / sizeof(double) / groups < (pairs ? row * (row + 1) / 2 : row) + row)
    return Error{Code::corrupt_file, "a layer's sums are longer than the file"};
  LayerMoments m =
      make_layer_moments(static_cast<int64_t>(inputs), static_cast<int64_t>(kernel), static_cast<int64_t>(groups));
  NBL_TRY(m.count, in.number());
  NBL_TRY(m.samples, in.number());
  NBL_CHECK(in.doubles(m.sum));
  if (!pairs) NBL_CHECK(in.doubles(m.gram));
  for (uint64_t g = 0; pairs && g < groups; ++g) {
    double* gram = m.gram.data() + g * row * row;
    for (uint64_t i = 0; i < row; ++i) {
      NBL_CHECK(in.doubles({gram + i * row, i + 1}));
      for (uint64_t j = 0; j < i; ++j) gram[j * row + i] = gram[i * row + j];
    }
  }
  return m;
}

}  // namespace

uint64_t MomentsFile::sample_count() const {
  uint64_t sum = 0;
  for (const auto& [first, last] : samples) sum += last - first;
  return sum;
}

uint64_t MomentsFile::first_missing(uint64_t from) const {
  for (const auto& [first, last] : samples) {
    if (from >= first && from < last) from = last;
  }
  return from;
}

std::string fingerprint(const Graph& graph) {
  uint32_t crc = 0;
  for (NodeId id : moment_layers(graph)) {
    const Node& node = graph.nodes[static_cast<size_t>(id)];
    const Tensor& weights = graph.tensor(node.inputs[conv_input::weights]);
    crc = crc32c(std::as_bytes(std::span(node.name.data(), node.name.size())), crc);
    const std::string shape = to_string(weights.desc.shape);
    crc = crc32c(std::as_bytes(std::span(shape.data(), shape.size())), crc);
    crc = crc32c(weights.constant->bytes, crc);
  }
  return format("%08x", crc);
}

Result<std::string> checksum(const std::string& path) {
  NBL_TRY(const std::vector<uint8_t> bytes, media::read_file(path, kMostBytes));
  // Without the checksum at its end: with it every file has the same.
  const size_t body = bytes.size() - std::min(bytes.size(), sizeof(uint64_t));
  return format("%08x", crc32c(std::as_bytes(std::span(bytes).first(body))));
}

Status check_same_origin(const MomentsFile& into, const MomentsFile& other) {
  const auto same = [](const char* what, const std::string& a, const std::string& b) -> Status {
    if (a == b) return {};
    return Error{Code::invalid_argument,
                 format("statistics do not add up: their %s differ, '%s' and '%s'", what, a.c_str(), b.c_str())};
  };
  NBL_CHECK(same("networks", into.network, other.network));
  NBL_CHECK(same("preprocessings", into.preprocessing, other.preprocessing));
  NBL_CHECK(same("positions", std::to_string(into.positions), std::to_string(other.positions)));
  return {};
}

Status merge(MomentsFile& into, const MomentsFile& other) {
  if (into.layers.empty()) {
    into = other;
    return {};
  }
  NBL_CHECK(check_same_origin(into, other));
  auto samples = into.samples;
  samples.insert(samples.end(), other.samples.begin(), other.samples.end());
  std::sort(samples.begin(), samples.end());
  std::vector<std::pair<uint64_t, uint64_t>> joined;
  for (const auto& part : samples) {
    if (!joined.empty() && part.first < joined.back().second) {
      return Error{Code::invalid_argument, format("statistics do not add up: sample %llu is in both",
                                                  static_cast<unsigned long long>(part.first))};
    }
    if (!joined.empty() && part.first == joined.back().second)
      joined.back().second = part.second;
    else
      joined.push_back(part);
  }
  for (const auto& [name, moments] : other.layers) {
    const auto found = into.layers.find(name);
    if (found == into.layers.end())
      return Error{Code::invalid_argument, "statistics do not add up: layer '" + name + "' is in one only"};
    if (!found->second.same_shape(moments)) return found->second.merge(moments);  // says the sizes
  }
  if (into.layers.size() != other.layers.size())
    return Error{Code::invalid_argument, "statistics do not add up: they hold different layers"};
  for (const auto& [name, moments] : other.layers) NBL_CHECK(into.layers.at(name).merge(moments));
  into.samples = std::move(joined);
  return {};
}

Status write_moments(const MomentsFile& file, const std::string& path) {
  std::string out(kMagic, sizeof(kMagic));
  put_text(out, file.network);
  put_text(out, file.preprocessing);
  put_number(out, static_cast<uint64_t>(file.positions));
  put_number(out, file.samples.size());
  for (const auto& [first, last] : file.samples) {
    put_number(out, first);
    put_number(out, last);
  }
  put_number(out, file.layers.size());
  for (const auto& [name, m] : file.layers) {
    put_text(out, name);
    for (int64_t size : {m.inputs, m.kernel, m.groups}) put_number(out, static_cast<uint64_t>(size));
    put_number(out, m.count);
    put_number(out, m.samples);
    put(out, m.sum.data(), m.sum.size() * sizeof(double));
    const auto row = static_cast<size_t>(m.row());
    if (!m.has_pairs()) put(out, m.gram.data(), m.gram.size() * sizeof(double));
    for (size_t g = 0; m.has_pairs() && g < static_cast<size_t>(m.groups); ++g) {
      for (size_t i = 0; i < row; ++i) put(out, m.gram.data() + (g * row + i) * row, (i + 1) * sizeof(double));
    }
  }
  put_number(out, crc32c(std::as_bytes(std::span(out.data(), out.size()))));
  return media::write_file_atomically(path, out);
}

Result<MomentsFile> read_moments(const std::string& path) {
  NBL_TRY(const std::vector<uint8_t> bytes, media::read_file(path, kMostBytes));
  const auto parse = [&]() -> Result<MomentsFile> {
    if (bytes.size() < sizeof(kMagic) + sizeof(uint64_t) || std::memcmp(bytes.data(), kMagic, sizeof(kMagic)) != 0)
      return Error{Code::corrupt_file, "it is not a file of statistics"};
    const auto body = std::span(bytes).first(bytes.size() - sizeof(uint64_t));
    uint64_t stored = 0;
    std::memcpy(&stored, bytes.data() + body.size(), sizeof(stored));
    if (crc32c(std::as_bytes(body)) != stored) return Error{Code::corrupt_file, "its checksum is wrong"};
    Reader in(body.subspan(sizeof(kMagic)));
    MomentsFile out;
    NBL_TRY(out.network, in.text());
    NBL_TRY(out.preprocessing, in.text());
    NBL_TRY(const uint64_t positions, in.number());
    out.positions = static_cast<int64_t>(positions);
    NBL_TRY(const uint64_t parts, in.number());
    for (uint64_t i = 0; i < parts; ++i) {
      NBL_TRY(const uint64_t first, in.number());
      NBL_TRY(const uint64_t last, in.number());
      if (last <= first || (!out.samples.empty() && first <= out.samples.back().second))
        return Error{Code::corrupt_file, "its sample numbers are not in order"};
      out.samples.emplace_back(first, last);
    }
    NBL_TRY(const uint64_t layers, in.number());
    for (uint64_t i = 0; i < layers; ++i) {
      NBL_TRY(const std::string name, in.text());
      NBL_TRY(LayerMoments moments, read_layer(in));
      out.layers[name] = std::move(moments);
    }
    if (in.left() != 0) return Error{Code::corrupt_file, "it is longer than what it holds"};
    return out;
  };
  auto out = parse();
  if (!out) return std::move(out).error().with_context("statistics '" + path + "'");
  return out;
}

Result<LayerStatistics> layers_of(MomentsFile file, const Graph& graph) {
  const std::string own = fingerprint(graph);
  if (file.network != own) {
    return Error{Code::invalid_argument,
                 "the statistics are of another network (or of the same with other options): '" + file.network +
                     "', this one is '" + own + "'"};
  }
  LayerStatistics out;
  for (NodeId id : moment_layers(graph)) {
    const auto found = file.layers.find(graph.nodes[static_cast<size_t>(id)].name);
    if (found != file.layers.end()) out.emplace(id, std::move(found->second));
  }
  return out;
}

}  // namespace nibble::statistics
