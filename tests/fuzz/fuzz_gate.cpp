// The gate must make the same of its input however that is cut.  libFuzzer's entry; built with
// -DSTREAMFLOW_FUZZ_ALONE it is a program that mutates a few seeds itself, for compilers without
// libFuzzer: fuzz_gate [seconds] [seed].
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "tests/web/gate_run.h"

namespace {

using streamflow::web::run_gate;

// The first bytes choose where to cut, the rest is the input.
void check(std::string_view data) {
  constexpr std::size_t kCuts = 4;
  if (data.size() < kCuts) return;
  const std::string_view cuts = data.substr(0, kCuts);
  const std::string_view input = data.substr(kCuts);
  std::vector<std::string_view> pieces;
  std::size_t at = 0;
  for (std::size_t i = 0; at < input.size(); ++i) {
    const std::size_t n = static_cast<unsigned char>(cuts[i % kCuts]) % 61 + 1;
    pieces.push_back(input.substr(at, n));
    at += n;
  }
  if (run_gate({input}) != run_gate(pieces)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check({reinterpret_cast<const char*>(data), size});
  return 0;
}

#ifdef STREAMFLOW_FUZZ_ALONE
#include <chrono>
#include <random>

int main(int argc, char** argv) {
  const std::vector<std::string> seeds = {
      "0123GET /a?b=c HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\nGET / HTTP/1.0\r\n\r\n",
      "0123POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: "
      "100-continue\r\n\r\nhelloHEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
      "0123PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
      "chunked\r\n\r\n4;x=1\r\nwiki\r\n5\r\npedia\r\n0\r\nT: 1\r\n\r\nGET / HTTP/1.1\r\nHost: "
      "a\r\n\r\n",
      "0123DELETE / HTTP/1.1\r\nHost: a\r\nOrigin: http://a\r\nContent-Type: "
      "text/plain\r\nConnection: close\r\n\r\n"};
  const std::vector<std::string> words = {"\r\n",
                                          "\n",
                                          "\r",
                                          " ",
                                          ":",
                                          "\t",
                                          ";",
                                          "0",
                                          "chunked",
                                          "Content-Length: 3\r\n",
                                          "Transfer-Encoding: chunked\r\n",
                                          "Host: b\r\n",
                                          "%00",
                                          "/",
                                          "ff",
                                          "HTTP/1.1"};
  std::mt19937 random(argc > 2 ? static_cast<unsigned>(std::atoi(argv[2])) : 1);
  const auto below = [&random](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  const auto end =
      std::chrono::steady_clock::now() + std::chrono::seconds(argc > 1 ? std::atoi(argv[1]) : 10);
  std::size_t runs = 0;
  for (; runs % 256 != 0 || std::chrono::steady_clock::now() < end; ++runs) {
    std::string data = seeds[below(seeds.size())];
    for (std::size_t i = 0; i < 4; ++i) data[i] = static_cast<char>(random());
    for (std::size_t n = below(6); n > 0; --n) {
      const std::size_t at = 4 + below(data.size() - 4);
      switch (below(4)) {
        case 0:
          data[at] = static_cast<char>(random());
          break;
        case 1:
          data.insert(at, words[below(words.size())]);
          break;
        case 2:
          data.erase(at, 1 + below(3));
          break;
        default:
          data.insert(at, data.substr(at, below(24)));
          break;
      }
      if (data.size() < 6) break;
    }
    check(data);
  }
  std::printf("%zu runs without a difference\n", runs);
}
#endif
