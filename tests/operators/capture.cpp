#include "tests/operators/capture.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bitset>

#include "core/encode.h"
#include "operators/builtin.h"

namespace streamflow::test {
namespace {

std::vector<std::string> records_of(const Batch& batch) {
  std::vector<std::string> records;
  for (size_t i = 0; i < batch.count(); ++i) {
    records.emplace_back();
    append_record(batch, batch.row_at(i), TimestampStyle::kRfc3339, records.back());
  }
  return records;
}

std::string record_of(const Batch& batch, uint32_t row) {
  Batch one = batch;
  one.selected = std::make_shared<Selection>(Selection{row});
  return records_of(one)[0];
}

// A cursor over flow YAML as far as tests need it.
struct Reader {
  std::string_view text;
  void blanks() {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  }
  std::string until(std::string_view stops) {
    size_t end = 0;
    int depth = 0;
    for (; end < text.size(); ++end) {
      const char c = text[end];
      if (depth == 0 && stops.find(c) != std::string_view::npos) break;
      if (c == '(' || c == '[') ++depth;
      if (c == ')' || c == ']') --depth;
    }
    std::string part(text.substr(0, end));
    text.remove_prefix(end);
    while (!part.empty() && part.back() == ' ') part.pop_back();
    return part;
  }
  bool skip(char c) {
    blanks();
    if (text.empty() || text.front() != c) return false;
    text.remove_prefix(1);
    blanks();
    return true;
  }
  SpecValue value(std::string_view stops) {
    if (skip('[')) {
      std::vector<SpecValue> items;
      while (!skip(']')) {
        items.push_back(value(",]"));
        skip(',');
      }
      return SpecValue::list(std::move(items));
    }
    if (skip('{')) {
      SpecValue map;
      map.type = SpecValue::Type::kMap;
      while (!skip('}')) {
        SpecValue key = SpecValue::scalar(until(":"));
        skip(':');
        map.entries.emplace_back(std::move(key), value(",}"));
        skip(',');
      }
      return map;
    }
    return SpecValue::scalar(until(stops));
  }
};

}  // namespace

void Capture::emit(Batch batch) {
  REQUIRE(!batch.empty());
  const std::vector<std::string> records = records_of(batch);
  most_rows = std::max(most_rows, batch.count());
  for (size_t i = 0; i < records.size(); ++i) {
    const Micros time = (*batch.time)[batch.row_at(i)];
    const Micros watermark = (*batch.watermark)[batch.row_at(i)];
    CHECK(watermark >= watermark_);
    watermark_ = watermark;
    rows.push_back(with_times_
                       ? std::to_string(time) + " " + std::to_string(watermark) + " " + records[i]
                       : records[i]);
  }
  CHECK(batch.watermark_after >= watermark_);
  counts.out += batch.count();
  batches.push_back(std::move(batch));
}

void Capture::late(Batch batch) {
  for (std::string& record : records_of(batch)) lates.push_back(std::move(record));
  counts.late += batch.count();
}

void Capture::fail(const Batch& batch, uint32_t row, std::string_view reason) {
  failures.push_back(std::string(reason) + ": " + record_of(batch, row));
  ++counts.failed;
}

void Capture::cell_error(const Batch&, uint32_t, std::string_view reason) {
  cell_errors.emplace_back(reason);
}

SpecValue spec_value(std::string_view text) { return Reader{text}.value(""); }

Schema open_schema() { return Schema(); }

Built build_step(const std::string& verb, const std::string& argument, const Options& options,
                 const Schema& input) {
  static const Registry registry = [] {
    Registry made;
    register_operators(made);
    return made;
  }();
  const StepDescriptor* step = registry.find_step(verb);
  REQUIRE(step != nullptr);
  const SpecValue verb_value = SpecValue::scalar(verb);
  const SpecValue argument_value = spec_value(argument);
  std::vector<std::pair<SpecValue, SpecValue>> beside;
  for (const auto& [name, value] : options) {
    beside.emplace_back(SpecValue::scalar(name), spec_value(value));
  }
  Diagnostics diagnostics;
  const Params params = validate("verb '" + verb + "'", "", verb_value, &argument_value,
                                 &step->argument, beside, step->options, diagnostics);
  BuildContext context{params, input, diagnostics, "test", "main.1", "", input, {}, {}};
  Built built;
  if (diagnostics.ok()) built.op = step->build(context);
  built.output = context.output;
  built.reads = context.reads;
  built.meta = context.meta;
  for (const Diagnostic& problem : diagnostics.all()) {
    built.problems += problem.code + " " + problem.message + "\n";
  }
  return built;
}

Batch make_batch(const Stream& stream, size_t begin, size_t end) {
  Batch batch;
  batch.rows = end - begin;
  batch.stream_start = stream.start;
  auto time = std::make_shared<Times>();
  auto watermark = std::make_shared<Times>();
  auto arrival = std::make_shared<Times>();
  Micros highest = kTimeMin;
  const auto mark = [&] { return highest == kTimeMin ? kTimeMin : highest - stream.lateness; };
  for (size_t i = 0; i < begin; ++i) highest = std::max(highest, stream.records[i].time);
  auto block = std::make_shared<Block>([&] {
    size_t bytes = 0;
    for (size_t i = begin; i < end; ++i) bytes += stream.records[i].json.size();
    return bytes;
  }());
  auto origin = std::make_shared<Origin>();
  std::vector<std::pair<std::string, std::shared_ptr<Column>>> columns;
  for (size_t i = begin; i < end; ++i) {
    const Record& record = stream.records[i];
    time->push_back(record.time);
    arrival->push_back(record.arrival);
    watermark->push_back(mark());
    highest = std::max(highest, record.time);
    const auto at = static_cast<uint32_t>(block->size);
    std::copy(record.json.begin(), record.json.end(), block->data.get() + at);
    block->size += record.json.size();
    origin->rows.push_back({at, static_cast<uint32_t>(block->size)});
    const Value value = parse_json(record.json);
    REQUIRE(value.is(Kind::kMap));
    for (const auto& [key, cell] : value.entries()) {
      const std::string name(key.text());
      auto found = std::find_if(columns.begin(), columns.end(),
                                [&name](const auto& column) { return column.first == name; });
      if (found == columns.end()) {
        columns.emplace_back(name, std::make_shared<Column>(batch.rows));
        found = std::prev(columns.end());
      }
      found->second->set(i - begin, cell);
    }
  }
  batch.time = std::move(time);
  batch.watermark = std::move(watermark);
  batch.arrival = std::move(arrival);
  batch.watermark_after = mark();
  if (stream.open) {
    origin->block = block;
    batch.origin = std::move(origin);
  } else {
    for (auto& [name, column] : columns) batch.columns.push_back({name, std::move(column), false});
  }
  for (const auto& [name, text] : stream.meta) {
    auto column = std::make_shared<Column>(batch.rows);
    for (size_t row = 0; row < batch.rows; ++row) column->set_string(row, text);
    batch.meta.push_back({name, std::move(column), false});
  }
  return batch;
}

void advance(Operator& op, Micros upto, Emitter& out) {
  while (!op.on_watermark(upto, out)) {
  }
}

void take(Operator& op, const Batch& batch, Emitter& out) {
  out.tally().in += batch.count();
  size_t at = op.process(batch, 0, out);
  while (at < batch.count()) {
    const Micros mark = (*batch.watermark)[batch.row_at(at)];
    REQUIRE(op.next_deadline() <= mark);
    advance(op, mark, out);
    REQUIRE(op.next_deadline() > mark);
    at = op.process(batch, at, out);
  }
}

std::string saved(const Operator& op, unsigned partition) {
  StateParts parts(std::bitset<kPartitions>().set(partition));
  op.save(parts);
  return parts[partition];
}

std::unique_ptr<Operator> moved(const Operator& from, const MakeOperator& make) {
  auto to = make();
  StateParts states(std::bitset<kPartitions>().set());
  from.save(states);
  for (unsigned partition = 0; partition < kPartitions; ++partition) {
    const Status loaded = to->load(partition, states[partition]);
    REQUIRE_MESSAGE(loaded.has_value(), (loaded ? "" : loaded.error().message));
  }
  return to;
}

// Steps say which partitions changed: saves of the others must stay as they were.
class SavedParts {
 public:
  explicit SavedParts(Operator& op) {
    op.save(saved_);
  }
  void check(Operator& op) {
    const auto changed = op.take_dirty();
    StateParts now(std::bitset<kPartitions>().set());
    op.save(now);
    for (unsigned partition = 0; partition < kPartitions; ++partition)
      if (!changed[partition] && now[partition] != saved_[partition])
        FAIL_CHECK("partition " << partition << " changed and was not said to");
    saved_ = std::move(now);
  }

 private:
  StateParts saved_{std::bitset<kPartitions>().set()};
};

Capture run(const MakeOperator& make, const Stream& stream, const RunOptions& options) {
  auto op = make();
  REQUIRE(op != nullptr);
  Capture out(options.with_times);
  SavedParts saved(*op);
  const size_t count = stream.records.size();
  for (size_t begin = 0; begin < count;) {
    if (begin == options.cut) {
      op = moved(*op, make);
      saved = SavedParts(*op);
    }
    size_t end = std::min(begin + options.batch, count);
    if (begin < options.cut) end = std::min(end, options.cut);
    const Batch batch = make_batch(stream, begin, end);
    take(*op, batch, out);
    advance(*op, batch.watermark_after, out);
    if (begin % 3 == 0) saved.check(*op);
    begin = end;
  }
  advance(*op, options.watermark, out);
  const Tally& t = out.counts;
  CHECK(t.in == t.passed + t.filtered + t.absorbed + t.late + t.dropped + t.failed + t.held);
  CHECK(t.out == t.passed + t.created);
  CHECK(out.most_rows <= kBatchRowsMax);
  return out;
}

}  // namespace streamflow::test
