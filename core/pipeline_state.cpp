// What a pipeline keeps over restarts and reloads, and what its counts add up to.
#include <map>

#include "core/frames.h"
#include "core/part_store.h"
#include "core/pipeline.h"
#include "core/state_bytes.h"

namespace streamflow {

std::string Pipeline::save(PartStore* parts) {
  std::string out;
  FrameWriter frames(out);
  // `what`: in words, where it would be a loss that nobody takes it.
  const auto put = [&frames](const std::string& key, std::string_view what, std::string_view state) {
    frames.bytes(key);
    frames.bytes(what);
    frames.bytes(state);
  };
  const auto put_node = [&put](const std::string& key, const auto& node) {
    std::string state;
    node.save(state);
    put(key, "", state);
  };
  put("pipeline", "", fingerprint);
  std::string carried;
  save_count(carried_, carried);
  put("carried", "", carried);
  for (const auto& source : sources) put_node("source " + source->info.key, *source);
  for (const auto& merge : merges) put_node("merge " + merge->key, *merge);
  for (const auto& node : operators) {
    std::string state;
    const bool any = node->save(parts, state);
    put("step " + node->info.key, any ? node->info.id + " (" + node->info.verb + ")" : "", state);
    const std::string places = parts != nullptr ? parts->places(node->info.key) : std::string();
    if (!places.empty()) put(PartStore::entry_of(node->info.key), "", places);
  }
  for (const auto& sink : sinks) {
    std::string state;
    sink->save(state);
    const bool any = sink->queued_rows() > 0;
    put("sink " + sink->info.key, any ? "what waited for " + sink->info.argument : "", state);
  }
  for (const auto& s : streams) put_node("stream " + s->name, *s);
  return out;
}

Status Pipeline::load(std::string_view bytes, bool exactly, std::vector<std::string>& remarks,
                      PartStore* parts) {
  struct Saved {
    std::string_view what, state;
  };
  std::map<std::string, Saved, std::less<>> saved;
  FrameReader frames(bytes);
  while (frames.ok() && !frames.at_end()) {
    const std::string_view key = frames.bytes();
    const std::string_view what = frames.bytes();
    saved.emplace(key, Saved{what, frames.bytes()});
  }
  if (!frames.ok()) return fail(ErrorKind::kIo, "the state of pipeline " + name + " is damaged");
  const auto take = [&](const std::string& key, auto&& load) {
    const auto found = saved.find(key);
    if (found == saved.end()) return;
    const Saved state = found->second;
    const Status status = load(state.state);
    if (status) saved.erase(found);
    if (!status) remarks.push_back(status.error().message);
  };
  for (auto& node : sources)
    take("source " + node->info.key, [&](auto state) { return node->load(state); });
  for (auto& merge : merges) take("merge " + merge->key, [&](auto state) { return merge->load(state); });
  for (auto& node : operators) {
    std::vector<std::pair<unsigned, std::string_view>> large;
    const auto places = saved.find(PartStore::entry_of(node->info.key));
    if (places != saved.end()) {
      if (parts == nullptr) return fail(ErrorKind::kIo, "the state of pipeline " + name + " is not whole");
      auto opened = parts->open(node->info.key, places->second.state);
      if (!opened) return tl::unexpected(opened.error());
      large = std::move(*opened);
    }
    take("step " + node->info.key, [&](auto state) {
      const Status loaded = node->load(state, large);
      if (!loaded && parts != nullptr) parts->forget(node->info.key);
      return loaded;
    });
  }
  if (parts != nullptr) parts->opened();
  for (auto& node : sinks)
    take("sink " + node->info.key, [&](auto state) { return node->load(state, exactly); });
  for (auto& s : streams) take("stream " + s->name, [&](auto state) { return s->load(state); });
  const auto version = saved.find("pipeline");
  const auto carried = saved.find("carried");
  if (carried != saved.end()) carried_ = StateReader(carried->second.state).count();
  if (version == saved.end() || version->second.state != fingerprint) restart_counts();
  for (const auto& [key, state] : saved)
    if (!state.what.empty())
      remarks.push_back("loses " + std::string(state.what) + ": it is gone, or it or a step before it has changed");
  return {};
}

// Counts of other steps do not add up with ours: they begin anew, with what is under way as input.
void Pipeline::restart_counts() {
  carried_ = 0;
  const auto reset = [](Outlet& outlet) { outlet.copied = outlet.unused = 0; };
  for (auto& source : sources) {
    source->inlet.restart_counts();
    reset(source->outlet);
  }
  for (auto& merge : merges) reset(merge->outlet);
  for (auto& node : operators) {
    const uint64_t held = node->counts.held;
    node->counts = {.in = held, .held = held};
    node->cell_errors = 0;
    reset(node->outlet);
    carried_ += held;
  }
  for (auto& sink : sinks) {
    sink->in = sink->queued_rows();
    sink->written_rows = sink->failed_rows = sink->dropped_rows = 0;
    carried_ += sink->in;
  }
  for (auto& s : streams) {
    for (SideStream* side : {&s->late, &s->errors}) {
      side->created = 0;
      reset(side->outlet);
    }
  }
}

Ledger Pipeline::ledger() const {
  Ledger sum;
  sum.in = sum.messages = carried_;
  const auto add_outlet = [&sum](const Outlet& outlet) {
    sum.copied += outlet.copied;
    sum.unused += outlet.unused;
  };
  for (const auto& source : sources) {
    const InletCounts& counts = source->inlet.counts();
    sum.messages += counts.messages;
    sum.undecodable += counts.undecodable;
    sum.in += counts.rows;
    sum.failed += counts.failed;
    sum.held += counts.held;
    add_outlet(source->outlet);
  }
  for (const auto& merge : merges) add_outlet(merge->outlet);
  for (const auto& node : operators) {
    const Tally& t = node->counts;
    sum.created += t.created;
    sum.filtered += t.filtered;
    sum.absorbed += t.absorbed;
    sum.late += t.late;
    sum.dropped += t.dropped;
    sum.failed += t.failed;
    sum.held += t.held;
    add_outlet(node->outlet);
  }
  for (const auto& sink : sinks) {
    sum.written += sink->written_rows;
    sum.failed += sink->failed_rows;
    sum.dropped += sink->dropped_rows;
    sum.queued += sink->queued_rows();
  }
  for (const auto& s : streams) {
    for (const SideStream* side : {&s->late, &s->errors}) {
      sum.created += side->created;
      add_outlet(side->outlet);
    }
  }
  return sum;
}

}  // namespace streamflow
