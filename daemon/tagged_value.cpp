#include "daemon/tagged_value.h"

#include <charconv>
#include <cstdlib>
#include <cmath>
#include <optional>
#include <set>

#include "core/base64.h"
#include "core/expr/equality.h"
#include "core/expr/instant.h"
#include "core/expr/utf8.h"
#include "core/map_equality.h"

namespace streamflow {
namespace {

tl::unexpected<Error> not_a(std::string_view type, std::string_view text) {
  return fail(ErrorKind::kData,
              "'" + std::string(expr::clipped(text)) + "' is no " + std::string(type));
}

template <class T>
std::optional<T> number_from(std::string_view text) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  T out = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), out);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return {};
  return out;
}

std::optional<double> double_from(std::string_view text) {
  if (text == "NaN") return std::nan("");
  if (text == "Infinity" || text == "+Infinity") return HUGE_VAL;
  if (text == "-Infinity") return -HUGE_VAL;
  if (text.find_first_of("0123456789") > 2) return {};  // "inf", "nan(1)"
  if (const auto out = number_from<double>(text)) return out;
  // Too small is zero, as in a literal; from_chars calls it out of range.
  const std::string copy(text);
  char* end = nullptr;
  const double near = std::strtod(copy.c_str(), &end);
  const bool number = end == copy.c_str() + copy.size() && copy.find_first_of("xXpP") == std::string::npos;
  return number && std::abs(near) < 1 ? std::optional<double>(near) : std::nullopt;
}

std::string double_text(double d) {
  if (std::isnan(d)) return "NaN";
  if (std::isinf(d)) return d > 0 ? "Infinity" : "-Infinity";
  std::string out;
  append_json_double(d, out);
  return out;
}

void append_pairs(const Value& map, std::string& out) {
  out += '[';
  for (size_t i = 0; i < map.entries().size(); ++i) {
    out += i > 0 ? ", [" : "[";
    append_tagged(map.entries()[i].first, out);
    out += ", ";
    append_tagged(map.entries()[i].second, out);
    out += ']';
  }
  out += ']';
}

void append_items(const Value& list, std::string& out) {
  out += '[';
  for (size_t i = 0; i < list.items().size(); ++i) {
    if (i > 0) out += ", ";
    append_tagged(list.items()[i], out);
  }
  out += ']';
}

void append_content(const Value& value, std::string& out) {
  switch (value.kind()) {
    case Kind::kBool:
      out += value.as_bool() ? "true" : "false";
      return;
    case Kind::kInt:
      out += '"' + std::to_string(value.as_int()) + '"';
      return;
    case Kind::kUint:
      out += '"' + std::to_string(value.as_uint()) + '"';
      return;
    case Kind::kDouble:
      out += '"' + double_text(value.as_double()) + '"';
      return;
    case Kind::kBytes:
      out += '"';
      append_base64(value.text(), out);
      out += '"';
      return;
    case Kind::kTimestamp:
      out += '"' + expr::timestamp_text(value) + '"';
      return;
    case Kind::kDuration:
      out += '"' + expr::duration_text(value) + '"';
      return;
    case Kind::kString:
    case Kind::kType:
      append_json_string(value.text(), out);
      return;
    case Kind::kList:
      append_items(value, out);
      return;
    case Kind::kMap:
      append_pairs(value, out);
      return;
    case Kind::kOptional:
      if (!value.inner().is(Kind::kMissing)) {
        append_tagged(value.inner(), out);
        return;
      }
      [[fallthrough]];
    default:
      out += "null";
  }
}

Result<Value> list_from(const Value& json) {
  if (!json.is(Kind::kList)) return fail(ErrorKind::kData, "a list is written as a JSON array");
  Value::List items;
  for (const Value& item : json.items()) {
    Result<Value> read = read_tagged(item);
    if (!read) return read;
    items.push_back(std::move(*read));
  }
  return Value::list(std::move(items));
}

bool is_key(const Value& value) {
  return value.is(Kind::kString) || value.is(Kind::kBool) || value.is(Kind::kInt) ||
         value.is(Kind::kUint);
}

Result<Value> map_from(const Value& json) {
  Value::Map entries;
  std::set<Value, KeyLess> keys;
  if (!json.is(Kind::kList)) return fail(ErrorKind::kData, "a map is written as [[key, value], …]");
  for (const Value& pair : json.items()) {
    if (!pair.is(Kind::kList) || pair.items().size() != 2)
      return fail(ErrorKind::kData, "a map's entry is written as [key, value]");
    Result<Value> key = read_tagged(pair.items()[0]);
    if (!key) return key;
    Result<Value> value = read_tagged(pair.items()[1]);
    if (!value) return value;
    if (!is_key(*key))
      return fail(ErrorKind::kData, "a map's key cannot be " + with_article(key->kind()));
    if (!keys.insert(*key).second) return fail(ErrorKind::kData, "duplicate key in a map");
    entries.emplace_back(std::move(*key), std::move(*value));
  }
  return Value::map(std::move(entries));
}

Result<Value> scalar_from(std::string_view type, const Value& json) {
  if (type == "bool" && json.is(Kind::kBool)) return json;
  if (json.is(Kind::kString)) {
    if (type != "bytes") return value_from_text(type, json.text());
    std::optional<std::string> bytes = decode_base64(json.text());
    if (!bytes) return not_a("base64", json.text());
    return Value::bytes(std::move(*bytes));
  }
  const bool numeric = type == "int" || type == "uint" || type == "double";
  if (numeric && is_number(json.kind())) {
    std::string text;
    append_json(json, text);
    return value_from_text(type, text);
  }
  return fail(ErrorKind::kData, "no value of type " + std::string(type));
}

}  // namespace

void append_tagged(const Value& value, std::string& out) {
  const bool absent = value.is_absent();
  ((out += "{\"") += absent ? "null" : kind_name(value.kind())) += "\": ";
  append_content(value, out);
  out += '}';
}

Result<Value> value_from_text(std::string_view type, std::string_view text) {
  const auto made = [&](auto parsed, auto make) -> Result<Value> {
    if (!parsed) return not_a(type, text);
    return make(*parsed);
  };
  if (type == "int") return made(number_from<int64_t>(text), Value::integer);
  if (type == "uint") {
    if (text.size() > 1 && text.back() == 'u') text.remove_suffix(1);
    return made(number_from<uint64_t>(text), Value::unsigned_integer);
  }
  if (type == "double") return made(double_from(text), Value::real);
  if (type == "string") return Value::string(std::string(text));
  if (type == "bytes") return Value::bytes(std::string(text));
  if (type == "timestamp") return made(expr::parse_timestamp(text), expr::timestamp_from);
  if (type == "duration") return made(expr::parse_duration_text(text), expr::duration_from);
  if (type == "type") return Value::type(std::string(text));
  if (type == "bool") {
    if (text != "true" && text != "false") return not_a(type, text);
    return Value::boolean(text == "true");
  }
  if (type == "null") {
    if (text != "null") return not_a(type, text);
    return Value::null();
  }
  return fail(ErrorKind::kData, "there is no type '" + std::string(expr::clipped(type)) + "'");
}

Result<Value> read_tagged(const Value& json) {
  if (!json.is(Kind::kMap) || json.entries().size() != 1)
    return fail(ErrorKind::kData, "a value is written as {\"type\": …}, as in {\"int\": \"5\"}");
  const auto& [tag, content] = json.entries().front();
  const std::string_view type = tag.text();
  if (type == "null") return Value::null();
  if (type == "list") return list_from(content);
  if (type == "map") return map_from(content);
  if (type == "optional") {
    if (content.is_absent()) return Value::optional(Value());
    Result<Value> inner = read_tagged(content);
    return inner ? Value::optional(std::move(*inner)) : inner;
  }
  Result<Value> read = scalar_from(type, content);
  if (read && read->is_error()) return fail(ErrorKind::kData, std::string(read->text()));
  return read;
}

}  // namespace streamflow
