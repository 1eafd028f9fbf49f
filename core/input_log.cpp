#include "core/input_log.h"

#include <xxhash.h>

#include <algorithm>
#include <cstdlib>

#include "core/sealed_file.h"

namespace streamflow {
namespace {

constexpr size_t kFrameBytes = 4 + 8;          // size and checksum
constexpr size_t kHeadBytes = 8 + 1 + 8 + 8;   // before the body
constexpr std::string_view kSuffix = ".log";

void put(uint64_t value, size_t bytes, std::string& out) {
  for (size_t i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
}

uint64_t get(std::string_view text, size_t at, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; ++i)
    value |= static_cast<uint64_t>(static_cast<unsigned char>(text[at + i])) << (8 * i);
  return value;
}

void append_entry(const LogEntry& entry, std::string& out) {
  put(kHeadBytes + entry.body.size(), 4, out);
  const size_t checksum = out.size();
  put(0, 8, out);
  const size_t begin = out.size();
  put(entry.number, 8, out);
  put(static_cast<uint64_t>(entry.kind), 1, out);
  put(entry.source, 8, out);
  put(static_cast<uint64_t>(entry.stamp), 8, out);
  out += entry.body;
  const uint64_t sum = XXH3_64bits(out.data() + begin, out.size() - begin);
  for (size_t i = 0; i < 8; ++i) out[checksum + i] = static_cast<char>(sum >> (8 * i));
}

}  // namespace

std::string InputLog::path(uint64_t first) const {
  return numbered_path(folder_, first, kSuffix);
}

// Calls `fn` for the whole entries of a segment's text until it returns false; the size of what was walked.
size_t InputLog::scan(std::string_view text, const std::function<bool(const LogEntry&)>& fn) {
  size_t good = kMagic.size();
  while (good + kFrameBytes + kHeadBytes <= text.size()) {
    const size_t size = get(text, good, 4);
    if (size < kHeadBytes || good + kFrameBytes + size > text.size()) break;
    const std::string_view entry = text.substr(good + kFrameBytes, size);
    if (XXH3_64bits(entry.data(), entry.size()) != get(text, good + 4, 8)) break;
    LogEntry out;
    out.number = get(entry, 0, 8);
    out.kind = static_cast<LogEntry::Kind>(entry[8]);
    out.source = get(entry, 9, 8);
    out.stamp = static_cast<Micros>(get(entry, 17, 8));
    out.body = entry.substr(kHeadBytes);
    good += kFrameBytes + size;
    if (!fn(out)) break;
  }
  return good;
}

Result<std::vector<uint64_t>> InputLog::find_segments() const {
  const auto names = disk_.list(folder_);
  if (!names) return tl::unexpected(names.error());
  std::vector<uint64_t> firsts;
  for (const std::string& name : *names)
    if (name.ends_with(kSuffix)) firsts.push_back(std::strtoull(name.c_str(), nullptr, 10));
  std::sort(firsts.begin(), firsts.end());
  return firsts;
}

// Cuts a damaged tail off; the size of what remains (0: it held no entry and is gone).
Result<size_t> InputLog::check_segment(uint64_t first, std::vector<std::string>& remarks) {
  const std::string name = path(first);
  const auto text = disk_.read(name);
  if (!text) return tl::unexpected(text.error());
  const bool begun = text->size() >= kMagic.size();
  if (begun && !text->starts_with(kMagic)) return fail(ErrorKind::kIo, name + " is no input log of this version");
  const size_t good = !begun ? 0 : scan(*text, [this](const LogEntry& entry) {
    last_ = std::max(last_, entry.number);
    return true;
  });
  // A failed append leaves a torn tail, and the log went on in the next segment.
  if (good < text->size())
    remarks.push_back(name + ": a damaged tail of " + std::to_string(text->size() - good) + " bytes is cut off");
  if (good <= kMagic.size()) {
    if (auto status = disk_.remove(name); !status) return tl::unexpected(status.error());
    return 0;
  }
  if (good < text->size())
    if (auto status = disk_.truncate(name, good); !status) return tl::unexpected(status.error());
  return good;
}

Status InputLog::open(std::vector<std::string>& remarks, Check check) {
  const auto firsts = find_segments();
  if (!firsts) return tl::unexpected(firsts.error());
  // Two: a failed append may have left whole entries that its repetition, cut short by a crash, lacks.
  size_t left = check == Check::kAll ? firsts->size() : 2;
  for (size_t i = firsts->size(); i-- > 0;) {
    const uint64_t first = (*firsts)[i];
    if (left == 0) {
      segments_.push_front({first, 0});
      continue;
    }
    const auto bytes = check_segment(first, remarks);
    if (!bytes) return tl::unexpected(bytes.error());
    if (*bytes == 0) continue;
    segments_.push_front({first, *bytes});
    --left;
  }
  durable_ = last_;
  return {};
}

Result<LogSummary> InputLog::inspect() const {
  const auto firsts = find_segments();
  if (!firsts) return tl::unexpected(firsts.error());
  LogSummary out;
  for (const uint64_t first : *firsts) {
    const std::string name = path(first);
    const auto text = disk_.read(name);
    if (!text) return tl::unexpected(text.error());
    ++out.segments;
    out.bytes += text->size();
    if (!text->starts_with(kMagic)) {
      out.damage.push_back(name + " is no input log of this version");
      continue;
    }
    const size_t good = scan(*text, [&out](const LogEntry& entry) {
      if (out.first == 0) out.first = entry.number;
      out.last = entry.number;
      ++out.entries;
      return true;
    });
    if (good < text->size())
      out.damage.push_back(name + ": a damaged tail of " + std::to_string(text->size() - good) + " bytes");
  }
  return out;
}

Status InputLog::read(uint64_t after, const std::function<bool(const LogEntry&)>& fn,
                      std::vector<std::string>& remarks) {
  bool more = true;
  for (size_t i = 0; i < segments_.size() && more; ++i) {
    if (i + 1 < segments_.size() && segments_[i + 1].first <= after + 1) continue;
    const uint64_t first = segments_[i].first;
    const std::string name = path(first);
    const auto text = disk_.read(name);
    if (!text) return tl::unexpected(text.error());
    if (text->size() < kMagic.size()) continue;
    if (!text->starts_with(kMagic)) return fail(ErrorKind::kIo, name + " is no input log of this version");
    if (first > after + 1)
      remarks.push_back("input log damaged before " + name + ": entries " + std::to_string(after + 1) + " to " +
                        std::to_string(first - 1) + " are lost");
    scan(*text, [&](const LogEntry& entry) {
      if (entry.number <= after) return true;  // also one that a failed append left behind
      after = entry.number;
      return more = fn(entry);
    });
  }
  return {};
}

uint64_t InputLog::append(LogEntry entry) {
  entry.number = ++last_;
  if (waiting_.empty()) waiting_first_ = entry.number, waiting_begun_ = entry.stamp;
  append_entry(entry, waiting_);
  if (waiting_.size() >= kLazyBytes) write_out();
  return entry.number;
}

void InputLog::flush() {
  wanted_ = last_;
  write_out();
}

// One append at a time: what comes meanwhile goes together with the next.
void InputLog::write_out() {
  if (is_flying_ || in_trouble_ || (waiting_.empty() && flying_.empty())) return;
  if (flying_.empty()) {
    flying_.swap(waiting_);
    flying_first_ = waiting_first_;
    flying_begun_ = waiting_begun_;
    flying_last_ = last_;
  }
  std::string bytes;
  if (new_segment_ || segments_.empty() || segments_.back().bytes >= kSegmentBytes) {
    segments_.push_back({flying_first_, 0, flying_begun_});
    new_segment_ = false;
    bytes = kMagic;
  }
  bytes += flying_;
  is_flying_ = true;
  const size_t size = bytes.size();
  disk_.append(path(segments_.back().first), std::move(bytes),
               [this, alive = alive_, upto = flying_last_, size](const Status& status) {
                 if (*alive) written(upto, size, status);
               });
}

void InputLog::written(uint64_t upto, size_t bytes, const Status& status) {
  is_flying_ = false;
  if (!status) {
    in_trouble_ = true;
    // The same entries again, in a segment of their own: of the damaged one only the whole part counts, and
    // an entry that is in both is the same entry.
    new_segment_ = true;
    if (on_trouble) on_trouble(status.error());
    return;
  }
  flying_.clear();
  segments_.back().bytes += bytes;
  durable_ = upto;
  if (on_durable) on_durable(upto);
  if (wanted_ > durable_ || waiting_.size() >= kLazyBytes) write_out();
}

void InputLog::retry() {
  if (!in_trouble_) return;
  if (!segments_.empty() && segments_.back().first == flying_first_) {  // nothing good in it
    if (!disk_.remove(path(flying_first_)) && on_trouble) return;
    segments_.pop_back();
  }
  in_trouble_ = false;
  write_out();
}

Micros InputLog::begin_of(Segment& segment) {
  if (segment.begun != kTimeMin) return segment.begun;
  segment.begun = kTimeMin + 1;  // where nothing can be read, long ago
  if (const auto text = disk_.read(path(segment.first)); text)
    scan(*text, [&segment](const LogEntry& entry) {
      segment.begun = entry.stamp;
      return false;
    });
  return segment.begun;
}

// What a segment holds came before the next one began.
void InputLog::trim(uint64_t number, Micros until) {
  while (segments_.size() > 1 && segments_[1].first <= number + 1) {
    if (until != kTimeMax && begin_of(segments_[1]) >= until) return;
    if (!disk_.remove(path(segments_.front().first))) return;
    segments_.pop_front();
  }
}

void InputLog::clear() {
  for (const Segment& segment : segments_) (void)disk_.remove(path(segment.first));
  segments_.clear();
  new_segment_ = true;
}

}  // namespace streamflow
