#include "core/part_store.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/keys.h"
#include "core/state_bytes.h"

namespace streamflow {
namespace {

constexpr std::string_view kSuffix = ".parts";

}  // namespace

PartStore::PartStore(Disk& disk, std::string folder, size_t least)
    : disk_(disk), folder_(std::move(folder)), least_(least) {}

std::string PartStore::path(uint64_t number) const { return numbered_path(folder_, number, kSuffix); }

void PartStore::begin() {
  text_.assign(kSealBytes, '\0');
  for (auto part = parts_.begin(); part != parts_.end();) {
    const auto next = std::next(part);
    const File& file = files_.at(part->second.file);
    if (file.live < file.size / 2) forget(part);
    part = next;
  }
}

bool PartStore::add(const std::string& step, unsigned partition, std::string_view state) {
  const auto found = parts_.find({step, partition});
  if (found != parts_.end()) forget(found);
  if (state.empty() || state.size() < least_) return false;
  parts_.insert_or_assign({step, partition}, Part{number_, bytes_added(), state.size()});
  text_ += state;
  File& file = files_[number_];
  file.size += state.size();
  file.live += state.size();
  return true;
}

// Of each part its partition, file, offset and size.
std::string PartStore::places(const std::string& step) const {
  std::string out;
  for (auto part = parts_.lower_bound({step, 0}); part != parts_.end() && part->first.first == step; ++part)
    for (const uint64_t n : {uint64_t{part->first.second}, part->second.file, part->second.offset, part->second.size})
      save_count(n, out);
  return out;
}

void PartStore::forget(std::map<Name, Part>::iterator part) {
  files_.at(part->second.file).live -= part->second.size;
  parts_.erase(part);
}

void PartStore::write(Disk::Done done) {
  if (bytes_added() == 0) return done({});
  seal_in_place(kMagic, text_);
  disk_.replace(path(number_), std::exchange(text_, std::string(kSealBytes, '\0')), std::move(done));
}

void PartStore::commit() {
  ++number_;
  remove_unused();
}

// The file stays until the next checkpoint counts: what failed may have come so far as to name it.
void PartStore::abandon() {
  std::erase_if(parts_, [this](const auto& part) { return part.second.file == number_; });
  files_[number_].live = 0;
  ++number_;
}

void PartStore::remove_unused() {
  std::erase_if(files_, [this](const auto& file) {
    return file.second.live == 0 && disk_.remove(path(file.first)).has_value();
  });
}

Result<std::vector<std::pair<unsigned, std::string_view>>> PartStore::open(const std::string& step,
                                                                          std::string_view places) {
  std::vector<std::pair<unsigned, std::string_view>> out;
  StateReader in(places);
  while (!in.at_end()) {
    const uint64_t partition = in.count();
    Part part;
    for (uint64_t* n : {&part.file, &part.offset, &part.size}) *n = in.count();
    if (!in.ok() || partition >= kPartitions) return fail(ErrorKind::kIo, "the checkpoint's list of parts is damaged");
    const auto text = text_of(part.file);
    if (!text) return tl::unexpected(text.error());
    if (part.offset > text->size() || part.size > text->size() - part.offset)
      return fail(ErrorKind::kIo, path(part.file) + " is damaged");
    const auto number = static_cast<unsigned>(partition);
    if (!parts_.emplace(Name{step, number}, part).second)
      return fail(ErrorKind::kIo, "the checkpoint names a part twice");
    File& file = files_[part.file];
    file.size = text->size();
    file.live += part.size;
    number_ = std::max(number_, part.file + 1);
    out.emplace_back(number, text->substr(part.offset, part.size));
  }
  return out;
}

void PartStore::forget(const std::string& step) {
  for (unsigned partition = 0; partition < kPartitions; ++partition) {
    const auto part = parts_.find({step, partition});
    if (part != parts_.end()) forget(part);
  }
}

Result<std::string_view> PartStore::text_of(uint64_t number) {
  const auto known = texts_.find(number);
  if (known != texts_.end()) return known->second.parts;
  auto read = disk_.read(path(number));
  if (!read) return tl::unexpected(read.error());
  Text& text = texts_[number];
  text.file = std::move(*read);
  const auto parts = unseal(text.file, kMagic, "file of state parts", path(number));
  if (parts) text.parts = *parts;
  return parts;
}

void PartStore::opened() {
  texts_.clear();
  const auto names = disk_.list(folder_);
  if (!names) return;
  for (const std::string& name : *names) {
    uint64_t number = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), number).ec != std::errc()) continue;
    if (name.ends_with(kSuffix)) {
      files_.try_emplace(number);
      number_ = std::max(number_, number + 1);
    } else {
      (void)disk_.remove(folder_ + "/" + name);  // of a write that was cut short
    }
  }
}

void PartStore::clear() {
  parts_.clear();
  opened();
  for (auto& [number, file] : files_) file.live = 0;
  remove_unused();
}

}  // namespace streamflow
