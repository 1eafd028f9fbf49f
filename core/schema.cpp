#include "core/schema.h"

#include <algorithm>

namespace streamflow {

std::string_view type_name(Type type) {
  switch (type) {
    case Type::kDyn:
      return "dyn";
    case Type::kNull:
      return "null";
    case Type::kBool:
      return "bool";
    case Type::kInt:
      return "int";
    case Type::kUint:
      return "uint";
    case Type::kDouble:
      return "double";
    case Type::kNumber:
      return "number";
    case Type::kString:
      return "string";
    case Type::kBytes:
      return "bytes";
    case Type::kTimestamp:
      return "timestamp";
    case Type::kDuration:
      return "duration";
    case Type::kList:
      return "list";
    case Type::kMap:
      return "map";
    case Type::kType:
      return "type";
    case Type::kOptional:
      return "optional";
    case Type::kError:
      return "error";
  }
  return "dyn";
}

std::string with_article(Type type) {
  if (type == Type::kNull) return "null";
  const bool vowel = type == Type::kInt || type == Type::kOptional || type == Type::kError;
  return (vowel ? "an " : "a ") + std::string(type_name(type));
}

const Field* Schema::find(std::string_view name) const {
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [name](const Field& field) { return field.name == name; });
  return found == fields.end() ? nullptr : &*found;
}

void Schema::set(std::string_view name, Type type) {
  for (Field& field : fields) {
    if (field.name != name) continue;
    field.type = type;
    return;
  }
  fields.push_back({std::string(name), type});
}

void Schema::remove(std::string_view name) {
  std::erase_if(fields, [name](const Field& field) { return field.name == name; });
}

std::vector<std::string> Schema::names() const {
  std::vector<std::string> out;
  out.reserve(fields.size());
  for (const Field& field : fields) out.push_back(field.name);
  return out;
}

}  // namespace streamflow
