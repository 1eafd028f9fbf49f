#include "core/expr/functions.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "core/expr/check.h"

namespace streamflow::expr {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

Type type_from(std::string_view name) {
  for (int i = 0; i <= static_cast<int>(Type::kOptional); ++i)
    if (type_name(static_cast<Type>(i)) == name) return static_cast<Type>(i);
  return Type::kDyn;  // `any`, `key`
}

// `list(string)` -> kList, element kString.
Type nested_type(std::string_view text, Type* element) {
  const size_t open = text.find('(');
  if (open == std::string_view::npos) return type_from(text);
  if (element) *element = type_from(text.substr(open + 1, text.size() - open - 2));
  return type_from(text.substr(0, open));
}

struct Parsed {
  std::string name;
  bool receiver = false;
  Overload overload;
};

void add_parameter(std::string_view text, Overload& overload) {
  text = trimmed(text);
  if (text.empty()) return;
  if (text.ends_with("...")) {
    overload.variadic = true;
    text.remove_suffix(3);
  }
  overload.takes_null.push_back(text == "any");
  overload.parameters.push_back(nested_type(text, nullptr));
}

// "string.startsWith(string) -> bool", "math.greatest(number...) -> number"
Parsed parse_signature(std::string_view text) {
  Parsed out;
  out.overload.signature = text;
  const size_t arrow = text.find(" -> ");
  out.overload.result = nested_type(text.substr(arrow + 4), &out.overload.element);
  const size_t open = text.find('(', text.starts_with("list(") ? text.find('.') : 0);
  std::string_view head = text.substr(0, open);
  const size_t dot = head.find('.');
  const std::string_view owner = head.substr(0, dot == std::string_view::npos ? 0 : dot);
  // Namespaces of the name of a type.
  const bool makes = head == "optional.of" || head == "optional.none" ||
                     head == "optional.ofNonZeroValue" || head == "optional.unwrap";
  const bool is_type = owner == "dyn" || owner == "any" || owner.starts_with("list(") ||
                       type_from(owner) != Type::kDyn;
  if (!owner.empty() && is_type && !makes) {
    out.receiver = true;
    add_parameter(owner, out.overload);
    head.remove_prefix(dot + 1);
  }
  out.name = head;
  std::string_view list = text.substr(open + 1, arrow - open - 2);
  size_t depth = 0, begin = 0;
  for (size_t i = 0; i <= list.size(); ++i) {
    if (i < list.size() && list[i] == '(') ++depth;
    if (i < list.size() && list[i] == ')') --depth;
    if (i < list.size() && (list[i] != ',' || depth > 0)) continue;
    add_parameter(list.substr(begin, i - begin), out.overload);
    begin = i + 1;
  }
  return out;
}

const FunctionTable& table() {
  static const FunctionTable built = [] {
    FunctionTable out;
    add_core_functions(out);
    add_conversions(out);
    add_time_functions(out);
    add_string_functions(out);
    add_math_functions(out);
    add_list_functions(out);
    add_optional_functions(out);
    add_regex_functions(out);
    add_hash_functions(out);
    add_extra_functions(out);
    return out;
  }();
  return built;
}

}  // namespace

Function& FunctionTable::find_or_add(const std::string& name, bool receiver) {
  for (Function& function : functions)
    if (function.name == name && function.receiver == receiver) return function;
  Function& added = functions.emplace_back();
  added.name = name;
  added.receiver = receiver;
  return added;
}

void FunctionTable::add(std::vector<Row> rows, const char* help, const char* example,
                        const char* result) {
  for (const Row& row : rows) {
    Parsed parsed = parse_signature(row.signature);
    parsed.overload.run = row.run;
    Function& function = find_or_add(parsed.name, parsed.receiver);
    function.overloads.push_back(std::move(parsed.overload));
    if (!function.help.empty()) continue;
    function.help = help;
    function.example = example;
    function.result = result;
  }
}

bool Function::takes_count(size_t arguments) const {
  return std::any_of(overloads.begin(), overloads.end(), [arguments](const Overload& overload) {
    const size_t fixed = overload.parameters.size();
    return overload.variadic ? arguments >= fixed : arguments == fixed;
  });
}

bool accepts(Type parameter, const Value& value, bool number) {
  const Kind kind = value.kind();
  if (number && is_number(kind)) {
    const double d = value.to_double();
    const bool whole = kind != Kind::kDouble || d == std::trunc(d);
    if (parameter == Type::kDouble) return true;
    if (parameter == Type::kInt)
      return whole && d >= -9223372036854775808.0 && d < 9223372036854775808.0 &&
             !(kind == Kind::kUint && value.as_int() < 0);
    if (parameter == Type::kUint) return whole && d >= 0 && d < 18446744073709551616.0;
  }
  switch (parameter) {
    case Type::kDyn:
      return !value.is_absent();
    case Type::kNull:
      return value.is_absent();
    case Type::kBool:
      return kind == Kind::kBool;
    case Type::kInt:
      return kind == Kind::kInt;
    case Type::kUint:
      return kind == Kind::kUint;
    case Type::kDouble:
      return kind == Kind::kDouble;
    case Type::kNumber:
      return is_number(kind);
    case Type::kString:
      return kind == Kind::kString;
    case Type::kBytes:
      return kind == Kind::kBytes;
    case Type::kTimestamp:
      return kind == Kind::kTimestamp;
    case Type::kDuration:
      return kind == Kind::kDuration;
    case Type::kList:
      return kind == Kind::kList;
    case Type::kMap:
      return kind == Kind::kMap;
    case Type::kType:
      return kind == Kind::kType;
    case Type::kOptional:
      return kind == Kind::kOptional;
    case Type::kError:
      return false;
  }
  return false;
}

bool may_accept(Type parameter, Type argument, bool number) {
  const auto numeric = [](Type t) {
    return t == Type::kInt || t == Type::kUint || t == Type::kDouble || t == Type::kNumber;
  };
  if (parameter == argument || argument == Type::kDyn || argument == Type::kError) return true;
  if (parameter == Type::kDyn) return argument != Type::kNull;
  if (!numeric(parameter) || !numeric(argument)) return false;
  return parameter == Type::kNumber || argument == Type::kNumber || number;
}

const std::vector<Function>& function_table() { return table().functions; }

const Function* find_function(std::string_view name, bool receiver) {
  static const auto by_name = [] {
    std::unordered_map<std::string, const Function*> out;
    for (const Function& function : function_table())
      out.emplace((function.receiver ? "." : "") + function.name, &function);
    return out;
  }();
  const auto found = by_name.find((receiver ? "." : "") + std::string(name));
  return found == by_name.end() ? nullptr : found->second;
}

const std::vector<FunctionInfo>& functions() {
  static const std::vector<FunctionInfo> infos = [] {
    std::vector<FunctionInfo> out;
    for (const Function& function : function_table()) {
      std::string signature;
      for (const Overload& overload : function.overloads)
        signature += (signature.empty() ? "" : "\n") + overload.signature;
      out.push_back(
          {function.name, std::move(signature), function.help, function.example, function.result});
    }
    for (FunctionInfo& info : macro_infos()) out.push_back(std::move(info));
    for (FunctionInfo& info : row_function_infos()) out.push_back(std::move(info));
    for (FunctionInfo& info : aggregate_infos()) out.push_back(std::move(info));
    return out;
  }();
  return infos;
}

}  // namespace streamflow::expr
