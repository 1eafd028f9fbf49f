#include "core/spill.h"

#include <doctest/doctest.h>

#include "core/encode.h"
#include "core/sim_loop.h"
#include "tests/support/memory_disk.h"

namespace streamflow {
namespace {

Batch numbers(int64_t begin, size_t count) {
  Batch batch;
  batch.rows = count;
  auto n = std::make_shared<Column>(count), name = std::make_shared<Column>(count);
  auto times = std::make_shared<Times>();
  for (size_t i = 0; i < count; ++i) {
    n->set_word(i, Kind::kInt, static_cast<uint64_t>(begin) + i);
    name->set_string(i, "record " + std::to_string(begin + static_cast<int64_t>(i)));
    times->push_back(begin + static_cast<int64_t>(i));
  }
  batch.columns = {{"n", n, false}, {"name", name, false}};
  batch.time = times;
  batch.watermark = times;
  return batch;
}

std::string text_of(const Batch& batch) {
  std::string out;
  append_records(batch, 0, TimestampStyle::kRfc3339, out);
  return out;
}

std::string take_all(Spill& spill, uint64_t& lost) {
  std::string out;
  while (!spill.empty()) {
    uint64_t some = 0;
    std::string reason;
    out += text_of(spill.take(some, reason));
    lost += some;
  }
  return out;
}

constexpr size_t kMemory = 16 << 10;  // chunks of 4 KiB

struct OnDisk {
  OnDisk() { spill.keep_on(disk, "b", loop); }
  void push(int64_t batches) {
    for (int64_t i = 0; i < batches; ++i) spill.push(numbers(i * 100, 100));
  }
  SimLoop loop;
  MemoryDisk disk;
  Spill spill{kMemory};
};

TEST_CASE("spill: gives back what it took, in order, from memory and from disk") {
  SimLoop loop;
  for (const bool with_disk : {false, true}) {
    CAPTURE(with_disk);
    MemoryDisk disk;
    Spill spill(kMemory);
    if (with_disk) spill.keep_on(disk, "b", loop);
    std::string expected;
    for (int64_t i = 0; i < 40; ++i) {
      const Batch batch = numbers(i * 100, 100);
      expected += text_of(batch);
      spill.push(batch);
      if (i % 3 == 0) disk.work();
    }
    CHECK(spill.rows() == 4000);
    CHECK((disk.files.size() > 10) == with_disk);
    if (with_disk) CHECK(spill.memory_bytes() < 4 * kMemory);
    uint64_t lost = 0;
    CHECK(take_all(spill, lost) == expected);
    CHECK(lost == 0);
    CHECK(spill.bytes() == 0);
    CHECK(spill.memory_bytes() == 0);
  }
}

TEST_CASE_FIXTURE(OnDisk, "spill: a burst that lets the disk do nothing in between stays within memory") {
  push(400);
  CHECK(disk.at_once > 100);
  CHECK(spill.memory_bytes() < 4 * kMemory);
  CHECK(spill.rows() == 40'000);
}

TEST_CASE("spill: pushed and taken at once, saved and loaded in between, changes nothing") {
  SimLoop loop;
  for (const bool with_disk : {false, true}) {
    MemoryDisk disk;
    auto spill = std::make_unique<Spill>(kMemory);
    if (with_disk) spill->keep_on(disk, "b", loop);
    std::string expected, got;
    for (int64_t i = 0; i < 120; ++i) {
      const Batch batch = numbers(i * 50, static_cast<size_t>(1 + i % 50));
      expected += text_of(batch);
      spill->push(batch);
      uint64_t lost = 0;
      std::string reason;
      if (i % 4 == 1) got += text_of(spill->take(lost, reason));
      if (i % 5 == 2) disk.work();
      if (i % 7 == 3) {
        std::string state;
        spill->save(state);
        disk.work();
        spill->checkpointed();
        auto next = std::make_unique<Spill>(kMemory);
        if (with_disk) next->keep_on(disk, "b", loop);
        REQUIRE(next->load(state, lost));
        next->remove_strays();
        CHECK(next->rows() == spill->rows());
        CHECK(next->bytes() == spill->bytes());
        spill = std::move(next);
      }
      CHECK(lost == 0);
    }
    uint64_t lost = 0;
    got += take_all(*spill, lost);
    CHECK(lost == 0);
    CHECK(got == expected);
    for (int i = 0; i < 2; ++i) {  // what was on its way to disk goes with the second
      std::string state;
      spill->save(state);
      disk.work();
      spill->checkpointed();
    }
    CHECK(disk.files.empty());
  }
}

TEST_CASE_FIXTURE(OnDisk, "spill: what a checkpoint names stays until the next one") {
  push(20);
  disk.work();
  std::string state;
  spill.save(state);
  spill.checkpointed();
  uint64_t lost = 0;
  const std::string all = take_all(spill, lost);
  Spill again(kMemory);  // after a crash
  again.keep_on(disk, "b", loop);
  REQUIRE(again.load(state, lost));
  again.remove_strays();
  CHECK(take_all(again, lost) == all);
  CHECK(lost == 0);
}

TEST_CASE_FIXTURE(OnDisk, "spill: a damaged chunk costs its rows, which are counted, and nothing else") {
  push(20);
  disk.work();
  REQUIRE(disk.files.size() > 3);
  disk.files.begin()->second.back() ^= 1;
  uint64_t lost = 0;
  std::string out, reason;
  while (!spill.empty()) {
    uint64_t some = 0;
    out += text_of(spill.take(some, reason));
    lost += some;
  }
  CHECK(lost > 10);
  CHECK(static_cast<uint64_t>(std::count(out.begin(), out.end(), '\n')) == 2000 - lost);
  CHECK(reason.ends_with(".rows is damaged"));
}

TEST_CASE_FIXTURE(OnDisk, "spill: a chunk that cannot be read now is asked for again, one that is gone is lost") {
  push(20);
  disk.work();
  disk.unreadable = true;
  uint64_t lost = 0;
  std::string reason;
  while (reason.empty()) spill.take(lost, reason);  // what is in memory
  CHECK(reason.starts_with("cannot read b/"));
  const uint64_t rows = spill.rows();
  REQUIRE(rows > 1000);
  CHECK(spill.take(lost, reason).empty());
  CHECK(lost == 0);
  CHECK(spill.rows() == rows);
  disk.unreadable = false;
  CHECK(spill.take(lost, reason).count() > 0);
  CHECK(lost == 0);

  disk.files.erase(std::prev(disk.files.end(), 2));
  take_all(spill, lost);
  CHECK(lost > 10);
  CHECK(spill.rows() == 0);
}

TEST_CASE("spill: a disk that refuses is tried again") {
  SimLoop loop;
  MemoryDisk disk;
  disk.refuses = true;
  Spill spill(kMemory);
  spill.keep_on(disk, "b", loop);
  for (int64_t i = 0; i < 8; ++i) spill.push(numbers(i * 100, 100));
  disk.work();
  CHECK(spill.trouble() == "the disk is full");
  CHECK(disk.files.empty());
  disk.refuses = false;
  loop.run_until(loop.now() + 2 * kMicrosPerSecond);
  disk.work();
  CHECK(spill.trouble().empty());
  CHECK(disk.files.size() > 1);
}

TEST_CASE("spill: the oldest go first where they are to be dropped") {
  Spill spill(kMemory);
  for (int64_t i = 0; i < 20; ++i) spill.push(numbers(i * 100, 100));
  const uint64_t dropped = spill.drop_oldest();
  CHECK(dropped > 10);
  uint64_t lost = 0;
  const std::string out = take_all(spill, lost);
  CHECK(out.starts_with("{\"n\":" + std::to_string(dropped) + ","));
}

}  // namespace
}  // namespace streamflow
