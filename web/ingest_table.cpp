#include "web/ingest_table.h"

#include <utility>

#include "core/diagnostic.h"

namespace streamflow::web {
namespace {

constexpr unsigned kRestartSeconds = 1;

}  // namespace

void IngestTable::expect(const std::string& path) {
  const std::lock_guard lock(mutex_);
  ++entries_[path].sources;
}

void IngestTable::forget(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto it = entries_.find(path);
  if (it != entries_.end() && --it->second.sources == 0) entries_.erase(it);
}

bool IngestTable::open(const std::string& path, std::shared_ptr<IngestReceiver> receiver) {
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[path];
  if (entry.receiver) return false;
  entry.receiver = std::move(receiver);
  return true;
}

void IngestTable::close(const std::string& path, const IngestReceiver& receiver) {
  const std::lock_guard lock(mutex_);
  const auto it = entries_.find(path);
  if (it != entries_.end() && it->second.receiver.get() == &receiver) it->second.receiver.reset();
}

IngestTable::Found IngestTable::find(std::string_view path) const {
  const std::lock_guard lock(mutex_);
  const auto it = entries_.find(path);
  if (it == entries_.end()) return {};
  return {true, it->second.receiver};
}

std::vector<std::string> IngestTable::paths() const {
  std::vector<std::string> out;
  const std::lock_guard lock(mutex_);
  for (const auto& [path, entry] : entries_)
    if (!path.starts_with("/api/")) out.push_back(path);
  return out;
}

std::string_view path_of(const RequestHead& head) {
  const std::string_view target = head.target;
  return target.substr(0, target.find('?'));
}

Refusal check_ingest(const IngestTable::Found& found, RequestHead& head) {
  if (head.method != "POST") return {405, "records are sent to this path by POST"};
  if (!found.receiver)
    return {503, "the pipeline of this path is not running at the moment", kRestartSeconds};
  IngestReply reply = found.receiver->admit(head.ingest);
  if (reply.status != 200) return {reply.status, std::move(reply.error), reply.retry_after_s};
  head.body_bytes_max = found.receiver->body_bytes_max();
  return {};
}

Refusal no_such_path(const IngestTable& table, std::string_view path) {
  const std::vector<std::string> paths = table.paths();
  std::string text = "nothing takes records at this path";
  const std::string likely = nearest(std::string(path), paths);
  if (!likely.empty())
    text += "; did you mean " + likely + "?";
  else if (paths.empty())
    text += ": no pipeline has a source http with `listen`";
  return {404, std::move(text)};
}

}  // namespace streamflow::web
