// What is known at load about the records of a stream at one point of a chain.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"

namespace streamflow {

// Static types.  kNumber: int, uint or double as it comes, with promotion and true division (values
// of records).  kDyn: unknown until it runs.
enum class Type : unsigned char {
  kDyn,
  kNull,
  kBool,
  kInt,
  kUint,
  kDouble,
  kNumber,
  kString,
  kBytes,
  kTimestamp,
  kDuration,
  kList,
  kMap,
  kType,
  kOptional,
  kError,  // a problem was reported; silences what follows from it
};
std::string_view type_name(Type type);
std::string with_article(Type type);  // "a string", "an int"

struct Field {
  std::string name;
  Type type = Type::kDyn;
};

struct Schema {
  std::vector<Field> fields;      // known fields, in output order
  bool open = true;               // records may have fields beyond these
  std::vector<std::string> keys;  // of the last keyed step
  Micros window_us = 0;           // size of the window above, 0: none
  bool arrival_time = false;      // event time is the arrival stamp: the clock closes windows
  const Field* find(std::string_view name) const;
  void set(std::string_view name, Type type);
  void remove(std::string_view name);
  std::vector<std::string> names() const;
};

}  // namespace streamflow
