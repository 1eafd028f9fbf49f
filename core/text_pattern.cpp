#include "core/text_pattern.h"

#include <re2/re2.h>

namespace streamflow {

struct TextPattern::Compiled {
  explicit Compiled(const std::string& pattern) : regex(pattern, re2::RE2::Quiet) {}
  re2::RE2 regex;
  std::vector<size_t> groups;  // numbers of the named ones
};

TextPattern::TextPattern(std::unique_ptr<Compiled> compiled) : compiled_(std::move(compiled)) {
  for (const auto& [number, name] : compiled_->regex.CapturingGroupNames()) {
    compiled_->groups.push_back(static_cast<size_t>(number));
    names_.push_back(name);
  }
}
TextPattern::TextPattern(TextPattern&&) noexcept = default;
TextPattern& TextPattern::operator=(TextPattern&&) noexcept = default;
TextPattern::~TextPattern() = default;

Result<TextPattern> TextPattern::compile(const std::string& pattern) {
  auto compiled = std::make_unique<Compiled>(pattern);
  if (!compiled->regex.ok()) return fail(ErrorKind::kConfig, compiled->regex.error());
  return TextPattern(std::move(compiled));
}

bool TextPattern::match(std::string_view text, std::vector<std::string_view>& groups) const {
  const re2::RE2& regex = compiled_->regex;
  std::vector<re2::StringPiece> found(static_cast<size_t>(regex.NumberOfCapturingGroups()) + 1);
  if (!regex.Match({text.data(), text.size()}, 0, text.size(), re2::RE2::UNANCHORED, found.data(),
                   static_cast<int>(found.size())))
    return false;
  groups.clear();
  for (const size_t group : compiled_->groups)
    groups.emplace_back(found[group].data(), found[group].size());
  return true;
}

}  // namespace streamflow
