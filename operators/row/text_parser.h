// What one text of a field says, as JSON: the formats of `parse`.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/registry.h"

namespace streamflow {

class TextParser {
 public:
  virtual ~TextParser() = default;
  // Appends one JSON value.  False, with the reason: the text is not of the format.
  virtual bool parse(std::string_view text, std::string& json, std::string& reason) const = 0;
  // The fields that every parsed text has; empty: they differ.
  virtual std::vector<std::string> fields() const { return {}; }
};

// From the options `format pattern delimiter decimal header types`.  Null: reported.
std::unique_ptr<TextParser> read_text_parser(BuildContext& context);
std::vector<OptionDescriptor> text_parser_options();

}  // namespace streamflow
