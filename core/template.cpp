// Template of encode.h.
#include "core/encode.h"

namespace streamflow {
namespace {

bool may_be_in_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.' || static_cast<unsigned char>(c) >= 0x80;
}

// The length of the name at the start of `text` if a `}` follows it, else 0.
size_t name_length(std::string_view text) {
  size_t n = 0;
  while (n < text.size() && may_be_in_name(text[n])) ++n;
  return n < text.size() && text[n] == '}' ? n : 0;
}

constexpr std::string_view kMetaPrefix = "meta.";

// `meta` wins over a field of that name, as in expressions.
ColumnPtr find_column(const Batch& batch, std::string_view name) {
  if (name.substr(0, kMetaPrefix.size()) != kMetaPrefix) return batch.field(name);
  name.remove_prefix(kMetaPrefix.size());
  for (const NamedColumn& meta : batch.meta) {
    if (meta.name == name) return meta.column;
  }
  return nullptr;
}

}  // namespace

Template Template::parse(std::string_view text) {
  Template result;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    const bool doubled = i + 1 < text.size() && text[i + 1] == c;
    if ((c == '{' || c == '}') && doubled) {
      result.literals_.back() += c;
      i += 2;
      continue;
    }
    const size_t length = c == '{' ? name_length(text.substr(i + 1)) : 0;
    if (length == 0) {
      result.literals_.back() += c;
      ++i;
      continue;
    }
    result.fields_.emplace_back(text.substr(i + 1, length));
    result.literals_.emplace_back();
    i += length + 2;
  }
  return result;
}

std::vector<ColumnPtr> Template::columns(const Batch& batch) const {
  std::vector<ColumnPtr> found;
  found.reserve(fields_.size());
  for (const std::string& field : fields_) found.push_back(find_column(batch, field));
  return found;
}

std::string Template::fill(const std::vector<ColumnPtr>& columns, uint32_t row) const {
  std::string out = literals_.front();
  for (size_t i = 0; i < fields_.size(); ++i) {
    if (columns[i]) append_cell_text(*columns[i], row, TimestampStyle::kRfc3339, out);
    out += literals_[i + 1];
  }
  return out;
}

std::string Template::fill(const Batch& batch, uint32_t row) const {
  return fill(columns(batch), row);
}

}  // namespace streamflow
