// A main for a libFuzzer entry, for compilers without libFuzzer: runs a corpus, then mutates it for a
// while.  What aborts or trips a sanitizer is the finding; its input is written before it is run.
//
//   fuzz_NAME [--seconds N] [--seed N] [--last FILE] CORPUS…    files and folders of inputs
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

namespace fs = std::filesystem;
constexpr size_t kInputMax = 4096;

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<std::string> read_corpus(const std::vector<std::string>& paths) {
  std::vector<std::string> out;
  for (const std::string& path : paths) {
    if (!fs::is_directory(path)) {
      out.push_back(read(path));
      continue;
    }
    for (const auto& entry : fs::directory_iterator(path)) out.push_back(read(entry.path()));
  }
  return out;
}

class Mutator {
 public:
  Mutator(const std::vector<std::string>& corpus, uint64_t seed) : corpus_(corpus), random_(seed) {}

  std::string next() {
    std::string text = one();
    for (size_t steps = 1 + below(6); steps > 0; --steps) mutate(text);
    if (text.size() > kInputMax) text.resize(kInputMax);
    return text;
  }

 private:
  size_t below(size_t n) { return n == 0 ? 0 : random_() % n; }
  const std::string& one() { return corpus_[below(corpus_.size())]; }

  void mutate(std::string& text) {
    const size_t at = below(text.size() + 1);
    switch (below(8)) {
      case 0:
        if (!text.empty()) text[below(text.size())] ^= static_cast<char>(1u << below(8));
        return;
      case 1:
        text.insert(at, 1, static_cast<char>(below(256)));
        return;
      case 2:
        text.erase(at, 1 + below(8));
        return;
      case 3: {  // a piece of another input
        const std::string& other = one();
        const size_t from = below(other.size() + 1);
        text.insert(at, other, from, 1 + below(24));
        return;
      }
      case 4: {  // the head of one, the tail of another
        const std::string& other = one();
        text = text.substr(0, at) + other.substr(below(other.size() + 1));
        return;
      }
      case 5: {  // again
        const std::string piece = text.substr(at, 1 + below(16));
        for (size_t n = 1 + below(12); n > 0 && text.size() < kInputMax; --n) text.insert(at, piece);
        return;
      }
      case 6: {
        static const char* kEdges[] = {"0", "-1", "9223372036854775807", "18446744073709551615u", "1e308",
                                       "\xff", "\\u0000", "null", "NaN", "''", "[]", "{}"};
        text.insert(at, kEdges[below(std::size(kEdges))]);
        return;
      }
      default:
        if (!text.empty()) std::swap(text[below(text.size())], text[below(text.size())]);
    }
  }

  const std::vector<std::string>& corpus_;
  std::mt19937_64 random_;
};

void run(const std::string& input, const std::string& last) {
  if (!last.empty()) std::ofstream(last, std::ios::binary | std::ios::trunc) << input;
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

}  // namespace

int main(int argc, char** argv) {
  double seconds = 5;
  uint64_t seed = 1;
  std::string last;
  std::vector<std::string> paths;
  for (int i = 1; i < argc; ++i) {
    const bool value = i + 1 < argc;
    if (value && !std::strcmp(argv[i], "--seconds"))
      seconds = std::atof(argv[++i]);
    else if (value && !std::strcmp(argv[i], "--seed"))
      seed = std::strtoull(argv[++i], nullptr, 10);
    else if (value && !std::strcmp(argv[i], "--last"))
      last = argv[++i];
    else
      paths.emplace_back(argv[i]);
  }
  const std::vector<std::string> corpus = read_corpus(paths);
  if (corpus.empty()) {
    std::fputs("no corpus\n", stderr);
    return 2;
  }
  for (const std::string& input : corpus) run(input, last);
  Mutator mutator(corpus, seed);
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  size_t inputs = corpus.size();
  for (; std::chrono::steady_clock::now() < end; ++inputs) run(mutator.next(), last);
  std::printf("%zu inputs, seed %llu, no finding\n", inputs, static_cast<unsigned long long>(seed));
  return 0;
}
