#include "core/spec.h"

#include <algorithm>

namespace streamflow {

SpecValue::SpecValue() = default;
SpecValue::SpecValue(const SpecValue& other) = default;
SpecValue::SpecValue(SpecValue&& other) noexcept = default;
SpecValue& SpecValue::operator=(const SpecValue& other) = default;
SpecValue& SpecValue::operator=(SpecValue&& other) noexcept = default;
SpecValue::~SpecValue() = default;

const SpecValue* SpecValue::find(std::string_view key) const {
  for (const auto& [name, value] : entries) {
    if (name.text == key) return &value;
  }
  return nullptr;
}

Span SpecValue::part(size_t begin, size_t end) const {
  begin = std::min(begin, text.size());
  end = std::clamp(end, begin, text.size());
  if (!offsets || offsets->size() <= end) {
    const auto at = [&](size_t i) {
      return std::min(static_cast<uint32_t>(span.begin + i), std::max(span.begin, span.end));
    };
    return {span.file, at(begin), at(end)};
  }
  Span place{span.file, (*offsets)[begin], (*offsets)[end]};
  // All bytes of a ${VAR} have one place: its end is where the next byte is.
  for (size_t i = end; end > begin && place.end <= place.begin && i < offsets->size(); ++i) {
    place.end = (*offsets)[i];
  }
  place.end = std::max(place.begin, place.end);
  return place;
}

SpecValue SpecValue::scalar(std::string text) {
  SpecValue value;
  value.type = Type::kScalar;
  value.text = std::move(text);
  return value;
}

SpecValue SpecValue::list(std::vector<SpecValue> items) {
  SpecValue value;
  value.type = Type::kList;
  value.items = std::move(items);
  return value;
}

}  // namespace streamflow
