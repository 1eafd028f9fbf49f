// JSON records: NDJSON lines, or messages of one value or an array each.
//
// One pass of simdjson's stage 1 (structural index) over a block of many records, then our own walk over
// the index.  The key lists of the last few shapes are remembered as layouts; a row of a known shape is
// checked field by field against it with one 16-byte comparison a key.  Every row is checked in whole:
// damage after the last used field is found too.  Wanted fields become tokens, decoded later and only
// for the rows that a filter left.  simdjson::internal is used in json.cpp alone; json_test compares
// with simdjson's DOM parser on damaged input.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/decode/decoder.h"

namespace streamflow {

struct JsonOptions {
  bool arrays = false;            // a top-level array is its elements, one record each (`json`)
  std::string wrap = "value";     // the field of a record made of a value that is no object
};

inline constexpr unsigned kJsonDepthMax = 128;

std::unique_ptr<Decoder> make_json_decoder(JsonOptions options);

// The member `name` of each row's object: JSON cells pointing into the origin.
ColumnPtr read_member(const std::shared_ptr<const Origin>& origin, std::string_view name);

// Steps through the members of an object's validated text, in order.
//   JsonMembers members(text);  while (members.next()) use(members.key, members.value);
class JsonMembers {
 public:
  explicit JsonMembers(std::string_view object) : at_(object.data() + 1) {}
  bool next();
  std::string_view key;    // as written, without its quotes (may hold escapes)
  std::string_view value;  // without white space around it

 private:
  const char* at_;
};
bool json_key_is(std::string_view written_key, std::string_view name);  // escapes resolved

}  // namespace streamflow
