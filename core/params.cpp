// Params: typed reading of options that `validate` has checked.
#include <algorithm>

#include "core/option_value.h"
#include "core/registry.h"

namespace streamflow {
namespace {

// The descriptor's default for a name, or empty.
std::string_view default_of(const Params& params, std::string_view name) {
  if (params.argument != nullptr && params.argument->name == name) return params.argument->fallback;
  if (params.descriptors == nullptr) return {};
  for (const OptionDescriptor& descriptor : *params.descriptors) {
    if (descriptor.name == name) return descriptor.fallback;
  }
  return {};
}

// The written or default text read by `parse`, else `otherwise`.
template <class T, class Parse>
T read(const Params& params, std::string_view name, T otherwise, Parse parse) {
  const std::string text = params.text(name);
  if (text.empty()) return otherwise;
  return parse(text).value_or(otherwise);
}

}  // namespace

const SpecValue* Params::value(std::string_view name) const {
  for (const auto& [written, option] : values) {
    if (written == name) return &option;
  }
  return nullptr;
}

bool Params::has(std::string_view name) const { return value(name) != nullptr; }

Span Params::span(std::string_view name) const {
  const SpecValue* const written = value(name);
  return written != nullptr ? written->span : verb_span;
}

std::string Params::text(std::string_view name) const {
  const SpecValue* const written = value(name);
  return written != nullptr ? written->text : std::string(default_of(*this, name));
}

Micros Params::duration(std::string_view name, Micros otherwise) const {
  return read(*this, name, otherwise, parse_duration);
}

int64_t Params::size(std::string_view name, int64_t otherwise) const {
  return read(*this, name, otherwise, parse_size);
}

int64_t Params::integer(std::string_view name, int64_t otherwise) const {
  return read(*this, name, otherwise, parse_integer);
}

double Params::number(std::string_view name, double otherwise) const {
  return read(*this, name, otherwise, parse_number);
}

bool Params::flag(std::string_view name, bool otherwise) const {
  return read(*this, name, otherwise, parse_flag);
}

std::vector<const SpecValue*> Params::list(std::string_view name) const {
  std::vector<const SpecValue*> out;
  const SpecValue* const written = value(name);
  if (written == nullptr) return out;
  if (!written->is_list()) return {written};
  for (const SpecValue& item : written->items) out.push_back(&item);
  return out;
}

std::vector<std::string> Params::texts(std::string_view name) const {
  std::vector<std::string> out;
  for (const SpecValue* item : list(name)) out.push_back(item->text);
  if (out.empty() && !has(name)) {
    if (const std::string_view text = default_of(*this, name); !text.empty())
      out.emplace_back(text);
  }
  return out;
}

Params Params::map(std::string_view name) const {
  Params out;
  out.verb = name;
  out.verb_span = span(name);
  for (const OptionDescriptor& descriptor : *descriptors)
    if (descriptor.name == name) out.descriptors = &descriptor.parts;
  if (const SpecValue* written = value(name))
    for (const auto& [key, part] : written->entries) out.values.emplace_back(key.text, part);
  return out;
}

std::vector<std::pair<const SpecValue*, const SpecValue*>> Params::entries(
    std::string_view name) const {
  std::vector<std::pair<const SpecValue*, const SpecValue*>> out;
  const SpecValue* const written = value(name);
  if (written == nullptr) return out;
  const auto add = [&out](const SpecValue& part) {
    if (!part.is_map()) {
      out.emplace_back(&part, &part);
      return;
    }
    for (const auto& [key, entry] : part.entries) out.emplace_back(&key, &entry);
  };
  if (written->is_list()) {
    for (const SpecValue& item : written->items) add(item);
  } else {
    add(*written);
  }
  return out;
}

}  // namespace streamflow
