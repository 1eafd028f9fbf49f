// Rows whose parts have become fields of their own, or the value of one: what `explode` and `parse`
// send.  Records of different shapes go in batches of their own, so that the fields of each stand
// in their own order whatever its neighbours are.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/node.h"

namespace streamflow {

class Spread {
 public:
  // Records are copies of rows of `batch`.  With `drops` the field is not kept where a record gets
  // fields instead.
  Spread(const Batch& batch, std::string field, bool drops, Emitter& out)
      : batch_(batch), field_(std::move(field)), drops_(drops), out_(out) {}

  // One more field behind the others; without a name none.
  struct Extra {
    std::string name, json;
  };
  // A record like the row, with one field of this JSON text (well-formed), in its place.
  void add_value(uint32_t row, const std::string& name, std::string_view json,
                 const Extra& extra = {});
  // With the members of this JSON object, in their order.
  void add_members(uint32_t row, std::string_view object, const Extra& extra = {});
  void add_unchanged(uint32_t row);
  void flush();
  uint64_t sent() const { return sent_; }

 private:
  using Names = std::vector<std::string>;
  void put(Names& names, std::vector<std::string_view>& values, std::string name,
           std::string_view value) const;
  void add(uint32_t row, const Names& names, const std::vector<std::string_view>& values,
           bool members);
  void add_cell(size_t column, std::string_view json);
  Batch gathered() const;

  const Batch& batch_;
  std::string field_;
  bool drops_;
  Emitter& out_;
  uint64_t sent_ = 0;

  // Of the run of records of one shape:
  Names names_;
  bool members_ = false;
  std::vector<uint32_t> rows_;
  std::vector<std::vector<Token>> cells_;  // by name
  std::string json_;
};

// Steps through the elements of an array's validated text.
class JsonElements {
 public:
  explicit JsonElements(std::string_view array) : at_(array.data() + 1) {}
  bool next();
  std::string_view value;  // without white space around it

 private:
  const char* at_;
};

}  // namespace streamflow
