#include <map>
#include <memory>

#include "packer/pack.h"

namespace nibble {
namespace {

// A module that others may continue: where its decoder stands at its end.
struct Base {
  LzModels models;
  std::vector<uint8_t> window;
  int32_t index = -1;
  size_t chain = 0;
};

struct Attempt {
  Base state;
  std::vector<uint8_t> packed;
};

std::unique_ptr<Attempt> pack_on(const Base& base, std::span<const uint8_t> bytes) {
  auto attempt = std::make_unique<Attempt>(Attempt{base, {}});
  attempt->packed = pack_bytes(bytes, attempt->state.models, attempt->state.window);
  return attempt;
}

}  // namespace

Result<PackedSet> pack_modules(std::span<const NamedSpirv> modules) {
  PackedSet out;
  std::vector<std::unique_ptr<Base>> firsts;  // of families
  firsts.push_back(std::make_unique<Base>());
  std::map<std::string, const Base*> first_of;
  for (size_t i = 0; i < modules.size(); ++i) {
    const std::vector<uint8_t> bytes = spirv_bytes(modules[i].words);
    if (bytes.empty()) return Error{Code::invalid_argument, "module " + std::to_string(i) + " is no SPIR-V"};
    const auto own = first_of.find(modules[i].family);
    std::unique_ptr<Attempt> best;
    int32_t base = -1;
    // A family's first module tries those of all families before it, so that alike families share; the others follow.
    for (const auto& candidate : firsts) {
      if (own != first_of.end() ? candidate.get() != own->second : candidate->chain + 2 > kLongestPackedChain) continue;
      auto attempt = pack_on(*candidate, bytes);
      if (best && attempt->packed.size() >= best->packed.size()) continue;
      best = std::move(attempt);
      base = candidate->index;
    }
    const auto begin = static_cast<uint32_t>(out.bytes.size());
    out.bytes.insert(out.bytes.end(), best->packed.begin(), best->packed.end());
    out.modules.push_back({begin, static_cast<uint32_t>(out.bytes.size()), static_cast<uint32_t>(bytes.size()),
                           static_cast<uint32_t>(modules[i].words.size()), base});
    if (own != first_of.end()) continue;
    firsts.push_back(std::make_unique<Base>(std::move(best->state)));
    firsts.back()->index = static_cast<int32_t>(i);
    ++firsts.back()->chain;
    first_of[modules[i].family] = firsts.back().get();
  }
  return out;
}

}  // namespace nibble
