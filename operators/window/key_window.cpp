#include "operators/window/key_window.h"

#include <algorithm>
#include <utility>

namespace streamflow {
namespace {

constexpr unsigned char kVersion = 1;

}  // namespace

KeyWindow::KeyWindow(WindowPlan plan)
    : plan_(std::move(plan)),
      ids_(plan_.keys_max),
      groups_(plan_.calls),
      results_(plan_),
      inputs_(*plan_.keys, plan_.calls),
      signature_(plan_.signature()) {}

void KeyWindow::begin(const Batch& batch, size_t at) {
  inputs_.evaluate(batch, at);
  if (batch.stream_start == kTimeMin) return;
  stream_start_ =
      stream_start_ == kTimeMin ? batch.stream_start : std::min(stream_start_, batch.stream_start);
}

void KeyWindow::take_ids(const Batch& batch, Emitter& out) {
  if (plan_.keys->can_fail()) {
    std::erase_if(rows_, [&](uint32_t row) {
      const std::string_view error = inputs_.key_error(row);
      if (!error.empty()) out.fail(batch, row, error);
      return !error.empty();
    });
  }
  row_ids_.resize(rows_.size());
  if (rows_.empty() || ids_.ids_of(inputs_.keys(), rows_, row_ids_.data())) return;
  size_t kept = 0;
  for (size_t i = 0; i < rows_.size(); ++i) {
    if (row_ids_[i] == KeyDictionary::kNone) {
      out.fail(batch, rows_[i], "window: more than max_keys keys at a time");
      continue;
    }
    rows_[kept] = rows_[i];
    row_ids_[kept++] = row_ids_[i];
  }
  rows_.resize(kept);
  row_ids_.resize(kept);
}

void KeyWindow::absorb(const Batch& batch, std::span<const uint32_t> rows,
                       std::span<const uint32_t> groups, Emitter& out) {
  if (rows.empty()) return;
  out.tally().absorbed += rows.size();
  for (size_t call = 0; call < plan_.calls.size(); ++call) {
    inputs_.add(batch, call, groups_.call(call), rows, groups, out);
  }
}

void KeyWindow::send_late(const Batch& batch, const Selection& late, Emitter& out) {
  if (late.empty()) return;
  if (plan_.late == LateRecords::kDrop) {
    out.tally().dropped += late.size();
    return;
  }
  Batch rows = batch;
  rows.selected = std::make_shared<Selection>(late);
  out.late(std::move(rows));
}

void KeyWindow::send(Emitter& out) {
  results_.send(ids_, previous_, {last_forwarded_, arrival_, stream_start_}, out);
}

void KeyWindow::save(StateParts& parts) const {
  const auto head = [this](std::string& out) {
    out.push_back(static_cast<char>(kVersion));
    save_text(signature_, out);
  };
  if (parts.wants(0)) {
    head(parts[0]);
    for (const Micros time : {last_forwarded_, arrival_, stream_start_, last_time_}) {
      save_micros(time, parts[0]);
    }
  }
  save_keys([&](uint32_t id) -> std::string* {
    if (!parts.wants(partition(id))) return nullptr;
    std::string& out = parts[partition(id)];
    if (out.empty()) head(out);
    ids_.save(id, out);
    return &out;
  });
}

Status KeyWindow::load(unsigned partition, std::string_view bytes) {
  forget_keys(partition);
  if (bytes.empty()) return {};
  StateReader in(bytes);
  if (in.byte() != kVersion) return fail(ErrorKind::kData, "window: unknown version of the state");
  if (in.text() != signature_) {
    return fail(ErrorKind::kConfig, "window: the state is that of another window");
  }
  if (partition == 0) {
    for (Micros* time : {&last_forwarded_, &arrival_, &stream_start_, &last_time_}) {
      *time = in.micros();
    }
  }
  while (in.ok() && !in.at_end()) load_keys(in);
  ids_.unpin();
  if (in.ok()) return {};
  forget_keys(partition);
  return fail(ErrorKind::kData, "window: the state is damaged, or has more than max_keys keys");
}

uint32_t KeyWindow::load_key(StateReader& in) {
  const std::string_view key = in.text();
  std::string_view rest = key;  // an encoding that write() could not read would be fatal later
  for (size_t part = 0; part < plan_.keys->parts().size() && in.ok(); ++part) {
    if (take_key_value(rest).is_error()) in.fail();
  }
  if (!rest.empty()) in.fail();
  const uint32_t id = in.ok() ? ids_.id_of(key) : KeyDictionary::kNone;
  if (id == KeyDictionary::kNone) in.fail();
  return id;
}

}  // namespace streamflow
