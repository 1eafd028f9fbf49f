#include "operators/literal.h"

#include "core/decode/json_cell.h"

namespace streamflow {

Value literal_of(const SpecValue& value) {
  if (value.is_null()) return Value::null();
  if (!value.is_scalar()) return {};
  const std::string& text = value.text;
  if (value.quoted) return Value::string(text);
  if (text == "null" || text == "Null" || text == "NULL" || text == "~") return Value::null();
  if (text == "true" || text == "True" || text == "TRUE") return Value::boolean(true);
  if (text == "false" || text == "False" || text == "FALSE") return Value::boolean(false);
  const char* const end = text.data() + text.size();
  if (valid_json_number(text.data(), end)) return parse_json(text);
  return Value::string(text);
}

}  // namespace streamflow
