// Runs one operator directly, the way a pipeline does, and writes down all it sends.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/node.h"
#include "core/registry.h"

namespace streamflow::test {

// What an operator sent: records as JSON, each with its time and watermark in front where asked.
class Capture final : public Emitter {
 public:
  explicit Capture(bool with_times = false) : with_times_(with_times) {}
  void emit(Batch batch) override;
  void late(Batch rows) override;
  void fail(const Batch& batch, uint32_t row, std::string_view reason) override;
  void cell_error(const Batch& batch, uint32_t row, std::string_view reason) override;
  Tally& tally() override { return counts; }

  std::vector<std::string> rows, lates, failures, cell_errors;  // failures: "reason: record"
  std::vector<Batch> batches;
  Tally counts;
  size_t most_rows = 0;  // of one batch
  bool operator==(const Capture& other) const {
    return rows == other.rows && lates == other.lates && failures == other.failures &&
           cell_errors == other.cell_errors;
  }

 private:
  bool with_times_;
  Micros watermark_ = kTimeMin;
};

// A step's options: {"by", "device"} is a scalar, a value in brackets or braces is read as a flow
// list or map of scalars: "[a, b]", "{c: a + b}", "[a, {c: a}]".
using Options = std::vector<std::pair<std::string, std::string>>;
SpecValue spec_value(std::string_view text);

struct Built {
  std::unique_ptr<Operator> op;  // null: see problems
  Schema output;
  std::set<std::string> reads, meta;
  std::string problems;  // codes and messages, one a line
};
Schema open_schema();
Built build_step(const std::string& verb, const std::string& argument, const Options& options = {},
                 const Schema& input = open_schema());

struct Record {
  Micros time = 0;
  std::string json;
  Micros arrival = 0;
};
struct Stream {
  std::vector<Record> records;
  Micros lateness = 0;
  Micros start = kTimeMin;                                // the stream's first record
  bool open = true;                                       // records keep their text
  std::vector<std::pair<std::string, std::string>> meta;  // of every record
};
// One batch of the records [begin, end), each with the watermark that it has in the whole stream.
Batch make_batch(const Stream& stream, size_t begin, size_t end);

struct RunOptions {
  size_t batch = 1024;
  size_t cut =
      SIZE_MAX;  // before this record the state goes through save and load to a new operator
  Micros watermark = kTimeMax;  // reached after the last record
  bool with_times = false;
};
using MakeOperator = std::function<std::unique_ptr<Operator>()>;
Capture run(const MakeOperator& make, const Stream& stream, const RunOptions& options = {});
// Brings the watermark to `upto`.
void advance(Operator& op, Micros upto, Emitter& out);
void take(Operator& op, const Batch& batch, Emitter& out);
std::string saved(const Operator& op, unsigned partition);
// A new operator with the state of another.
std::unique_ptr<Operator> moved(const Operator& from, const MakeOperator& make);

}  // namespace streamflow::test
