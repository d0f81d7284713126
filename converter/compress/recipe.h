// The options that decide about the values in the file, as name and text.
#pragma once

#include <map>
#include <string>

#include "converter/convert_options.h"
#include "nibble/result.h"

namespace nibble::compress {

std::map<std::string, std::string> recipe_of(const ConvertOptions& options);

// Sets the options that the recipe names. An error where a name or a text is not known, and where one is missing.
Status apply_recipe(const std::map<std::string, std::string>& recipe, ConvertOptions& options);

}  // namespace nibble::compress
