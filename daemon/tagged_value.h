// Values of the expression language as JSON that says their types, for `eval --typed`: {"int":
// "5"},
// {"list": [{"bool": true}]}, {"map": [[key, value], …]}, {"optional": null}….
#pragma once

#include <string>

#include "core/status.h"
#include "core/value.h"

namespace streamflow {

// Numbers are texts, so that they keep their value in any JSON reader; doubles may be NaN, Infinity
// and -Infinity; bytes are base64; timestamps RFC 3339 with as many decimals as they need; missing
// is null.  Not for errors.
void append_tagged(const Value& value, std::string& out);

// The value of such JSON, parsed.  Numbers may be JSON numbers too.  kData: no such tag, or text
// that is no value of its type.
Result<Value> read_tagged(const Value& json);

// The value of a text: `5` for int, `1.5s` for duration, the text itself for string and bytes.
// Types are those of the tags that have a text: null bool int uint double string bytes timestamp
// duration type.  kData: not a value of the type, or no such type.
Result<Value> value_from_text(std::string_view type, std::string_view text);

}  // namespace streamflow
