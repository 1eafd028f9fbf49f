// What a step keeps for each key: a state by the key's number, saved by the key's partition.
#pragma once

#include <bitset>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/keys.h"
#include "core/node.h"
#include "core/state_bytes.h"
#include "operators/key_columns.h"

namespace streamflow {

// The keys of the rows of a batch as small numbers.  Keys live as long as the step; at most
// `keys_max` of them, records of more fail.
class KeyIds {
 public:
  KeyIds(std::string verb, std::unique_ptr<KeyColumns> keys, size_t keys_max);

  // Looks up the rows from position `begin` on; calls for later parts of the same batch cost
  // nothing.
  void find(const Batch& batch, size_t begin);
  // The number of the key of the row at a position, or kNone: then the row has failed.
  uint32_t at(const Batch& batch, size_t position, Emitter& out);
  void release();  // the batch is done with

  unsigned partition(uint32_t id) const { return keys_->keyed() ? ids_.partition(id) : 0; }
  size_t capacity() const { return known_; }  // numbers are below this
  void save(uint32_t id, std::string& out) const { ids_.save(id, out); }
  uint32_t number(std::string_view encoding);  // made where there is none; kNone: one too many
  const KeyColumns& columns() const { return *keys_; }
  const KeyDictionary& dictionary() const { return ids_; }
  const std::string& verb() const { return verb_; }

 private:
  void keep_new();

  std::string verb_;
  std::unique_ptr<KeyColumns> keys_;
  KeyDictionary ids_;
  size_t known_ = 0;
  // Of the batch that was looked up last:
  std::shared_ptr<const Times> time_;
  SelectionPtr selected_;
  size_t base_ = 0;
  std::vector<ColumnPtr> key_columns_;
  std::vector<uint32_t> rows_, row_ids_;
};

// State has `void save(std::string&) const`, `void load(StateReader&)` and `bool empty() const`:
// what is empty is as if it had never been, and not saved.
template <class State>
class KeyStates {
 public:
  static constexpr unsigned char kVersion = 1;

  // `signature` tells the states of one set of options from those of another.
  KeyStates(std::string verb, std::unique_ptr<KeyColumns> keys, size_t keys_max,
            std::string signature)
      : ids_(std::move(verb), std::move(keys), keys_max), signature_(std::move(signature)) {}

  KeyIds& ids() { return ids_; }
  const KeyIds& ids() const { return ids_; }
  size_t size() const { return states_.size(); }

  void find(const Batch& batch, size_t begin) {
    ids_.find(batch, begin);
    grow();
  }
  // The state of the row at a position, for changing; null: it has no key and has failed.
  State* at(const Batch& batch, size_t position, Emitter& out) {
    const uint32_t id = ids_.at(batch, position, out);
    if (id == KeyDictionary::kNone) return nullptr;
    return &changed(id);
  }
  State& changed(uint32_t id) {
    dirty_.set(ids_.partition(id));
    return states_[id];
  }
  const State& operator[](uint32_t id) const { return states_[id]; }
  // Of a key that no record may have brought yet; null: one key too many.
  State* of_key(std::string_view encoding, uint32_t* number = nullptr) {
    const uint32_t id = ids_.number(encoding);
    if (id == KeyDictionary::kNone) return nullptr;
    grow();
    if (number != nullptr) *number = id;
    return &states_[id];
  }

  void save(StateParts& parts) const {
    CountedEntries entries(parts);
    for (uint32_t id = 0; id < states_.size(); ++id) {
      if (states_[id].empty()) continue;
      std::string* const out = entries.next(ids_.partition(id));
      if (out == nullptr) continue;
      ids_.save(id, *out);
      states_[id].save(*out);
    }
    for (unsigned partition = 0; partition < kPartitions; ++partition) {
      if (entries.count(partition) == 0) continue;
      std::string& out = parts[partition];
      out.push_back(static_cast<char>(kVersion));
      save_text(signature_, out);
      entries.append_to(out, partition);
    }
  }

  // Replaces the states of a partition.
  Status load(unsigned partition, std::string_view bytes) {
    for (uint32_t id = 0; id < states_.size(); ++id)
      if (ids_.partition(id) == partition) states_[id] = State();
    if (bytes.empty()) return {};
    StateReader in(bytes);
    if (in.byte() != kVersion) return damaged("unknown version of the state");
    if (in.text() != signature_) return damaged("the state is of other options");
    for (uint64_t left = in.count(); left > 0 && in.ok(); --left) {
      const std::string_view key = in.text();
      if (!in.ok()) break;
      State* state = of_key(key);
      if (state == nullptr)
        return streamflow::fail(ErrorKind::kLimit, ids_.verb() + ": more keys than max_keys");
      state->load(in);
    }
    if (!in.ok() || !in.at_end()) return damaged("damaged state");
    return {};
  }

  std::bitset<kPartitions> take_dirty() { return std::exchange(dirty_, {}); }

 private:
  void grow() {
    if (states_.size() < ids_.capacity()) states_.resize(ids_.capacity());
  }
  Status damaged(std::string_view what) const {
    return streamflow::fail(ErrorKind::kData, ids_.verb() + ": " + std::string(what));
  }

  KeyIds ids_;
  std::string signature_;
  std::vector<State> states_;  // by number
  std::bitset<kPartitions> dirty_;
};

// A step that keeps a State for each key.
template <class State>
class KeyedOperator : public Operator {
 public:
  explicit KeyedOperator(KeyStates<State> states) : states_(std::move(states)) {}
  void save(StateParts& parts) const override { states_.save(parts); }
  Status load(unsigned partition, std::string_view bytes) override {
    return states_.load(partition, bytes);
  }
  std::bitset<kPartitions> take_dirty() override { return states_.take_dirty(); }

 protected:
  KeyStates<State> states_;
};

// One that lets some records pass as they are.
template <class State>
class KeyedFilter : public KeyedOperator<State> {
 public:
  using KeyedOperator<State>::KeyedOperator;

  size_t process(const Batch& batch, size_t begin, Emitter& out) override {
    this->states_.find(batch, begin);
    read(batch);
    auto passed = std::make_shared<Selection>();
    for (size_t i = begin; i < batch.count(); ++i) {
      State* state = this->states_.at(batch, i, out);
      if (state == nullptr) continue;
      if (passes(*state, batch, batch.row_at(i))) {
        passed->push_back(batch.row_at(i));
      } else {
        ++out.tally().filtered;
      }
    }
    out.tally().passed += passed->size();
    this->states_.ids().release();
    if (passed->empty()) return batch.count();
    Batch kept = batch;
    if (passed->size() < batch.count()) kept.selected = std::move(passed);
    out.emit(std::move(kept));
    return batch.count();
  }

 protected:
  virtual void read(const Batch& batch) { (void)batch; }  // columns that `passes` looks at
  virtual bool passes(State& state, const Batch& batch, uint32_t row) = 0;
};

// From the options `by` and `max_keys`.  Nothing: reported.
template <class State>
std::unique_ptr<KeyStates<State>> read_key_states(BuildContext& context, std::string signature) {
  auto keys = KeyColumns::build(context);
  if (!keys) return nullptr;
  signature += keys->signature();
  return std::make_unique<KeyStates<State>>(context.params.verb, std::move(keys),
                                            static_cast<size_t>(context.params.integer("max_keys")),
                                            std::move(signature));
}

}  // namespace streamflow
