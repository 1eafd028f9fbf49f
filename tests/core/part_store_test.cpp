// What a checkpoint's large parts cost to keep, and what becomes of their files.
#include "core/part_store.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "tests/support/memory_disk.h"

namespace streamflow {
namespace {

// A step with states by partition, and what a checkpoint does with them.
struct Step {
  MemoryDisk& disk;
  PartStore store;
  std::map<unsigned, std::string> states;
  explicit Step(MemoryDisk& its_disk) : disk(its_disk), store(its_disk, "parts", 10) {}

  // Bytes written, and the places.
  std::pair<size_t, std::string> checkpoint(const std::vector<unsigned>& changed) {
    store.begin();
    for (const auto& [partition, state] : states) {
      const bool same = std::find(changed.begin(), changed.end(), partition) == changed.end();
      if (!(same && store.keep("step", partition))) store.add("step", partition, state);
    }
    const size_t added = store.bytes_added();
    bool good = false;
    store.write([&good](const Status& status) { good = status.has_value(); });
    disk.work();
    good ? store.commit() : store.abandon();
    return {added, store.places("step")};
  }
};

// A state of a step that a checkpoint has kept.
struct OneState {
  OneState() {
    step.states = {{1, std::string(100, 'a')}};
    places = step.checkpoint({}).second;
    first = disk.files.begin()->first;
  }
  MemoryDisk disk;
  Step step{disk};
  std::string places, first;
};

std::map<unsigned, std::string> opened(MemoryDisk& disk, const std::string& places) {
  PartStore store(disk, "parts", 10);
  const auto parts = store.open("step", places);
  REQUIRE_MESSAGE(parts, (parts ? "" : parts.error().message));
  std::map<unsigned, std::string> out;
  for (const auto& [partition, text] : *parts) out[partition] = text;
  store.opened();
  return out;
}

TEST_CASE("parts: a checkpoint writes what changed, and refers to files before it for the rest") {
  MemoryDisk disk;
  Step step(disk);
  for (unsigned partition = 0; partition < 8; ++partition) step.states[partition] = std::string(100, 'a');
  CHECK(step.checkpoint({}).first == 800);
  step.states[3] = std::string(50, 'b');
  const auto [added, places] = step.checkpoint({3});
  CHECK(added == 50);
  CHECK(disk.files.size() == 2);
  CHECK(opened(disk, places) == step.states);
}

TEST_CASE("parts: files that are mostly of no use are written anew and removed") {
  MemoryDisk disk;
  Step step(disk);
  for (unsigned partition = 0; partition < 8; ++partition) step.states[partition] = std::string(100, 'a');
  step.checkpoint({});
  for (unsigned partition = 0; partition < 5; ++partition) {
    step.states[partition] = std::string(100, 'b');
    step.checkpoint({partition});
  }
  CHECK(disk.files.size() == 6);
  const auto [added, places] = step.checkpoint({});
  CHECK(added == 300);  // the three that were left of the first file
  CHECK(disk.files.size() == 6);
  CHECK(opened(disk, places) == step.states);
}

TEST_CASE("parts: small states are not kept here, whatever they were before") {
  MemoryDisk disk;
  Step step(disk);
  step.states = {{1, std::string(100, 'a')}, {2, "small"}};
  CHECK(step.checkpoint({}).first == 100);
  step.states[1] = "small too";
  const auto [added, places] = step.checkpoint({1});
  CHECK(added == 0);
  CHECK(places.empty());
  CHECK(disk.files.empty());
}

TEST_CASE("parts: what a failed checkpoint added is added again") {
  MemoryDisk disk;
  Step step(disk);
  step.states = {{1, std::string(100, 'a')}, {2, std::string(100, 'a')}};
  step.checkpoint({});
  step.states[1] = std::string(100, 'b');
  disk.refuses = true;
  step.checkpoint({1});
  disk.refuses = false;
  const auto [added, places] = step.checkpoint({});
  CHECK(added == 100);
  CHECK(opened(disk, places) == step.states);
}

TEST_CASE_FIXTURE(OneState, "parts: files that no checkpoint names go when the next one counts, and damaged ones are refused") {
  step.states[1] = std::string(100, 'b');
  step.store.begin();
  step.store.add("step", 1, step.states[1]);
  step.store.write([](const Status&) {});  // and no checkpoint that names it
  disk.work();
  disk.files["parts/00000000000000000009.parts.next"] = "cut short";
  CHECK(opened(disk, places) == std::map<unsigned, std::string>{{1, std::string(100, 'a')}});
  CHECK(disk.files.size() == 2);

  Step next(disk);
  REQUIRE(next.store.open("step", places));
  next.store.opened();
  next.states = {{1, std::string(100, 'c')}};
  const auto again = next.checkpoint({1});
  CHECK(disk.files.size() == 1);
  CHECK(disk.files.begin()->first == "parts/00000000000000000003.parts");
  CHECK(opened(disk, again.second) == next.states);
}

TEST_CASE_FIXTURE(OneState, "parts: a step that another version of the pipeline does not have keeps its file until then") {
  PartStore other(disk, "parts", 10);
  other.opened();
  CHECK(opened(disk, places) == step.states);
  other.begin();
  other.write([](const Status&) {});
  other.commit();
  CHECK(disk.files.empty());
}

TEST_CASE_FIXTURE(OneState, "parts: damage is found") {
  disk.files.at(first).back() ^= 1;
  PartStore store(disk, "parts", 10);
  const auto damaged = store.open("step", places);
  REQUIRE(!damaged);
  CHECK(damaged.error().message == first + " is damaged");
  const auto nonsense = store.open("step", "\x7f");
  REQUIRE(!nonsense);
  CHECK(nonsense.error().message == "the checkpoint's list of parts is damaged");
}

}  // namespace
}  // namespace streamflow
