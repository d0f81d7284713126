// The list of networks that nibble-shapes makes: shapes of published ones, never their weights.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace nibble::shapes {

struct Network {
  const char* name;
  const char* group;   // "network", or "layer" for single layers
  const char* source;  // paper or project
  double giga;         // published multiply-adds at the default size, in 10^9; 0: none published
  const char* rows;    // rows.h
};
std::span<const Network> networks();
const Network* find_network(std::string_view name);  // null for an unknown one

}  // namespace nibble::shapes
