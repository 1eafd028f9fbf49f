// The loops that one would write by hand for the window benchmarks (bench/windows.py): simdjson
// On-Demand per line, hard-coded fields in their order, records in the order of time.
//
//   bench_windows_floor tumbling|hopping|session|rolling_median|million < events > results
//
// Events are {"ts":microseconds,"key":"k0","v":1.25}.  tumbling and hopping give means per key and
// second, of the last second and of the last hour; session cuts keys at gaps of 0.5 s;
// rolling_median is over the latest 101 records of a key; million is one mean per key of all there
// is.
#include <simdjson.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace {

struct Event {
  int64_t ts;
  std::string_view key;
  double v;
};

struct Mean {
  double sum = 0;
  uint64_t count = 0;
};

std::vector<std::string> names;  // of keys, by number

class Keys {
 public:
  uint32_t of(std::string_view key) {
    const auto found = numbers_.find(key);
    if (found != numbers_.end()) return found->second;
    store_.emplace_back(key);
    const auto number = static_cast<uint32_t>(names.size());
    numbers_.emplace(store_.back(), number);
    names.emplace_back(key);
    return number;
  }

 private:
  std::deque<std::string> store_;
  std::unordered_map<std::string_view, uint32_t> numbers_;
};

void print(int64_t at, uint32_t key, double value) {
  std::printf("{\"at\":%lld,\"key\":\"%s\",\"value\":%.17g}\n", static_cast<long long>(at),
              names[key].c_str(), value);
}

constexpr int64_t kSecond = 1'000'000;

struct Tumbling {
  int64_t second = -1;
  std::vector<Mean> means;
  void take(const Event& event, uint32_t key) {
    if (event.ts / kSecond != second) close(event.ts / kSecond);
    if (means.size() <= key) means.resize(key + 1);
    means[key].sum += event.v;
    ++means[key].count;
  }
  void close(int64_t next) {
    for (uint32_t key = 0; key < means.size(); ++key) {
      if (means[key].count)
        print(second, key, means[key].sum / static_cast<double>(means[key].count));
      means[key] = {};
    }
    second = next;
  }
};

struct Hopping {
  static constexpr int64_t kPanes = 3600;
  int64_t second = -1;
  std::deque<std::pair<int64_t, std::vector<Mean>>> panes;
  void take(const Event& event, uint32_t key) {
    const int64_t at = event.ts / kSecond;
    while (second >= 0 && second < at) close();
    second = at;
    if (panes.empty() || panes.back().first != at) panes.emplace_back(at, std::vector<Mean>());
    auto& means = panes.back().second;
    if (means.size() <= key) means.resize(key + 1);
    means[key].sum += event.v;
    ++means[key].count;
  }
  void close() {
    while (!panes.empty() && panes.front().first <= second - kPanes) panes.pop_front();
    std::vector<Mean> all(names.size());
    for (const auto& [at, means] : panes) {
      for (uint32_t key = 0; key < means.size(); ++key) {
        all[key].sum += means[key].sum;
        all[key].count += means[key].count;
      }
    }
    for (uint32_t key = 0; key < all.size(); ++key) {
      if (all[key].count) print(second, key, all[key].sum / static_cast<double>(all[key].count));
    }
    ++second;
  }
  void finish() {
    for (const int64_t last = second + kPanes; second < last;) close();
  }
};

struct Sessions {
  struct Session {
    int64_t first = 0, last = 0;
    Mean mean;
  };
  static constexpr int64_t kGap = kSecond / 50;
  std::vector<Session> sessions;
  void take(const Event& event, uint32_t key) {
    if (sessions.size() <= key) sessions.resize(key + 1);
    Session& session = sessions[key];
    if (session.mean.count && event.ts > session.last + kGap) close(key);
    if (!session.mean.count) session.first = event.ts;
    session.last = event.ts;
    session.mean.sum += event.v;
    ++session.mean.count;
  }
  void close(uint32_t key) {
    Session& session = sessions[key];
    print(session.first, key, session.mean.sum / static_cast<double>(session.mean.count));
    session = {};
  }
  void finish() {
    for (uint32_t key = 0; key < sessions.size(); ++key) {
      if (sessions[key].mean.count) close(key);
    }
  }
};

struct RollingMedian {
  struct Window {
    std::deque<double> values;
    std::vector<double> sorted;
  };
  std::vector<Window> windows;
  void take(const Event& event, uint32_t key) {
    if (windows.size() <= key) windows.resize(key + 1);
    Window& window = windows[key];
    if (window.values.size() == 101) {
      window.sorted.erase(
          std::lower_bound(window.sorted.begin(), window.sorted.end(), window.values.front()));
      window.values.pop_front();
    }
    window.values.push_back(event.v);
    window.sorted.insert(std::upper_bound(window.sorted.begin(), window.sorted.end(), event.v),
                         event.v);
    const size_t n = window.sorted.size();
    const double median =
        n % 2 ? window.sorted[n / 2] : (window.sorted[n / 2 - 1] + window.sorted[n / 2]) / 2;
    print(event.ts, key, median);
  }
};

template <class Take>
void each_event(Take&& take) {
  simdjson::ondemand::parser parser;
  std::string text;
  Keys keys;
  std::vector<char> block(1 << 18);
  std::string rest;
  for (size_t got; (got = std::fread(block.data(), 1, block.size(), stdin)) > 0;) {
    rest.append(block.data(), got);
    rest.reserve(rest.size() + simdjson::SIMDJSON_PADDING);
    size_t begin = 0;
    for (size_t end; (end = rest.find('\n', begin)) != std::string::npos; begin = end + 1) {
      auto document = parser.iterate(rest.data() + begin, end - begin, rest.capacity() - begin);
      auto object = document.get_object();
      Event event{};
      event.ts = object["ts"].get_int64();
      event.key = object["key"].get_string();
      event.v = object["v"].get_double();
      take(event, keys.of(event.key));
    }
    rest.erase(0, begin);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode == "tumbling") {
    Tumbling tumbling;
    each_event([&](const Event& event, uint32_t key) { tumbling.take(event, key); });
    tumbling.close(-1);
  } else if (mode == "hopping") {
    Hopping hopping;
    each_event([&](const Event& event, uint32_t key) { hopping.take(event, key); });
    hopping.finish();
  } else if (mode == "session") {
    Sessions sessions;
    each_event([&](const Event& event, uint32_t key) { sessions.take(event, key); });
    sessions.finish();
  } else if (mode == "rolling_median") {
    RollingMedian rolling;
    each_event([&](const Event& event, uint32_t key) { rolling.take(event, key); });
  } else if (mode == "million") {
    std::vector<Mean> means;
    each_event([&](const Event& event, uint32_t key) {
      if (means.size() <= key) means.resize(key + 1);
      means[key].sum += event.v;
      ++means[key].count;
    });
    for (uint32_t key = 0; key < means.size(); ++key) {
      print(0, key, means[key].sum / static_cast<double>(means[key].count));
    }
  } else {
    std::fprintf(stderr, "usage: windows_floor tumbling|hopping|session|rolling_median|million\n");
    return 2;
  }
  return 0;
}
