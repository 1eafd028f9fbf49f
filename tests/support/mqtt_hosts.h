// What tests of the MQTT connectors stand on: builders as the plan calls them, and hosts that note
// what they are told.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "connectors/mqtt/mqtt.h"
#include "core/node.h"
#include "core/registry.h"

namespace streamflow::test {

using Options = std::vector<std::pair<std::string, SpecValue>>;

inline SpecValue scalar(const std::string& text) { return SpecValue::scalar(text); }
inline SpecValue list(const std::vector<std::string>& texts) {
  std::vector<SpecValue> items;
  for (const std::string& text : texts) items.push_back(scalar(text));
  return SpecValue::list(std::move(items));
}

inline const Registry& mqtt_registry() {
  static const Registry registry = [] {
    Registry out;
    register_mqtt(out);
    return out;
  }();
  return registry;
}

// A text in a file of its own, so that diagnostics have a place.
inline SpecValue placed(const std::string& text) {
  SpecValue value = scalar(text);
  value.span.file = std::make_shared<const SourceFile>(SourceFile{"pipeline.yaml", text});
  value.span.begin = 0;
  value.span.end = static_cast<uint32_t>(text.size());
  return value;
}

// The same, with `secret` in it as the text of a ${VAR}: all its bytes have one place.
inline SpecValue placed_with_secret(const std::string& text, const std::string& secret) {
  SpecValue value = placed(text);
  const size_t begin = text.find(secret);
  std::vector<uint32_t> offsets;
  for (size_t i = 0; i <= text.size(); ++i) {
    const bool inside = i >= begin && i < begin + secret.size();
    const size_t shift = i >= begin + secret.size() ? 6 : 0;  // ${WORD} is longer or shorter
    offsets.push_back(static_cast<uint32_t>(inside ? begin : i + shift));
  }
  value.secret = true;
  value.offsets = std::make_shared<const std::vector<uint32_t>>(std::move(offsets));
  return value;
}

inline Params checked(const char* verb, const SpecValue& address, const Options& options,
                      const std::vector<OptionDescriptor>& descriptors, Diagnostics& diagnostics) {
  static const OptionDescriptor source{.name = "mqtt", .type = OptionType::kText};
  static const OptionDescriptor sink{.name = "save", .type = OptionType::kUrl};
  std::vector<std::pair<SpecValue, SpecValue>> written;
  for (const auto& [name, value] : options) written.emplace_back(scalar(name), value);
  return validate("'mqtt'", "", scalar(verb), &address,
                  std::string_view(verb) == "save" ? &sink : &source, written, descriptors,
                  diagnostics);
}

inline SourceBuild build_source(const SpecValue& address, const Options& options,
                                Diagnostics& diagnostics, const std::string& state_dir = "",
                                const std::string& pipeline = "test") {
  const SourceDescriptor& descriptor = *mqtt_registry().find_source("mqtt");
  const Params params = checked("mqtt", address, options, descriptor.options, diagnostics);
  if (!diagnostics.ok()) return {};
  const Schema none;
  BuildContext context{params, none, diagnostics, pipeline, "main", state_dir, {}, {}, {}};
  return descriptor.build(context);
}

inline SourceBuild build_source(const std::string& address, const Options& options,
                                Diagnostics& diagnostics, const std::string& state_dir = "",
                                const std::string& pipeline = "test") {
  return build_source(placed(address), options, diagnostics, state_dir, pipeline);
}

inline SinkBuild build_sink(const SpecValue& address, const Options& options,
                            Diagnostics& diagnostics) {
  const SinkDescriptor& descriptor = *mqtt_registry().find_sink("mqtt");
  const Params params = checked("save", address, options, descriptor.options, diagnostics);
  if (!diagnostics.ok()) return {};
  const Schema open;
  BuildContext context{params, open, diagnostics, "test", "main.1", "", {}, {}, {}};
  return descriptor.build(context);
}

inline SinkBuild build_sink(const std::string& address, const Options& options,
                            Diagnostics& diagnostics) {
  return build_sink(placed(address), options, diagnostics);
}

// The same, for tests whose options are right.
inline std::unique_ptr<Source> make_source(const std::string& address, const Options& options = {},
                                           const std::string& state_dir = "",
                                           const std::string& pipeline = "test") {
  Diagnostics diagnostics;
  return build_source(address, options, diagnostics, state_dir, pipeline).source;
}
inline std::unique_ptr<Sink> make_sink(const std::string& address, const Options& options = {}) {
  Diagnostics diagnostics;
  return build_sink(address, options, diagnostics).sink;
}

struct StateChange {
  ConnectorState state = ConnectorState::kConnecting;
  std::string reason;
  bool operator==(const StateChange&) const = default;
};

class States {
 public:
  void note(ConnectorState state, const std::string& reason) { all.push_back({state, reason}); }
  bool up() const { return !all.empty() && all.back().state == ConnectorState::kUp; }
  bool is(ConnectorState state) const { return !all.empty() && all.back().state == state; }
  bool down(const std::string& words) const {
    return is(ConnectorState::kDown) && all.back().reason.find(words) != std::string::npos;
  }
  std::string last() const { return all.empty() ? "" : all.back().reason; }
  std::vector<StateChange> all;
};

struct Received {
  std::string payload;
  std::vector<std::string> captures;
  std::string topic;
  int qos = -1;
  bool retain = false;
};

class NotingSourceHost : public SourceHost {
 public:
  void message(std::string_view payload, std::span<const std::string_view> captures,
               std::span<const Value> meta) override {
    Received out;
    out.payload = payload;
    out.captures.assign(captures.begin(), captures.end());
    out.topic = meta[0].text();
    out.qos = static_cast<int>(meta[1].as_int());
    out.retain = meta[2].as_bool();
    unflushed.push_back(std::move(out));
  }
  void lines(BlockPtr) override {}
  void flush() override {
    if (on_flush && !unflushed.empty()) on_flush();
    for (Received& message : unflushed) received.push_back(std::move(message));
    unflushed.clear();
  }
  bool wants_meta(std::string_view) const override { return true; }
  void state(ConnectorState state, std::string reason, Micros) override {
    states.note(state, reason);
  }
  void ended() override {}
  void reject(std::string_view, std::string_view reason) override {
    rejections.emplace_back(reason);
  }
  void complain(std::string_view text) override { complaints.emplace_back(text); }

  std::vector<std::string> payloads() const {
    std::vector<std::string> out;
    for (const Received& message : received) out.push_back(message.payload);
    return out;
  }

  std::vector<Received> unflushed, received;
  States states;
  std::vector<std::string> complaints, rejections;
  std::function<void()> on_flush;
};

class NotingSinkHost : public SinkHost {
 public:
  void state(ConnectorState state, std::string reason, Micros) override {
    states.note(state, reason);
  }
  void written(uint64_t rows) override { rows_written += rows; }
  void failed(uint64_t rows, std::string_view reason, std::string_view) override {
    rows_failed += rows;
    reasons.emplace_back(reason);
  }
  void dropped(uint64_t rows, std::string_view reason) override {
    rows_dropped += rows;
    reasons.emplace_back(reason);
  }
  void queued(uint64_t rows, size_t bytes) override {
    rows_queued = rows;
    bytes_queued = bytes;
  }

  States states;
  uint64_t rows_written = 0, rows_failed = 0, rows_dropped = 0, rows_queued = 0;
  size_t bytes_queued = 0;
  std::vector<std::string> reasons;
};

inline std::vector<std::string> numbers(int begin, int end) {
  std::vector<std::string> out;
  for (int i = begin; i < end; ++i) out.push_back(std::to_string(i));
  return out;
}
inline std::string lines(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += text + "\n";
  return out;
}

}  // namespace streamflow::test
