// CEL's optional values.
#include "core/expr/eval.h"
#include "core/expr/functions.h"

namespace streamflow::expr {
namespace {

bool has(const Value& optional) { return !optional.inner().is(Kind::kMissing); }

bool is_zero(const Value& value) {
  switch (value.kind()) {
    case Kind::kMissing:
    case Kind::kNull:
      return true;
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kUint:
      return value.bits() == 0;
    case Kind::kDouble:
      return value.as_double() == 0;
    case Kind::kString:
    case Kind::kBytes:
      return value.text().empty();
    case Kind::kList:
      return value.items().empty();
    case Kind::kMap:
      return value.entries().empty();
    case Kind::kDuration:
      return value.as_micros() == 0 && value.nanos() == 0;
    default:
      return false;
  }
}

Value none(const Call&) { return Value::optional(Value()); }
Value of(const Call& call) { return Value::optional(settled(call[0])); }
Value of_non_zero(const Call& call) {
  return Value::optional(is_zero(call[0]) ? Value() : call[0]);
}
Value has_value(const Call& call) { return Value::boolean(has(call[0])); }
Value value(const Call& call) {
  return has(call[0]) ? call[0].inner() : Value::error("this optional has no value");
}
Value or_other(const Call& call) { return has(call[0]) ? call[0] : call[1]; }
Value or_value(const Call& call) { return has(call[0]) ? call[0].inner() : call[1]; }

Value unwrap(const Call& call) {
  Value::List out;
  for (const Value& item : call[0].items()) {
    if (!item.is(Kind::kOptional)) return Value::error("only a list of optionals can be unwrapped");
    if (has(item)) out.push_back(item.inner());
  }
  return Value::list(std::move(out));
}

}  // namespace

void add_optional_functions(FunctionTable& table) {
  table.add({{"optional.none() -> optional", none}}, "An optional without a value.",
            "optional.none().hasValue()", "false");
  table.add({{"optional.of(any) -> optional", of}}, "An optional with a value.",
            "optional.of(1).value()", "1");
  table.add({{"optional.ofNonZeroValue(any) -> optional", of_non_zero}},
            "An optional with a value, or without one for null, 0, '' and the like.",
            "optional.ofNonZeroValue('').orValue('none')", "'none'");
  table.add({{"optional.unwrap(list) -> list", unwrap}}, "The values of those that have one.",
            "optional.unwrap([optional.of(1), optional.none()])", "[1]");
  table.add({{"list.unwrapOpt() -> list", unwrap}}, "The values of those that have one.",
            "[optional.of(1), optional.none()].unwrapOpt()", "[1]");
  table.add({{"optional.hasValue() -> bool", has_value}}, "Whether it has a value.",
            "{'a': 1}.?a.hasValue()", "true");
  table.add({{"optional.value() -> dyn", value}}, "Its value; an error if it has none.",
            "{'a': 1}.?a.value()", "1");
  table.add({{"optional.or(optional) -> optional", or_other}},
            "Itself if it has a value, else another.", "{'a': 1}.?b.or(optional.of(2)).value()",
            "2");
  table.add({{"optional.orValue(any) -> dyn", or_value}}, "Its value if it has one, else another.",
            "{'a': 1}.?b.orValue(0)", "0");
}

}  // namespace streamflow::expr
