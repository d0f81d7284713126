#include "converter/statistics/moments_file.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>

#include "core/crc32c.h"
#include "core/text.h"
#include "core/try.h"
#include "media/read_file.h"
#include "ops/conv2d.h"

namespace nibble::statistics {
namespace {

constexpr char kMagic[8] = {'N', 'B', 'L', 'S', 'T', 'A', 'T', '1'};
constexpr size_t kBlock = size_t{1} << 20;  // of a file, read at once
constexpr size_t kLongestText = size_t{1} << 24;

static_assert(std::endian::native == std::endian::little, "numbers are written as they lie in memory");

// Reads a file from front to back; every length is checked against what is left before it is taken.
class Reader {
 public:
  Reader(std::FILE* file, uint64_t bytes) : file_(file), left_(bytes) {}

  Status bytes(void* out, uint64_t size) {
    if (left_ < size || (size > 0 && std::fread(out, 1, size, file_) != size))
      return Error{Code::corrupt_file, "it ends in the middle of a number or a text"};
    left_ -= size;
    return {};
  }
  Result<uint64_t> number() {
    uint64_t value = 0;
    NBL_CHECK(bytes(&value, sizeof(value)));
    return value;
  }
  Result<std::string> text() {
    NBL_TRY(const uint64_t size, number());
    if (size > std::min<uint64_t>(left_, kLongestText)) return Error{Code::corrupt_file, "a text is impossibly long"};
    std::string out(static_cast<size_t>(size), '\0');
    NBL_CHECK(bytes(out.data(), size));
    return out;
  }
  Status doubles(std::span<double> out) { return bytes(out.data(), out.size_bytes()); }
  // Over `size` bytes that are there.
  Status skip(uint64_t size) {
    if (left_ < size) return Error{Code::corrupt_file, "a layer's sums are longer than the file"};
    left_ -= size;
    if (fseeko(file_, static_cast<off_t>(size), SEEK_CUR) == 0) return {};
    return Error{Code::io, "it cannot be read at random"};
  }
  uint64_t left() const { return left_; }

 private:
  std::FILE* file_;
  uint64_t left_;
};

// The checksum of a file's first `size` bytes.
Result<uint32_t> checksum_of(std::FILE* file, uint64_t size) {
  if (fseeko(file, 0, SEEK_SET) != 0) return Error{Code::io, "it cannot be read at random"};
  Reader in(file, size);
  std::vector<std::byte> block(kBlock);
  uint32_t crc = 0;
  while (in.left() > 0) {
    const auto part = std::span(block).first(static_cast<size_t>(std::min<uint64_t>(in.left(), kBlock)));
    NBL_CHECK(in.bytes(part.data(), part.size()));
    crc = crc32c(part, crc);
  }
  return crc;
}

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

// A regular file and its size.
Result<std::pair<File, uint64_t>> open_file(const std::string& path) {
  NBL_CHECK(media::read_start_of_file(path, 1));  // says what a path is that is no file
  File file(std::fopen(path.c_str(), "rb"));
  const bool ended = file && fseeko(file.get(), 0, SEEK_END) == 0;
  const off_t size = ended ? ftello(file.get()) : -1;
  if (size < 0) return Error{Code::io, path + ": cannot be read"};
  return std::pair<File, uint64_t>(std::move(file), static_cast<uint64_t>(size));
}

bool has_pairs(uint64_t row) { return row <= static_cast<uint64_t>(kLongestRowWithPairs); }

// Of a layer behind its sizes: count, samples, sums, gram.
uint64_t stored_bytes(uint64_t row, uint64_t groups) {
  const uint64_t gram = has_pairs(row) ? row * (row + 1) / 2 : row;
  return 2 * sizeof(uint64_t) + groups * (row + gram) * sizeof(double);
}

}  // namespace

uint64_t MomentsOrigin::sample_count() const {
  uint64_t sum = 0;
  for (const auto& [first, last] : samples) sum += last - first;
  return sum;
}

uint64_t MomentsOrigin::first_missing(uint64_t from) const {
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

Result<MomentsOrigin> joined(const MomentsOrigin& a, const MomentsOrigin& b) {
  const auto same = [](const char* what, const std::string& one, const std::string& other) -> Status {
    if (one == other) return {};
    return Error{Code::invalid_argument,
                 format("statistics do not add up: their %s differ, '%s' and '%s'", what, one.c_str(), other.c_str())};
  };
  NBL_CHECK(same("networks", a.network, b.network));
  NBL_CHECK(same("preprocessings", a.preprocessing, b.preprocessing));
  NBL_CHECK(same("positions", std::to_string(a.positions), std::to_string(b.positions)));
  MomentsOrigin out = a;
  std::vector<std::pair<uint64_t, uint64_t>> parts = a.samples;
  parts.insert(parts.end(), b.samples.begin(), b.samples.end());
  std::sort(parts.begin(), parts.end());
  out.samples.clear();
  for (const auto& part : parts) {
    if (!out.samples.empty() && part.first < out.samples.back().second) {
      return Error{Code::invalid_argument, format("statistics do not add up: sample %llu is in both",
                                                  static_cast<unsigned long long>(part.first))};
    }
    if (!out.samples.empty() && part.first == out.samples.back().second)
      out.samples.back().second = part.second;
    else
      out.samples.push_back(part);
  }
  return out;
}

Result<std::string> checksum(const std::string& path) {
  NBL_TRY(const auto opened, open_file(path));
  // Without the checksum at its end: with it every file has the same.
  NBL_TRY(const uint32_t crc, checksum_of(opened.first.get(), opened.second - std::min<uint64_t>(opened.second, 8)));
  return format("%08x", crc);
}

Result<MomentsFile> MomentsFile::open(const std::string& path) {
  NBL_TRY(auto opened, open_file(path));
  MomentsFile out;
  out.path_ = path;
  out.file_.reset(opened.first.release(), [](std::FILE* file) { std::fclose(file); });
  if (Status status = out.read_index(opened.second); !status)
    return std::move(status).error().with_context("statistics '" + path + "'");
  return out;
}

Status MomentsFile::read_index(uint64_t size) {
  char magic[sizeof(kMagic)] = {};
  if (fseeko(file_.get(), 0, SEEK_SET) != 0 || std::fread(magic, 1, sizeof(magic), file_.get()) != sizeof(magic) ||
      std::memcmp(magic, kMagic, sizeof(kMagic)) != 0 || size < sizeof(kMagic) + sizeof(uint64_t))
    return Error{Code::corrupt_file, "it is not a file of statistics"};
  const uint64_t body = size - sizeof(uint64_t);
  NBL_TRY(const uint32_t crc, checksum_of(file_.get(), body));
  uint64_t stored = 0;
  if (std::fread(&stored, 1, sizeof(stored), file_.get()) != sizeof(stored) || stored != crc)
    return Error{Code::corrupt_file, "its checksum is wrong"};

  if (fseeko(file_.get(), sizeof(kMagic), SEEK_SET) != 0) return Error{Code::io, "it cannot be read at random"};
  Reader in(file_.get(), body - sizeof(kMagic));
  NBL_TRY(origin_.network, in.text());
  NBL_TRY(origin_.preprocessing, in.text());
  NBL_TRY(const uint64_t positions, in.number());
  origin_.positions = static_cast<int64_t>(positions);
  NBL_TRY(const uint64_t parts, in.number());
  for (uint64_t i = 0; i < parts; ++i) {
    NBL_TRY(const uint64_t first, in.number());
    NBL_TRY(const uint64_t last, in.number());
    if (last <= first || (!origin_.samples.empty() && first <= origin_.samples.back().second))
      return Error{Code::corrupt_file, "its sample numbers are not in order"};
    origin_.samples.emplace_back(first, last);
  }
  NBL_TRY(const uint64_t layers, in.number());
  for (uint64_t i = 0; i < layers; ++i) {
    NBL_TRY(const std::string name, in.text());
    uint64_t sizes[3] = {};  // inputs, kernel, groups
    for (uint64_t& value : sizes) {
      NBL_TRY(value, in.number());
    }
    constexpr uint64_t kMost = uint64_t{1} << 20;
    const bool possible =
        std::all_of(std::begin(sizes), std::end(sizes), [](uint64_t v) { return v > 0 && v <= kMost; });
    if (!possible || sizes[0] * sizes[1] > kMost) return Error{Code::corrupt_file, "a layer has impossible sizes"};
    layers_[name] = {static_cast<int64_t>(sizes[0]), static_cast<int64_t>(sizes[1]), static_cast<int64_t>(sizes[2]),
                     body - in.left()};
    NBL_CHECK(in.skip(stored_bytes(sizes[0] * sizes[1], sizes[2])));
  }
  if (in.left() != 0) return Error{Code::corrupt_file, "it is longer than what it holds"};
  return {};
}

std::vector<std::string> MomentsFile::layers() const {
  std::vector<std::string> out;
  for (const auto& [name, layer] : layers_) out.push_back(name);
  return out;
}

size_t MomentsFile::bytes() const {
  size_t sum = 0;
  for (const auto& [name, layer] : layers_) sum += moment_bytes(layer.inputs, layer.kernel, layer.groups);
  return sum;
}

Result<LayerMoments> MomentsFile::layer(const std::string& name) const {
  const auto found = layers_.find(name);
  if (found == layers_.end())
    return Error{Code::not_found, "statistics '" + path_ + "' hold nothing of layer '" + name + "'"};
  const Layer& layer = found->second;
  LayerMoments m = make_layer_moments(layer.inputs, layer.kernel, layer.groups);
  const auto row = static_cast<size_t>(m.row());
  const auto read = [&]() -> Status {
    if (fseeko(file_.get(), static_cast<off_t>(layer.offset), SEEK_SET) != 0)
      return Error{Code::io, "it cannot be read at random"};
    Reader in(file_.get(), stored_bytes(row, static_cast<uint64_t>(m.groups)));
    NBL_TRY(m.count, in.number());
    NBL_TRY(m.samples, in.number());
    NBL_CHECK(in.doubles(m.sum));
    return in.doubles(m.gram);
  };
  if (Status status = read(); !status) return std::move(status).error().with_context("statistics '" + path_ + "'");
  return m;
}

Result<MomentsWriter> MomentsWriter::create(const std::string& path, const MomentsOrigin& origin, size_t layers) {
  NBL_TRY(AtomicFile file, AtomicFile::create(path));
  MomentsWriter out(std::move(file));
  out.left_ = layers;
  NBL_CHECK(out.put(kMagic, sizeof(kMagic)));
  NBL_CHECK(out.put_text(origin.network));
  NBL_CHECK(out.put_text(origin.preprocessing));
  NBL_CHECK(out.put_number(static_cast<uint64_t>(origin.positions)));
  NBL_CHECK(out.put_number(origin.samples.size()));
  for (const auto& [first, last] : origin.samples) {
    NBL_CHECK(out.put_number(first));
    NBL_CHECK(out.put_number(last));
  }
  NBL_CHECK(out.put_number(layers));
  return out;
}

Status MomentsWriter::put(const void* data, size_t bytes) {
  const auto part = std::span(static_cast<const std::byte*>(data), bytes);
  crc_ = crc32c(part, crc_);
  return file_.write(part);
}

Status MomentsWriter::put_text(const std::string& text) {
  NBL_CHECK(put_number(text.size()));
  return put(text.data(), text.size());
}

Status MomentsWriter::add(const std::string& name, const LayerMoments& m) {
  if (left_ == 0 || (!last_.empty() && name <= last_))
    return Error{Code::internal, "statistics of layer '" + name + "' are written out of turn"};
  --left_;
  last_ = name;
  NBL_CHECK(put_text(name));
  for (int64_t size : {m.inputs, m.kernel, m.groups}) NBL_CHECK(put_number(static_cast<uint64_t>(size)));
  NBL_CHECK(put_number(m.count));
  NBL_CHECK(put_number(m.samples));
  NBL_CHECK(put(m.sum.data(), m.sum.size() * sizeof(double)));
  return put(m.gram.data(), m.gram.size() * sizeof(double));
}

Status MomentsWriter::finish() {
  if (left_ > 0) return Error{Code::internal, "statistics are finished before all layers are written"};
  NBL_CHECK(put_number(crc_));
  return file_.commit();
}

Status add_files(const std::vector<std::string>& paths, const std::string& path) {
  std::vector<MomentsFile> files;
  MomentsOrigin origin;
  for (const std::string& name : paths) {
    NBL_TRY(MomentsFile file, MomentsFile::open(name));
    if (!files.empty()) {
      auto both = joined(origin, file.origin());
      if (!both) return std::move(both).error().with_context("'" + name + "'");
      origin = std::move(*both);
      if (file.layers() != files.front().layers())
        return Error{Code::invalid_argument, "'" + name + "': statistics do not add up: they hold different layers"};
    } else {
      origin = file.origin();
    }
    files.push_back(std::move(file));
  }
  if (files.empty()) return Error{Code::invalid_argument, "no statistics to add up"};
  const std::vector<std::string> layers = files.front().layers();
  NBL_TRY(MomentsWriter out, MomentsWriter::create(path, origin, layers.size()));
  for (const std::string& layer : layers) {
    NBL_TRY(LayerMoments sum, files.front().layer(layer));
    for (size_t i = 1; i < files.size(); ++i) {
      NBL_TRY(const LayerMoments other, files[i].layer(layer));
      if (Status status = sum.merge(other); !status)
        return std::move(status).error().with_context("'" + paths[i] + "'");
    }
    NBL_CHECK(out.add(layer, sum));
  }
  return out.finish();
}

Status check_network(const MomentsFile& file, const Graph& graph) {
  const std::string own = fingerprint(graph);
  if (file.origin().network == own) return {};
  return Error{Code::invalid_argument, "the statistics are of another network (or of the same with other options): '" +
                                           file.origin().network + "', this one is '" + own + "'"};
}

}  // namespace nibble::statistics
