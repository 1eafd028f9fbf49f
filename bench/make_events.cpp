// Writes N synthetic sensor events as NDJSON to standard output, the input of W1, W1b and W1c.
//
//   bench_make_events [--events 5000000] [--seed 1]
//
// The bytes depend on --events and --seed only: the generator is splitmix64 and all numbers are
// made and printed from integers, because the distributions of <random> and the printing of doubles
// may differ between standard libraries.  An event is about 139 bytes and has eight flat fields:
//
//   {"ts":1704067200000,"device":"dev-0123","site":"lyon-3","temperature":25.31,"humidity":45.67,
//    "pressure":1013.2,"battery":87,"seq":0}
//
// `ts` is epoch milliseconds, one event per millisecond, in order from 2024-01-01T00:00:00Z; the
// device is drawn from 1,000 and fixes the site; the temperature is uniform in 15.00..35.00, always
// with two decimals, so that `temperature > 25` passes about half and a re-encoded number (25.3
// for 25.30) shows.
#include <unistd.h>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

namespace {

constexpr std::uint64_t kFirstMs = 1704067200000;  // 2024-01-01T00:00:00Z
constexpr std::uint64_t kDevices = 1000;
constexpr std::size_t kBlockBytes = 256 * 1024;
constexpr std::size_t kLineBytesMax = 256;
constexpr std::string_view kSites[] = {"paris", "lyon", "lille", "nantes", "brest"};

// Steele, Lea, Flood: Fast splittable pseudorandom number generators (2014).
struct SplitMix64 {
  std::uint64_t state;
  std::uint64_t next() {
    std::uint64_t z = (state += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }
  // Uniform in [0, bound), by multiply and shift of 32 bits; the bias is below bound / 2^32.
  std::uint64_t below(std::uint64_t bound) { return ((next() >> 32) * bound) >> 32; }
};

char* put(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

char* put(char* out, std::uint64_t value) { return std::to_chars(out, out + 20, value).ptr; }

// `value` as a number of exactly `digits` digits, with leading zeros.
char* put_padded(char* out, std::uint64_t value, int digits) {
  for (int i = digits - 1; i >= 0; --i, value /= 10) out[i] = static_cast<char>('0' + value % 10);
  return out + digits;
}

char* put_event(char* out, std::uint64_t seq, SplitMix64& random) {
  const std::uint64_t device = random.below(kDevices);
  const std::uint64_t temperature = 1500 + random.below(2001);  // hundredths
  const std::uint64_t humidity = 3000 + random.below(6000);     // hundredths
  const std::uint64_t pressure = 9800 + random.below(500);      // tenths
  const std::uint64_t battery = 10 + random.below(90);
  out = put(put(out, "{\"ts\":"), kFirstMs + seq);
  out = put_padded(put(out, ",\"device\":\"dev-"), device, 4);
  out = put(put(out, "\",\"site\":\""), kSites[device % 5]);
  out = put(put(out, "-"), device / 5 % 10);
  out = put(put(out, "\",\"temperature\":"), temperature / 100);
  out = put_padded(put(out, "."), temperature % 100, 2);
  out = put(put(out, ",\"humidity\":"), humidity / 100);
  out = put_padded(put(out, "."), humidity % 100, 2);
  out = put(put(out, ",\"pressure\":"), pressure / 10);
  out = put(put(out, "."), pressure % 10);
  out = put(put(out, ",\"battery\":"), battery);
  out = put(put(out, ",\"seq\":"), seq);
  return put(out, "}\n");
}

bool write_all(const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t n = ::write(STDOUT_FILENO, data, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    data += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

bool parse_count(const char* text, std::uint64_t& value) {
  const char* end = text + std::strlen(text);
  const auto [ptr, ec] = std::from_chars(text, end, value);
  return ec == std::errc() && ptr == end;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t events = 5'000'000;
  std::uint64_t seed = 1;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view option = argv[i];
    std::uint64_t* target = option == "--events" ? &events : option == "--seed" ? &seed : nullptr;
    if (target == nullptr || i + 1 == argc || !parse_count(argv[i + 1], *target)) {
      std::fprintf(stderr, "usage: bench_make_events [--events N] [--seed S]\n");
      return 2;
    }
  }
  SplitMix64 random{seed};
  std::vector<char> block(kBlockBytes + kLineBytesMax);
  char* out = block.data();
  for (std::uint64_t seq = 0; seq < events; ++seq) {
    out = put_event(out, seq, random);
    if (out >= block.data() + kBlockBytes || seq + 1 == events) {
      if (!write_all(block.data(), static_cast<std::size_t>(out - block.data()))) {
        std::perror("bench_make_events: write");
        return 3;
      }
      out = block.data();
    }
  }
  return 0;
}
