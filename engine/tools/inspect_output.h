// nibble-inspect's facts as text and as JSON.
#pragma once

#include <optional>
#include <string>

#include "runtime/plan.h"
#include "tools/inspect_facts.h"

namespace nibble {

// What a plan for one device adds: memory, or why there is no plan.
struct PlanFacts {
  std::string device;
  std::optional<Plan> plan;
  std::string refusal;  // empty when there is a plan
};

std::string to_text(const ModelFacts& facts, const PlanFacts& plan);

// With the plan's steps when `explained`.
std::string to_json(const ModelFacts& facts, const PlanFacts& plan, bool explained);

}  // namespace nibble
