#include "core/expr/search.h"

#include <doctest/doctest.h>

#include <random>
#include <string>

namespace streamflow::expr {

TEST_CASE("a part is found first and last where std::string_view finds it") {
  std::mt19937 random(7);
  for (int round = 0; round < 20'000; ++round) {
    // Few letters: much repeats.  Parts on both sides of the length from which search prepares.
    std::string text(random() % 200, 'a'), part(random() % 45, 'a');
    for (std::string* one : {&text, &part})
      for (char& c : *one)
        if (random() % 9 == 0) c = 'b';
    if (random() % 2 == 0 && text.size() > part.size())
      part = text.substr(random() % (text.size() - part.size()), part.size());
    const size_t from = random() % 3 == 0 ? std::string::npos : random() % (text.size() + 3);
    CAPTURE(text);
    CAPTURE(part);
    CAPTURE(from);
    REQUIRE(find_text(text, part, from) == text.find(part, from));
    REQUIRE(find_text_last(text, part, from) == text.rfind(part, from));
  }
  CHECK(find_text({}, {}) == 0);
  CHECK(find_text_last({}, {}) == 0);
}

TEST_CASE("texts that repeat themselves are searched in linear time") {
  // The product of the lengths is 10^12: minutes, where this takes milliseconds.
  const std::string text(2'000'000, 'a'), half(1'000'000, 'a');
  CHECK(find_text(text, half + "b") == std::string::npos);
  CHECK(find_text_last(text, half + "b") == std::string::npos);
  CHECK(find_text(text, "b" + half) == std::string::npos);
  CHECK(find_text_last(text, "b" + half) == std::string::npos);
}

}  // namespace streamflow::expr
