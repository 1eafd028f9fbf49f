// A regular expression (RE2) with named groups.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/status.h"

namespace streamflow {

class TextPattern {
 public:
  static Result<TextPattern> compile(const std::string& pattern);
  TextPattern(TextPattern&&) noexcept;
  TextPattern& operator=(TextPattern&&) noexcept;
  ~TextPattern();

  const std::vector<std::string>& names() const { return names_; }  // of its groups, in their order
  // What the named groups took of the first match anywhere in the text, empty where one took no
  // part; false: no match.
  bool match(std::string_view text, std::vector<std::string_view>& groups) const;

 private:
  struct Compiled;
  explicit TextPattern(std::unique_ptr<Compiled> compiled);

  std::unique_ptr<Compiled> compiled_;
  std::vector<std::string> names_;
};

}  // namespace streamflow
