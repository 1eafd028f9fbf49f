// Rows kept away from their batch: held back until their time has come, or until a row of another
// stream meets them.  A kept row owns its bytes, so that it pins no block of input; what passes
// unchanged is still written as it came.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/batch.h"
#include "core/state_bytes.h"

namespace streamflow {

// What rows of a stream share: names, and where their values stand.
struct RowLayout {
  struct Field {
    std::string name;
    bool original = false;  // as NamedColumn
    bool operator==(const Field&) const = default;
  };
  std::vector<Field> fields;
  std::vector<std::string> meta;
  std::vector<std::string> dropped;
  bool has_origin = false;
  bool one_line = false;
  bool operator==(const RowLayout&) const = default;
};

struct KeptRow {
  Micros time = 0;
  Micros arrival = kTimeMin;       // kTimeMin: unknown
  Micros stream_start = kTimeMin;
  std::shared_ptr<const RowLayout> layout;
  std::string cells;

  // Memory, about.
  size_t bytes() const { return sizeof(KeptRow) + cells.capacity(); }
};

// A value of a row that is put together.
struct KeptCell {
  const Column* column = nullptr;  // its cell at the row, readable; or
  std::string_view json;           // this text
};

class RowKeeper {
 public:
  KeptRow keep(const Batch& batch, uint32_t row);
  // The row's times and meta fields with these values, in the order of the layout's fields; the layout
  // has no origin, and its meta fields are the batch's.
  KeptRow keep(const Batch& batch, uint32_t row, const std::shared_ptr<const RowLayout>& layout,
               std::span<const KeptCell> cells);
  // A layout for that, shared by all rows that have it.
  std::shared_ptr<const RowLayout> share(RowLayout layout) { return intern(std::move(layout)); }
  // A batch of the longest run of rows from `begin` on that have one layout, at most kBatchRowsMax;
  // `begin` moves behind it.  Its watermarks are the caller's to set.
  static Batch restore(std::span<const KeptRow* const> rows, size_t& begin);

  static void save(const KeptRow& row, std::string& out);
  // A damaged row makes the reader fail.
  KeptRow load(StateReader& in);
  // The same without the layout where it is that of the row before, `last`; null at first.
  static void save(const KeptRow& row, const RowLayout* last, std::string& out);
  KeptRow load(StateReader& in, const std::shared_ptr<const RowLayout>& last);

 private:
  std::shared_ptr<const RowLayout> intern(RowLayout layout);
  bool is_last(const Batch& batch) const;

  // Streams have one layout, or few: the last one is nearly always it.
  std::vector<std::shared_ptr<const RowLayout>> layouts_;
};

}  // namespace streamflow
