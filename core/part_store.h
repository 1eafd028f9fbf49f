// The large parts of a pipeline's state, in files beside its checkpoint: a checkpoint writes the parts that
// changed since the one before it, into one new file, and refers to the earlier files for the others.  A part
// is the state of one partition of one step.
//
// FOLDER/NNNNNNNNNNNNNNNNNNNN.parts: kMagic, a checksum, and parts one after another (sealed_file.h).  A file
// is removed once a checkpoint counts that has no part in it; when less than half of it is still of use, what
// is left is written anew with the next checkpoint.
//
// For the loop's thread.  Owned by the journal.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/disk.h"
#include "core/sealed_file.h"
#include "core/status.h"

namespace streamflow {

class PartStore {
 public:
  static constexpr std::string_view kMagic = "SFPARTS\1";
  static constexpr size_t kLeast = 4096;  // bytes; smaller states are within the checkpoint

  // Parts of at least `least` bytes are kept here.
  PartStore(Disk& disk, std::string folder, size_t least = kLeast);

  // --- for one checkpoint at a time: begin, then keep or add each part, then write, then commit or abandon ---
  void begin();
  // A part that did not change.  False: it has to be added, or is small.
  bool keep(const std::string& step, unsigned partition) const { return parts_.contains({step, partition}); }
  // A part as it is now.  False: it is too small to be kept here.
  bool add(const std::string& step, unsigned partition, std::string_view state);
  // The checkpoint's entry (Pipeline::save) that says where the parts of a step lie, and what it says; empty: none.
  static constexpr std::string_view kEntry = "parts ";
  static std::string entry_of(const std::string& step) { return std::string(kEntry) + step; }
  std::string places(const std::string& step) const;
  size_t bytes_added() const { return text_.size() - kSealBytes; }
  // Makes what was added durable: the checkpoint that refers to it may be written then.
  void write(Disk::Done done);
  void commit();   // that checkpoint counts: removes files that it does not need
  void abandon();  // it does not: what was added is to be added again

  // --- at start ---
  // The parts of a step that a checkpoint refers to, by partition; they are known from then on.  Their
  // text lives until `opened`.
  Result<std::vector<std::pair<unsigned, std::string_view>>> open(const std::string& step, std::string_view places);
  // What was opened is not what the step has.
  void forget(const std::string& step);
  // All: forgets the texts.  Files that no part is in stay until the next checkpoint counts.
  void opened();
  void clear();   // removes all

 private:
  using Name = std::pair<std::string, unsigned>;
  struct Part {
    uint64_t file = 0, offset = 0, size = 0;
  };
  struct File {
    uint64_t size = 0, live = 0;  // bytes of parts: in all, and of those that are known
  };
  std::string path(uint64_t number) const;
  Result<std::string_view> text_of(uint64_t number);
  void forget(std::map<Name, Part>::iterator part);
  void remove_unused();

  Disk& disk_;
  const std::string folder_;
  const size_t least_;
  uint64_t number_ = 1;  // of the file that the next checkpoint writes
  std::string text_ = std::string(kSealBytes, '\0');  // of that file
  std::map<Name, Part> parts_;
  std::map<uint64_t, File> files_;
  struct Text {
    std::string file;
    std::string_view parts;  // of it
  };
  std::map<uint64_t, Text> texts_;  // while opening
};

}  // namespace streamflow
