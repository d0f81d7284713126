#include "media/npy.h"

#include <bit>
#include <cstring>
#include <limits>
#include <set>

#include "core/text.h"
#include "core/try.h"
#include "media/atomic_file.h"
#include "media/npy_header.h"
#include "media/read_file.h"

namespace nibble::media {
namespace {

static_assert(std::endian::native == std::endian::little, ".npy data is copied as it lies in the file");

constexpr uint64_t kMaxFileBytes = uint64_t{4} << 30;
constexpr char kMagic[] = "\x93NUMPY";

enum class Widen { none, f64_to_f32, i16_to_i32, u16_to_i32 };

struct ElementType {
  const char* descr;  // without the byte order
  DType type;
  size_t file_bytes;
  Widen widen;
};

// The first row of a DType is the one that is written.
constexpr ElementType kElementTypes[] = {
    {"f4", DType::f32, 4, Widen::none},       {"f2", DType::f16, 2, Widen::none},
    {"f8", DType::f32, 8, Widen::f64_to_f32}, {"i1", DType::i8, 1, Widen::none},
    {"u1", DType::u8, 1, Widen::none},        {"i4", DType::i32, 4, Widen::none},
    {"i2", DType::i32, 2, Widen::i16_to_i32}, {"u2", DType::i32, 2, Widen::u16_to_i32},
    {"i8", DType::i64, 8, Widen::none},       {"b1", DType::boolean, 1, Widen::none},
};

Result<ElementType> element_type(const std::string& descr) {
  const Error unsupported{
      Code::invalid_argument,
      format("element type '%s' is not supported; f2 f4 f8 i1 u1 i2 u2 i4 i8 b1, little-endian, are", descr.c_str())};
  if (descr.size() != 3) return unsupported;
  for (const ElementType& row : kElementTypes) {
    if (descr.compare(1, 2, row.descr) != 0) continue;
    const bool order_matters = row.file_bytes > 1;
    const char order = descr[0];
    if (order == '<' || order == '=' || (!order_matters && (order == '|' || order == '>'))) return row;
  }
  return unsupported;
}

// No result where the product overflows, so that it can't pass for a small file's length.
Result<uint64_t> checked_bytes(std::span<const int64_t> shape, size_t bytes_each) {
  uint64_t bytes = bytes_each;
  bool empty = false;
  for (const int64_t size : shape) {
    if (size < 0) return Error{Code::invalid_argument, "a shape has a negative size"};
    if (size == 0) {
      empty = true;
      continue;
    }
    if (bytes > std::numeric_limits<uint64_t>::max() / static_cast<uint64_t>(size)) {
      return Error{Code::corrupt_file, "the sizes of the shape multiply beyond 64 bits"};
    }
    bytes *= static_cast<uint64_t>(size);
  }
  return empty ? uint64_t{0} : bytes;
}

// Element i of the file goes to the row-major place of the same index: the first index runs fastest in the file.
std::vector<uint8_t> row_major(std::span<const uint8_t> from, std::span<const int64_t> shape, size_t each) {
  std::vector<uint8_t> out(from.size());
  std::vector<size_t> step(shape.size(), each), index(shape.size(), 0);
  for (size_t axis = shape.size(); axis-- > 1;) step[axis - 1] = step[axis] * static_cast<size_t>(shape[axis]);
  size_t place = 0;
  for (size_t at = 0; at < from.size(); at += each) {
    std::memcpy(out.data() + place, from.data() + at, each);
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      place += step[axis];
      if (++index[axis] < static_cast<size_t>(shape[axis])) break;
      place -= step[axis] * index[axis];
      index[axis] = 0;
    }
  }
  return out;
}

template <class From, class To>
std::vector<std::byte> converted(std::span<const uint8_t> from) {
  const size_t count = from.size() / sizeof(From);
  std::vector<std::byte> out(count * sizeof(To));
  for (size_t i = 0; i < count; ++i) {
    From value;
    std::memcpy(&value, from.data() + i * sizeof(From), sizeof(From));
    const To wide = static_cast<To>(value);
    std::memcpy(out.data() + i * sizeof(To), &wide, sizeof(To));
  }
  return out;
}

std::vector<std::byte> widened(std::span<const uint8_t> from, Widen widen) {
  switch (widen) {
    case Widen::f64_to_f32: return converted<double, float>(from);
    case Widen::i16_to_i32: return converted<int16_t, int32_t>(from);
    case Widen::u16_to_i32: return converted<uint16_t, int32_t>(from);
    case Widen::none: break;
  }
  const auto bytes = std::as_bytes(from);
  return {bytes.begin(), bytes.end()};
}

// Where the data begins, behind magic, version and header.
struct HeaderPlace {
  size_t first;
  size_t length;
};

Result<HeaderPlace> find_header(std::span<const uint8_t> bytes) {
  if (bytes.size() < 10 || std::memcmp(bytes.data(), kMagic, 6) != 0) {
    return Error{Code::corrupt_file, "not a .npy file: it does not begin with \\x93NUMPY"};
  }
  const int major = bytes[6];
  if (major < 1 || major > 3) {
    return Error{Code::unsupported_version, format(".npy version %d is not supported, 1 to 3 are", major)};
  }
  const size_t first = major == 1 ? 10 : 12;
  if (bytes.size() < first) return Error{Code::corrupt_file, ".npy file is truncated in its header"};
  size_t length = bytes[8] | size_t{bytes[9]} << 8;
  if (major > 1) length |= size_t{bytes[10]} << 16 | size_t{bytes[11]} << 24;
  if (length > bytes.size() - first) return Error{Code::corrupt_file, ".npy file is truncated in its header"};
  return HeaderPlace{first, length};
}

}  // namespace

size_t NpyArray::elements() const { return data.size() / bytes_per_element(type); }

Result<NpyArray> parse_npy(std::span<const uint8_t> bytes) {
  NBL_TRY(const HeaderPlace place, find_header(bytes));
  const auto* text = reinterpret_cast<const char*>(bytes.data() + place.first);
  NBL_TRY(NpyHeader header, parse_npy_header({text, place.length}));
  NBL_TRY(const ElementType element, element_type(header.descr));
  NBL_TRY(const uint64_t expected, checked_bytes(header.shape, element.file_bytes));
  const std::span<const uint8_t> data = bytes.subspan(place.first + place.length);
  if (data.size() != expected) {
    return Error{Code::corrupt_file, format("%s: header and shape demand %llu bytes of data, the file has %zu",
                                            data.size() < expected ? "truncated" : "too long",
                                            static_cast<unsigned long long>(expected), data.size())};
  }
  NpyArray out{element.type, std::move(header.shape), {}};
  if (header.fortran_order && out.shape.size() > 1) {
    out.data = widened(row_major(data, out.shape, element.file_bytes), element.widen);
  } else {
    out.data = widened(data, element.widen);
  }
  return out;
}

Result<NpyArray> read_npy(const std::string& path) {
  NBL_TRY(const std::vector<uint8_t> bytes, read_file(path, kMaxFileBytes));
  auto array = parse_npy(bytes);
  if (!array) return std::move(array).error().with_context(path);
  return array;
}

Result<std::vector<uint8_t>> encode_npy(DType type, std::span<const int64_t> shape, std::span<const std::byte> bytes) {
  const ElementType* element = nullptr;
  for (const ElementType& row : kElementTypes) {
    if (row.type == type && row.widen == Widen::none) element = &row;
  }
  if (!element) {
    return Error{Code::invalid_argument, format("a tensor of type %s cannot be written as .npy", to_string(type))};
  }
  NBL_TRY(const uint64_t expected, checked_bytes(shape, element->file_bytes));
  if (bytes.size() != expected) {
    return Error{Code::invalid_argument, format("the shape demands %llu bytes, the tensor has %zu",
                                                static_cast<unsigned long long>(expected), bytes.size())};
  }
  const char order = element->file_bytes > 1 ? '<' : '|';
  std::string header = print_npy_header({order + std::string(element->descr), false, {shape.begin(), shape.end()}});
  constexpr size_t kPreamble = 10, kAlignment = 64;  // data begins at a multiple of 64, the header ends in a newline
  header.append((kAlignment - (kPreamble + header.size() + 1) % kAlignment) % kAlignment, ' ');
  header += '\n';
  std::vector<uint8_t> out(kMagic, kMagic + 6);
  out.reserve(out.size() + 4 + header.size() + bytes.size());
  out.insert(out.end(), {1, 0, static_cast<uint8_t>(header.size() & 255), static_cast<uint8_t>(header.size() >> 8)});
  out.insert(out.end(), header.begin(), header.end());
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  out.insert(out.end(), data, data + bytes.size());
  return out;
}

Status write_npy(const std::string& path, DType type, std::span<const int64_t> shape,
                 std::span<const std::byte> bytes) {
  auto encoded = encode_npy(type, shape, bytes);
  if (!encoded) return std::move(encoded).error().with_context(path);
  return write_file_atomically(path, std::as_bytes(std::span(*encoded)));
}

std::string safe_file_name(const std::string& tensor_name) {
  std::string out = tensor_name;
  for (char& c : out) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && c != '.' && c != '_' && c != '-') c = '_';
  }
  if (out.empty()) return "_";
  if (out[0] == '.') out[0] = '_';
  constexpr size_t kMaxLength = 200;  // file systems allow 255 bytes, extension and temporary names included
  if (out.size() > kMaxLength) out.resize(kMaxLength);
  return out;
}

std::vector<std::string> safe_file_names(std::span<const std::string> tensor_names) {
  std::vector<std::string> out;
  std::set<std::string> taken;
  for (const std::string& name : tensor_names) {
    const std::string wanted = safe_file_name(name);
    std::string given = wanted;
    for (int n = 2; !taken.insert(given).second; ++n) given = format("%s_%d", wanted.c_str(), n);
    out.push_back(given);
  }
  return out;
}

}  // namespace nibble::media
