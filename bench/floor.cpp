// The physical floor of W1, W1b and W1c: what a careful engineer would write by hand for exactly
// this data with simdjson's documented API, and nothing else.  streamflowd is measured against it.
//
//   bench_floor w1|w1b|w1c INPUT OUTPUT
//
//   w1   filter temperature > 25, tumbling 60 s windows of `ts` by device, mean of temperature
//   w1b  filter temperature > 25, keep ts, device and temperature, their text unchanged
//   w1c  filter temperature > 25, forward the line unchanged; every field of every record is
//        parsed and type-checked first, so that damage anywhere in a record is found
//
// One thread: read() in 256 KiB blocks (a daemon cannot map a pipe, and mapping costs the same
// CPU), memchr for the lines, On-Demand iterate for each line, so that a bad line harms only
// itself.  The field names, their types and their order in the record are hard-coded; a field that
// is out of order is taken for missing.  Numbers are short here: simdjson 3.0 misreads tokens over
// 18 digits, against which a program for any data must guard.  Events are in time order, so that
// one window is open at a time; a record of an earlier window is late.  Bad and late records are
// counted on standard error.
#include <simdjson.h>

#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace {

namespace ondemand = simdjson::ondemand;

constexpr std::size_t kBlockBytes = 256 * 1024;
constexpr std::int64_t kWindowMs = 60'000;
constexpr double kThreshold = 25;

struct Counts {
  std::uint64_t lines = 0;
  std::uint64_t bad = 0;
  std::uint64_t late = 0;
};

// Collects output and writes it in blocks; ends the program when the disk refuses.
class Output {
 public:
  explicit Output(int fd) : fd_(fd) { buffer_.reserve(2 * kBlockBytes); }
  ~Output() { flush(); }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  Output& put(std::string_view text) {
    buffer_.append(text);
    return *this;
  }
  void end_row() {
    buffer_.push_back('\n');
    if (buffer_.size() >= kBlockBytes) flush();
  }
  void flush() {
    const char* data = buffer_.data();
    std::size_t size = buffer_.size();
    while (size > 0) {
      const ssize_t n = ::write(fd_, data, size);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) {
        std::perror("bench_floor: write");
        std::exit(3);
      }
      data += n;
      size -= static_cast<std::size_t>(n);
    }
    buffer_.clear();
  }

 private:
  int fd_;
  std::string buffer_;
};

// Calls handle(data, length, readable) for each line; at least SIMDJSON_PADDING bytes behind the
// line's end are readable.  A last line without newline is a line.  False when reading fails.
template <class Handle>
bool for_each_line(int fd, Handle handle) {
  std::vector<char> buffer(2 * kBlockBytes + simdjson::SIMDJSON_PADDING);
  std::size_t carried = 0;  // bytes of an unfinished line at the start of the buffer
  for (;;) {
    if (carried + kBlockBytes + simdjson::SIMDJSON_PADDING > buffer.size()) {
      buffer.resize(2 * buffer.size());
    }
    const ssize_t n = ::read(fd, buffer.data() + carried, kBlockBytes);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    if (n == 0) {
      if (carried > 0) handle(buffer.data(), carried, buffer.size());
      return true;
    }
    char* line = buffer.data();
    char* scan = line + carried;
    char* const end = scan + n;
    char* const limit = buffer.data() + buffer.size();
    while (void* found = std::memchr(scan, '\n', static_cast<std::size_t>(end - scan))) {
      char* const newline = static_cast<char*>(found);
      if (newline != line) {
        handle(line, static_cast<std::size_t>(newline - line),
               static_cast<std::size_t>(limit - line));
      }
      line = scan = newline + 1;
    }
    carried = static_cast<std::size_t>(end - line);
    std::memmove(buffer.data(), line, carried);
  }
}

// Device name -> dense id.  Open addressing over a wyhash-style multiply-fold of 128 bits: a weak
// hash puts short sequential names such as dev-0000..0999 on a handful of slots and makes the floor
// 12 % slower.
class Devices {
 public:
  std::uint32_t id_of(std::string_view name) {
    const std::uint64_t hash = hash_of(name);
    for (std::size_t slot = hash & mask_;; slot = (slot + 1) & mask_) {
      const Slot& s = slots_[slot];
      if (s.id == kFree) return insert(name, hash);
      if (s.hash == hash && names_[s.id] == name) return s.id;
    }
  }
  const std::string& name(std::uint32_t id) const { return names_[id]; }

 private:
  static constexpr std::uint32_t kFree = ~std::uint32_t{0};
  struct Slot {
    std::uint64_t hash = 0;
    std::uint32_t id = kFree;
  };

  static std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
    __extension__ using Product = unsigned __int128;
    const Product product = static_cast<Product>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  }
  static std::uint64_t hash_of(std::string_view name) {
    std::uint64_t hash = name.size() ^ 0xa0761d6478bd642fU;
    const char* p = name.data();
    std::size_t left = name.size();
    for (; left >= 8; p += 8, left -= 8) {
      std::uint64_t word;
      std::memcpy(&word, p, 8);
      hash = fold(hash ^ word, 0xe7037ed1a0b428dbU);
    }
    if (left > 0) {
      std::uint64_t word = 0;
      if (name.size() >= 8) {  // the last 8 bytes, overlapping: one load instead of a variable copy
        std::memcpy(&word, p + left - 8, 8);
      } else {
        std::memcpy(&word, p, left);
      }
      hash = fold(hash ^ word, 0x8ebc6af09c88c6e3U);
    }
    return hash;
  }

  std::uint32_t insert(std::string_view name, std::uint64_t hash) {
    const auto id = static_cast<std::uint32_t>(names_.size());
    names_.emplace_back(name);
    place({hash, id});
    if (2 * names_.size() > slots_.size()) {
      std::vector<Slot> old(2 * slots_.size());
      old.swap(slots_);
      mask_ = slots_.size() - 1;
      for (const Slot& s : old) {
        if (s.id != kFree) place(s);
      }
    }
    return id;
  }
  void place(Slot s) {
    std::size_t slot = s.hash & mask_;
    while (slots_[slot].id != kFree) slot = (slot + 1) & mask_;
    slots_[slot] = s;
  }

  std::vector<Slot> slots_ = std::vector<Slot>(4096);
  std::size_t mask_ = 4095;
  std::vector<std::string> names_;
};

// RFC 3339 UTC, without decimals where the time is a whole second, else with three.  Days to civil
// date after Howard Hinnant, http://howardhinnant.github.io/date_algorithms.html.
std::string rfc3339(std::int64_t ms) {
  std::int64_t seconds = ms / 1000;
  std::int64_t rest = ms % 1000;
  if (rest < 0) {
    rest += 1000;
    --seconds;
  }
  std::int64_t day = seconds / 86400;
  std::int64_t second = seconds % 86400;
  if (second < 0) {
    second += 86400;
    --day;
  }
  day += 719468;
  const std::int64_t era = (day >= 0 ? day : day - 146096) / 146097;
  const std::int64_t doe = day - era * 146097;
  const std::int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const std::int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const std::int64_t mp = (5 * doy + 2) / 153;
  const std::int64_t month = mp < 10 ? mp + 3 : mp - 9;
  const std::int64_t year = yoe + era * 400 + (month <= 2 ? 1 : 0);
  char text[96];
  int n = std::snprintf(
      text, sizeof text, "%04lld-%02lld-%02lldT%02lld:%02lld:%02lld", static_cast<long long>(year),
      static_cast<long long>(month), static_cast<long long>(doy - (153 * mp + 2) / 5 + 1),
      static_cast<long long>(second / 3600), static_cast<long long>(second / 60 % 60),
      static_cast<long long>(second % 60));
  if (rest != 0) {
    n += std::snprintf(text + n, sizeof text - static_cast<std::size_t>(n), ".%03lld",
                       static_cast<long long>(rest));
  }
  return std::string(text, static_cast<std::size_t>(n)) + "Z";
}

// The shortest text that reads back equal; whole numbers with `.0`.
void put_double(Output& out, double value) {
  char text[32];
  const char* end = std::to_chars(text, text + sizeof text, value).ptr;
  const std::string_view shortest(text, static_cast<std::size_t>(end - text));
  out.put(shortest);
  if (shortest.find_first_of(".en") == std::string_view::npos) out.put(".0");
}

// The mean by device of the one open window; rows leave in device order when a later window begins.
class MeanWindow {
 public:
  explicit MeanWindow(Output& out) : out_(out) {}

  // False when the record is late.
  bool add(std::int64_t ts, std::string_view device, double value) {
    if (ts < start_ || ts >= end_) {
      if (ts < start_ && end_ > start_) return false;
      close();
      start_ = ts - (ts % kWindowMs + kWindowMs) % kWindowMs;
      end_ = start_ + kWindowMs;
    }
    const std::uint32_t id = devices_.id_of(device);
    if (id == cells_.size()) cells_.emplace_back();
    cells_[id].sum += value;
    ++cells_[id].count;
    return true;
  }

  void close() {
    std::vector<std::uint32_t> ids;
    for (std::uint32_t id = 0; id < cells_.size(); ++id) {
      if (cells_[id].count > 0) ids.push_back(id);
    }
    std::sort(ids.begin(), ids.end(), [this](std::uint32_t a, std::uint32_t b) {
      return devices_.name(a) < devices_.name(b);
    });
    const std::string middle = "\",\"window_start\":\"" + rfc3339(start_) + "\",\"window_end\":\"" +
                               rfc3339(end_) + "\",\"temperature_mean\":";
    for (const std::uint32_t id : ids) {
      out_.put("{\"device\":\"").put(devices_.name(id)).put(middle);
      put_double(out_, cells_[id].sum / static_cast<double>(cells_[id].count));
      out_.put("}").end_row();
      cells_[id] = {};
    }
  }

 private:
  struct Cell {
    double sum = 0;
    std::uint64_t count = 0;
  };
  Output& out_;
  Devices devices_;
  std::vector<Cell> cells_;
  std::int64_t start_ = 0;
  std::int64_t end_ = 0;
};

// Runs row(object) for each line and counts the lines for which it fails.
template <class Row>
bool for_each_record(int fd, Counts& counts, Row row) {
  ondemand::parser parser;
  return for_each_line(fd, [&](char* data, std::size_t size, std::size_t readable) {
    ++counts.lines;
    ondemand::document document;
    ondemand::object object;
    if (parser.iterate(data, size, readable).get(document) || document.get_object().get(object) ||
        !row(document, object, std::string_view(data, size))) {
      ++counts.bad;
    }
  });
}

// Removes whitespace behind a token.
inline std::string_view trimmed(std::string_view token) {
  while (!token.empty() && static_cast<unsigned char>(token.back()) <= ' ') token.remove_suffix(1);
  return token;
}

// The text of the value of the next field `name` and the whitespace behind it; empty when there is
// none.
inline std::string_view token_of(ondemand::object& object, std::string_view name) {
  ondemand::value value;
  if (object.find_field(name).get(value)) return {};
  return value.raw_json_token();
}

// Time and device are decoded for the half of the records that pass the filter only, which takes 4
// % of the instructions away.  A device name with an escape in it is taken for bad.
bool run_w1(int input, Output& out, Counts& counts) {
  MeanWindow window(out);
  const bool read = for_each_record(
      input, counts, [&](ondemand::document&, ondemand::object& object, std::string_view) {
        std::string_view ts_text = token_of(object, "ts");
        std::string_view device = token_of(object, "device");
        double temperature;
        if (object.find_field("temperature").get(temperature)) return false;
        if (!(temperature > kThreshold)) return true;
        ts_text = trimmed(ts_text);
        device = trimmed(device);
        std::int64_t ts;
        const char* const ts_end = ts_text.data() + ts_text.size();
        const auto [ptr, error] = std::from_chars(ts_text.data(), ts_end, ts);
        if (error != std::errc() || ptr != ts_end) return false;
        if (device.size() < 2 || device.front() != '"' || device.back() != '"' ||
            device.find('\\') != std::string_view::npos) {
          return false;
        }
        if (!window.add(ts, device.substr(1, device.size() - 2), temperature)) ++counts.late;
        return true;
      });
  window.close();
  return read;
}

bool run_w1b(int input, Output& out, Counts& counts) {
  return for_each_record(
      input, counts, [&](ondemand::document&, ondemand::object& object, std::string_view) {
        const std::string_view ts = token_of(object, "ts");
        const std::string_view device = token_of(object, "device");
        ondemand::value value;
        double temperature;
        if (ts.empty() || device.empty() || object.find_field("temperature").get(value))
          return false;
        const std::string_view text = value.raw_json_token();
        if (value.get(temperature)) return false;
        if (!(temperature > kThreshold)) return true;
        out.put("{\"ts\":").put(trimmed(ts)).put(",\"device\":").put(trimmed(device));
        out.put(",\"temperature\":").put(trimmed(text)).put("}").end_row();
        return true;
      });
}

// Stage 1 has checked UTF-8, control characters and quotes of the whole line, and the walk checks
// commas, colons and the end, so a key is right if its escapes are: without a backslash in the line
// it need not be unescaped.  (Values are unescaped always: skipping them takes more instructions.)
bool run_w1c(int input, Output& out, Counts& counts) {
  return for_each_record(
      input, counts,
      [&](ondemand::document& document, ondemand::object& object, std::string_view line) {
        const bool escapes = line.find('\\') != std::string_view::npos;
        double temperature = 0;
        bool found = false;
        for (auto item : object) {
          ondemand::field field;
          ondemand::json_type type;
          std::string_view text;
          if (std::move(item).get(field) || field.value().type().get(type)) return false;
          const ondemand::raw_json_string key = field.key();
          if (escapes && field.unescaped_key().get(text)) return false;
          double number;
          bool flag;
          switch (type) {
            case ondemand::json_type::number:
              if (field.value().get(number)) return false;
              if (key == "temperature") {
                temperature = number;
                found = true;
              }
              break;
            case ondemand::json_type::string:
              if (field.value().get(text)) return false;
              break;
            case ondemand::json_type::boolean:
              if (field.value().get(flag)) return false;
              break;
            case ondemand::json_type::null:
              if (!field.value().is_null()) return false;
              break;
            default:
              return false;  // these records are flat
          }
        }
        const char* rest;
        if (!found || document.current_location().get(rest) == simdjson::SUCCESS) return false;
        if (temperature > kThreshold) out.put(line).end_row();
        return true;
      });
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view work = argc == 4 ? argv[1] : "";
  const auto run = work == "w1"    ? run_w1
                   : work == "w1b" ? run_w1b
                   : work == "w1c" ? run_w1c
                                   : nullptr;
  if (run == nullptr) {
    std::fprintf(stderr, "usage: bench_floor w1|w1b|w1c INPUT OUTPUT\n");
    return 2;
  }
  const int input = ::open(argv[2], O_RDONLY | O_CLOEXEC);
  const int output = ::open(argv[3], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (input < 0 || output < 0) {
    std::perror("bench_floor: open");
    return 3;
  }
  Counts counts;
  Output out(output);
  if (!run(input, out, counts)) {
    std::perror("bench_floor: read");
    return 3;
  }
  if (counts.bad > 0 || counts.late > 0) {
    std::fprintf(
        stderr, "lines %llu bad %llu late %llu\n", static_cast<unsigned long long>(counts.lines),
        static_cast<unsigned long long>(counts.bad), static_cast<unsigned long long>(counts.late));
  }
  return 0;
}
