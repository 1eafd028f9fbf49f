// One chart's history: written by a pipeline, read by the server.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/time.h"
#include "web/histogram.h"

namespace streamflow::web {

enum class ChartKind : std::uint8_t { kLine, kScatter, kHistogram };

struct ChartInfo {
  std::string id;  // "temperature.main.3"; unique in the daemon
  std::string pipeline;
  ChartKind kind = ChartKind::kLine;
  std::string title;
  std::string subtitle;
  std::string unit;
  std::string x;
  bool x_is_time = true;  // x is then in Micros
  std::vector<std::string> y;
  std::vector<std::string> by;
  std::optional<std::pair<double, double>> range;
  std::size_t bins = 0;  // histogram: about how many; 0: by rule
  Micros history_us = 15 * 60 * kMicrosPerSecond;
  std::size_t points_max = 10'000;    // line: for each series; scatter and histogram: of the chart
  std::optional<Micros> expected_us;  // the usual distance of two points
  std::optional<Micros> next_at;      // when the first point is due
};

// Points in the order of their arrival; immutable once shared.  A NaN in y is a null value.
struct PointChunk {
  std::vector<double> x;
  std::vector<double> y;
  Micros first_at = 0;  // arrival
  Micros last_at = 0;
};

struct SeriesSnapshot {
  std::uint64_t id = 0;  // never used twice by one chart
  std::string name;
  int slot = 0;
  std::uint64_t total = 0;  // points ever received
  std::size_t size = 0;     // points in the history
  std::size_t skip = 0;     // points at the start of the first chunk that have left the history
  std::vector<std::shared_ptr<const PointChunk>> chunks;
};

struct ChartSnapshot {
  std::uint64_t seq = 0;         // points ever received, whatever became of them
  std::uint64_t in_history = 0;  // of these, how many within history_us
  std::uint64_t unshown = 0;  // of seq: of keys for which there was no place, or without a finite x
  std::vector<std::shared_ptr<const SeriesSnapshot>> series;  // in the order of their first points
  std::shared_ptr<const HistogramState> histogram;            // nullptr before the first value
};

using ChartSnapshotPtr = std::shared_ptr<const ChartSnapshot>;

// Which colour, 1 to kSlots, each of the first keys has; the others 0.  Charts of one pipeline that draw the
// same keys share it, so that a key has one colour on the page; it outlives a reload.  Pipeline's thread.
class SeriesSlots {
 public:
  static constexpr int kSlots = 8;
  int slot_of(std::string_view name) {
    for (std::size_t i = 0; i < names_.size(); ++i)
      if (names_[i] == name) return static_cast<int>(i) + 1;
    if (names_.size() == kSlots) return 0;
    names_.emplace_back(name);
    return static_cast<int>(names_.size());
  }

 private:
  std::vector<std::string> names_;
};

// append() and flush() belong to the pipeline's thread, info() and snapshot() to any.  A snapshot
// shares all chunks but the newest with the one before, so taking one is O(series that changed x
// chunks), about 80 pointers a series, and its points are never copied.
//
// The history is bounded by age and by number.  Age is time since arrival, counted from the newest
// arrival: a source that stops, or a file of old records, keeps its points on the screen.
//
// A name of more than kNameBytesMax bytes is cut, and ends in a hash of the whole, so that two that begin
// alike stay apart.
//
// A series takes a slot, 1 to 8, at its first point, while there are any, and keeps slot and place
// for good; later ones have slot 0.  Charts may share their slots.  At most 50 series are kept.  When there are more keys, those
// that came first have the places; every 10 s each key outside that had more than twice the points
// of the least busy series with slot 0 takes that one's place, with an empty history.
class Chart {
 public:
  static constexpr std::size_t kSeriesMax = 50;
  static constexpr int kSlots = SeriesSlots::kSlots;
  static constexpr std::size_t kChunkPoints = 512;
  static constexpr std::size_t kNameBytesMax = 200;
  static constexpr std::size_t kCandidatesMax = 1'000;  // keys outside that are counted one by one
  static constexpr Micros kFlushEvery = 100 * kMicrosPerMilli;
  static constexpr Micros kReplaceEvery = 10 * kMicrosPerSecond;
  static constexpr double kMagnitudeMax = 1e300;  // beyond: not a number one can draw

  // slots: its own where there are none to share.
  explicit Chart(ChartInfo info, std::shared_ptr<SeriesSlots> slots = nullptr);
  Chart(const Chart&) = delete;
  Chart& operator=(const Chart&) = delete;

  const ChartInfo& info() const { return info_; }

  // Line and scatter.  x: Micros if info().x_is_time.  y: NaN is null.  A point without a finite x
  // is only counted.
  void append(std::string_view series, double x, double y);
  // Histogram.  A value that is not finite is only counted.
  void append(double value);

  // Publishes what was appended since, at most every 100 ms.  now: any clock in Micros, always the
  // same. Returns when to call again if there was something that it was too early to publish.
  std::optional<Micros> flush(Micros now);

  ChartSnapshotPtr snapshot() const;  // never nullptr

 private:
  struct Series {
    SeriesSnapshot state;
    PointChunk tail;
    std::uint64_t recent = 0;  // points since the places were last compared
    bool changed = true;       // differs from what was published
    std::shared_ptr<const SeriesSnapshot> published;
  };
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  template <class Value>
  using ByName = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;
  struct Arrival {
    Micros at = 0;  // set by flush()
    double value = 0;
  };

  std::string_view bounded(std::string_view name);
  Series* find_or_add(std::string_view name);
  void count_candidate(std::string_view name);
  void replace_least_busy(Micros now);
  void seal(Series& series, Micros at);
  static bool extend_last_chunk(Series& series, Micros at, Micros span_max);
  void drop_front(Series& series, std::size_t points);
  void limit_number();
  void limit_age(Micros now);
  void mark_history(Micros now);
  std::shared_ptr<const HistogramState> bin(Micros now);

  const ChartInfo info_;
  std::vector<std::unique_ptr<Series>> series_;
  ByName<Series*> by_name_;
  ByName<std::uint64_t> candidates_;
  std::uint64_t next_series_id_ = 1;
  const std::shared_ptr<SeriesSlots> slots_;
  std::size_t size_ = 0;  // points of all series, sealed ones
  std::string cut_name_;
  std::uint64_t seq_ = 0;
  std::uint64_t unshown_ = 0;
  std::deque<std::pair<Micros, std::uint64_t>> marks_;  // seq at some times within the history
  std::deque<Arrival> values_;
  std::size_t values_new_ = 0;  // of these, since the last flush
  HistogramBins bins_;
  bool dirty_ = false;
  std::optional<Micros> flushed_at_;
  Micros compared_at_ = 0;

  mutable std::mutex mutex_;  // guards only the pointer
  ChartSnapshotPtr snapshot_;
};

}  // namespace streamflow::web
