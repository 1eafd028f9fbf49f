// The loops that one would write by hand for the join benchmarks (bench/joins.py): simdjson On-Demand
// per line, hard-coded fields in their order, both files in the order of time, equal times of the right
// one first.
//
//   bench_joins_floor asof|interval LEFT RIGHT > results
//
// Left records are {"ts":microseconds,"key":"k0","l":1}, right ones {"ts":…,"key":"k0","r":2}.  asof puts
// the latest right value of the key beside each left record; interval sends each pair within 1 ms.
#include <simdjson.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace {

constexpr int64_t kWithin = 1'000;

struct Record {
  int64_t ts = INT64_MAX;
  std::string_view key;
  int64_t value = 0;
  std::string_view text;
};

// One file, read in blocks; a record stands until the next call.
class Reader {
 public:
  Reader(const char* path, const char* value) : file_(std::fopen(path, "rb")), value_(value) {
    if (file_ == nullptr) std::exit(1);
    next();
  }
  Record record;
  void next() {
    for (;;) {
      const char* begin = buffer_.data() + at_;
      const void* end = at_ < size_ ? std::memchr(begin, '\n', size_ - at_) : nullptr;
      if (end != nullptr) {
        const auto length = static_cast<size_t>(static_cast<const char*>(end) - begin);
        at_ += length + 1;
        return parse(begin, length);
      }
      if (!fill()) {
        record = {};
        return;
      }
    }
  }

 private:
  static constexpr size_t kBlock = 256 * 1024;

  bool fill() {
    std::memmove(buffer_.data(), buffer_.data() + at_, size_ - at_);
    size_ -= at_;
    at_ = 0;
    const size_t got = std::fread(buffer_.data() + size_, 1, kBlock, file_);
    size_ += got;
    return got != 0;
  }
  void parse(const char* begin, size_t length) {
    auto document = parser_.iterate(begin, length, length + simdjson::SIMDJSON_PADDING);
    auto object = document.get_object();
    record.ts = object["ts"].get_int64();
    record.key = object["key"].get_string();
    record.value = object[value_].get_int64();
    record.text = {begin, length};
  }

  std::FILE* file_;
  const char* value_;
  std::vector<char> buffer_ = std::vector<char>(2 * kBlock + simdjson::SIMDJSON_PADDING);
  size_t at_ = 0, size_ = 0;
  simdjson::ondemand::parser parser_;
};

class Keys {
 public:
  uint32_t of(std::string_view key) {
    const auto found = numbers_.find(key);
    if (found != numbers_.end()) return found->second;
    store_.emplace_back(key);
    const auto number = static_cast<uint32_t>(numbers_.size());
    numbers_.emplace(store_.back(), number);
    return number;
  }

 private:
  std::deque<std::string> store_;
  std::unordered_map<std::string_view, uint32_t> numbers_;
};

// The left record with the right's fields behind it.
void print(std::string_view text, int64_t ts_right, int64_t value, std::string& out) {
  out.append(text.substr(0, text.size() - 1));
  out += ",\"ts_right\":" + std::to_string(ts_right) + ",\"r\":" + std::to_string(value) + "}\n";
  if (out.size() < 64 * 1024) return;
  std::fwrite(out.data(), 1, out.size(), stdout);
  out.clear();
}

struct Latest {
  int64_t ts = 0, value = 0;
  bool any = false;
};

void asof(Reader& left, Reader& right, std::string& out) {
  Keys keys;
  std::vector<Latest> latest;
  while (left.record.ts != INT64_MAX) {
    const bool from_right = right.record.ts <= left.record.ts;
    Reader& reader = from_right ? right : left;
    const uint32_t key = keys.of(reader.record.key);
    if (latest.size() <= key) latest.resize(key + 1);
    Latest& of = latest[key];
    if (from_right) {
      of = {right.record.ts, right.record.value, true};
    } else if (of.any) {
      print(left.record.text, of.ts, of.value, out);
    } else {
      out.append(left.record.text) += '\n';
    }
    reader.next();
  }
}

struct Held {
  int64_t ts, value;
  std::string text;
};

void interval(Reader& left, Reader& right, std::string& out) {
  Keys keys;
  std::vector<std::deque<Held>> lefts, rights;
  while (left.record.ts != INT64_MAX || right.record.ts != INT64_MAX) {
    const bool from_right = right.record.ts <= left.record.ts;
    Reader& reader = from_right ? right : left;
    const Record& record = reader.record;
    const uint32_t key = keys.of(record.key);
    if (lefts.size() <= key) lefts.resize(key + 1), rights.resize(key + 1);
    std::deque<Held>& own = from_right ? rights[key] : lefts[key];
    std::deque<Held>& others = from_right ? lefts[key] : rights[key];
    while (!others.empty() && others.front().ts + kWithin < record.ts) others.pop_front();
    for (const Held& other : others) {
      if (from_right) {
        print(other.text, record.ts, record.value, out);
      } else {
        print(record.text, other.ts, other.value, out);
      }
    }
    own.push_back({record.ts, record.value, from_right ? std::string() : std::string(record.text)});
    reader.next();
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 4) return 2;
  Reader left(arguments[2], "l"), right(arguments[3], "r");
  std::string out;
  const std::string_view mode = arguments[1];
  if (mode == "asof") {
    asof(left, right, out);
  } else if (mode == "interval") {
    interval(left, right, out);
  } else {
    return 2;
  }
  std::fwrite(out.data(), 1, out.size(), stdout);
}
