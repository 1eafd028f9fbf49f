#include "operators/order/time_order.h"

#include <doctest/doctest.h>

#include "tests/operators/capture.h"

namespace streamflow::test {
namespace {

// Writes down what it sees; acts at multiples of 10 as a step with deadlines would.
class Numbered final : public Operator {
 public:
  size_t process(const Batch& batch, size_t begin, Emitter& out) override {
    size_t at = begin;
    for (; at < batch.count(); ++at)
      if ((*batch.watermark)[batch.row_at(at)] >= deadline_) break;
    if (at > begin) {
      out.tally().passed += at - begin;
      out.emit(slice(batch, begin, at));
    }
    return at;
  }
  bool on_watermark(Micros upto, Emitter&) override {
    while (deadline_ <= upto && deadline_ < 1'000) deadline_ += 10;
    if (deadline_ >= 1'000) deadline_ = kTimeMax;
    return true;
  }
  Micros next_deadline() const override { return deadline_; }

 private:
  Micros deadline_ = 10;
};

std::unique_ptr<Operator> ordered() { return in_time_order(std::make_unique<Numbered>()); }

Stream stream_of(std::vector<Record> records, Micros lateness = 0) {
  Stream stream;
  stream.records = std::move(records);
  stream.lateness = lateness;
  return stream;
}

Record at(Micros time) { return {time, "{\"t\": " + std::to_string(time) + ", \"k\": 1.50}"}; }

TEST_CASE("time order: rows in order pass at once, unchanged") {
  const Stream stream = stream_of({at(1), at(2), at(2), at(15), at(40)});
  const Capture got = run(ordered, stream, {.watermark = kTimeMin});
  CHECK(got.rows.size() == 5);
  CHECK(got.rows[3] == "{\"t\": 15, \"k\": 1.50}");
  CHECK(got.counts.held == 0);
}

TEST_CASE("time order: within the lateness the order of arrival does not matter") {
  const Stream mixed = stream_of({at(5), at(3), at(9), at(4), at(12), at(7), at(30)}, 5);
  const Capture got = run(ordered, mixed);
  std::vector<std::string> times;
  for (const std::string& row : got.rows) times.push_back(row.substr(6, row.find(',') - 6));
  CHECK(times == std::vector<std::string>{"3", "4", "5", "7", "9", "12", "30"});
  CHECK(got.lates.empty());
}

TEST_CASE("time order: a row older than one handled is late; held rows wait for the watermark") {
  const Stream stream = stream_of({at(50), at(10), at(51)}, 5);
  const Capture got = run(ordered, stream, {.watermark = 46});
  CHECK(got.rows.size() == 1);  // 10 came while nothing was handled yet
  CHECK(got.counts.held == 2);
  const Stream later = stream_of({at(50), at(60), at(10)}, 5);
  CHECK(run(ordered, later).lates.size() == 1);
}

TEST_CASE("time order: neither batches nor saving between rows change a thing") {
  Stream stream = stream_of({}, 3);
  for (int i = 0; i < 60; ++i) stream.records.push_back(at((i * 37) % 11 + i));
  const Capture whole = run(ordered, stream, {.with_times = true});
  CHECK(whole.lates.size() + whole.rows.size() == 60);
  CHECK_FALSE(whole.lates.empty());
  for (const size_t batch : {1, 2, 7, 1024})
    CHECK(run(ordered, stream, {.batch = batch, .with_times = true}) == whole);
}

TEST_CASE("time order: held rows survive save and load byte for byte") {
  Stream stream = stream_of({at(5), at(3), at(9), at(4)}, 100);
  stream.meta = {{"topic", "a/b"}};
  for (size_t cut = 0; cut < 4; ++cut) {
    const auto make = [] { return in_time_order(std::make_unique<Numbered>()); };
    CHECK(run(make, stream, {.batch = 2, .cut = cut}).rows ==
          std::vector<std::string>{"{\"t\": 3, \"k\": 1.50}", "{\"t\": 4, \"k\": 1.50}",
                                   "{\"t\": 5, \"k\": 1.50}", "{\"t\": 9, \"k\": 1.50}"});
  }
}

}  // namespace
}  // namespace streamflow::test
