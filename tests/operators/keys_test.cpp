#include "core/keys.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>

using namespace streamflow;

namespace {

std::string key(const Value& value) {
  std::string out;
  append_key(value, out);
  return out;
}

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    const char* digits = "0123456789abcdef";
    out.push_back(digits[static_cast<unsigned char>(c) >> 4]);
    out.push_back(digits[c & 15]);
  }
  return out;
}

}  // namespace

TEST_CASE("keys: encodings and hashes are facts on disk") {
  CHECK(hex(key(Value::null())) == "01");
  CHECK(hex(key(Value())) == "01");
  CHECK(hex(key(Value::boolean(true))) == "0201");
  CHECK(hex(key(Value::integer(1))) == "03bff00000000000000000");
  CHECK(hex(key(Value::integer(-1))) == "03400fffffffffffff0000");
  CHECK(hex(key(Value::timestamp(0))) == "048000000000000000");
  CHECK(hex(key(Value::string("ab"))) == "06616200");
  CHECK(hex(key(Value::string(std::string("a\0b", 3)))) == "066100ff6200");
  CHECK(hex(key(Value::list({Value::null(), Value::string("x")}))) == "080106780000");
  CHECK(key_hash(key(Value::string(""))) == 0x2d06800538d394c2ull);  // XXH3-64 of nothing
  CHECK(key_hash("") == 0x2d06800538d394c2ull);
  CHECK(key_hash(key(Value::string("dev-0001"))) % 64 ==
        key_partition(key_hash(key(Value::string("dev-0001")))));
}

TEST_CASE("keys: equal numbers of different kinds are one key") {
  CHECK(key(Value::integer(1)) == key(Value::real(1.0)));
  CHECK(key(Value::integer(1)) == key(Value::unsigned_integer(1)));
  CHECK(key(Value::real(-0.0)) == key(Value::integer(0)));
  CHECK(key(Value::real(std::nan(""))) == key(Value::null()));
  CHECK(key(Value::string("1")) != key(Value::integer(1)));
  // Beyond 2^53 doubles are coarser than integers.
  const int64_t big = (int64_t{1} << 53) + 1;
  CHECK(key(Value::integer(big)) != key(Value::real(static_cast<double>(big))));
  CHECK(key(Value::integer(big - 1)) == key(Value::real(static_cast<double>(big - 1))));
}

TEST_CASE("keys: the order of encodings is the order of values") {
  const std::vector<Value> ascending = {
      Value::null(),
      Value::boolean(false),
      Value::boolean(true),
      Value::real(-1e300),
      Value::integer(INT64_MIN),
      Value::integer(INT64_MIN + 1),
      Value::integer(-9007199254740993),
      Value::integer(-9007199254740992),
      Value::real(-1.5),
      Value::integer(-1),
      Value::integer(0),
      Value::real(5e-324),
      Value::real(0.5),
      Value::integer(1),
      Value::integer(9007199254740992),
      Value::integer(9007199254740993),
      Value::integer(INT64_MAX - 1),
      Value::integer(INT64_MAX),
      Value::unsigned_integer(uint64_t{1} << 63),
      Value::unsigned_integer(UINT64_MAX),
      Value::real(18446744073709551616.0),
      Value::real(1e300),
      Value::timestamp(-5),
      Value::timestamp(7),
      Value::duration(1),
      Value::string(""),
      Value::string(std::string("\0", 1)),
      Value::string("a"),
      Value::string("a b"),
      Value::string("ab"),
      Value::string("é"),
      Value::string("日"),
      Value::string("\U0001F600"),
      Value::bytes("a"),
      Value::list({}),
      Value::list({Value::integer(1)}),
  };
  for (size_t i = 0; i + 1 < ascending.size(); ++i) {
    CAPTURE(i);
    CHECK(key(ascending[i]) < key(ascending[i + 1]));
  }
}

TEST_CASE("keys: values come back, whole numbers as int or uint") {
  for (const Value& value :
       {Value::null(), Value::boolean(true), Value::integer(INT64_MIN), Value::integer(INT64_MAX),
        Value::integer(9007199254740993), Value::unsigned_integer(UINT64_MAX), Value::real(1.5),
        Value::real(1e300), Value::timestamp(-1), Value::duration(9),
        Value::string(std::string("a\0\0b", 4)), Value::bytes("\xff"),
        Value::list({Value::null(), Value::string("x")}),
        Value::map({{Value::string("k"), Value::integer(3)}})}) {
    const std::string encoding = key(value);
    std::string_view rest = encoding;
    const Value back = take_key_value(rest);
    CHECK(rest.empty());
    CHECK(back.kind() == value.kind());
    CHECK(key(back) == encoding);
  }
  std::string_view rest =
      "\x03"
      "123";
  CHECK(take_key_value(rest).is_error());
  CHECK(rest.size() == 4);
  for (const std::string_view bad : {"",
                                     "\x06"
                                     "abc",
                                     "\x08\x01", "\x0b"}) {
    std::string_view bytes = bad;
    CHECK(take_key_value(bytes).is_error());
  }
}

TEST_CASE("key dictionary: numbers what an ordered map numbers, by the same cells") {
  std::mt19937 random(7);
  KeyDictionary dictionary;
  std::map<std::string, uint32_t> expected;
  for (int round = 0; round < 50; ++round) {
    Column column(100);
    std::vector<uint32_t> rows;
    for (uint32_t row = 0; row < 100; ++row) {
      const int choice = static_cast<int>(random() % 10);
      const auto number = static_cast<int64_t>(random() % 500);
      if (choice < 6) column.set_string(row, "dev-" + std::to_string(number));
      if (choice == 6) column.set_int(row, number);
      if (choice == 7) column.set_real(row, static_cast<double>(number));
      if (choice == 8) column.set_null(row);
      rows.push_back(row);
    }
    std::vector<uint32_t> ids(rows.size());
    const Column* columns[] = {&column};
    dictionary.ids_of(columns, rows, ids.data());
    for (size_t i = 0; i < rows.size(); ++i) {
      std::string encoding;
      append_key_cell(column, rows[i], encoding);
      const auto [found, is_new] = expected.emplace(encoding, ids[i]);
      CHECK(found->second == ids[i]);
      CHECK(dictionary.encoding(ids[i]) == encoding);
      CHECK(dictionary.hash(ids[i]) == key_hash(encoding));
      if (is_new) dictionary.retain(ids[i]);
    }
    dictionary.unpin();
  }
  CHECK(dictionary.live() == expected.size());
  std::vector<uint32_t> all, few;
  for (const auto& [encoding, id] : expected) all.push_back(id);
  std::vector<uint32_t> shuffled = all;
  std::shuffle(shuffled.begin(), shuffled.end(), random);
  few.assign(shuffled.begin(), shuffled.begin() + 20);
  dictionary.sort(shuffled);
  CHECK(shuffled == all);
  dictionary.sort(few);
  CHECK(std::is_sorted(few.begin(), few.end(), [&](uint32_t a, uint32_t b) {
    return dictionary.encoding(a) < dictionary.encoding(b);
  }));
}

TEST_CASE("key dictionary: keys of several columns") {
  Column a(3), b(3);
  a.set_string(0, "x");
  b.set_string(0, "yz");
  a.set_string(1, "xy");
  b.set_string(1, "z");
  a.set_string(2, "x");
  b.set_string(2, "yz");
  const Column* columns[] = {&a, &b};
  const std::vector<uint32_t> rows = {0, 1, 2};
  std::vector<uint32_t> ids(3);
  KeyDictionary dictionary;
  dictionary.ids_of(columns, rows, ids.data());
  CHECK(ids[0] == ids[2]);
  CHECK(ids[0] != ids[1]);
  Column out_a(1), out_b(1);
  Column* out[] = {&out_a, &out_b};
  dictionary.write(ids[1], out, 0);
  CHECK(out_a.text(0) == "xy");
  CHECK(out_b.text(0) == "z");
}

TEST_CASE("key dictionary: beyond its limit there are no new keys, dead ones make room") {
  KeyDictionary dictionary(2);
  const auto id_of = [&](const char* text) { return dictionary.id_of(key(Value::string(text))); };
  const uint32_t a = id_of("a"), b = id_of("b");
  CHECK(id_of("c") == KeyDictionary::kNone);
  CHECK(id_of("a") == a);
  dictionary.retain(a);
  dictionary.unpin();  // b is dead now
  CHECK(dictionary.live() == 1);
  const uint32_t c = id_of("c");
  CHECK(c != KeyDictionary::kNone);
  CHECK(id_of("b") == KeyDictionary::kNone);
  dictionary.release(c);
  CHECK(id_of("b") == b);
}

TEST_CASE("key dictionary: forgets dead keys and uses their numbers again") {
  KeyDictionary dictionary;
  std::vector<uint32_t> kept;
  for (int i = 0; i < 20'000; ++i) {
    const uint32_t id = dictionary.id_of(key(Value::string("key " + std::to_string(i))));
    if (i % 10 == 0) {
      dictionary.retain(id);
      kept.push_back(id);
    }
  }
  dictionary.unpin();
  CHECK(dictionary.live() == 2'000);
  CHECK(dictionary.forget_dead());
  CHECK(!dictionary.forget_dead());
  for (size_t i = 0; i < kept.size(); ++i) {
    const std::string encoding = key(Value::string("key " + std::to_string(10 * i)));
    REQUIRE(dictionary.encoding(kept[i]) == encoding);
    REQUIRE(dictionary.id_of(encoding) == kept[i]);
  }
  const size_t capacity = dictionary.capacity();
  for (int i = 0; i < 10'000; ++i) {
    const uint32_t id = dictionary.id_of(key(Value::integer(i)));
    CHECK(id < capacity);
  }
}

TEST_CASE("key dictionary: tells apart texts of any length that begin and end alike") {
  std::vector<std::string> texts;
  for (size_t size = 0; size <= 40; ++size) {
    texts.push_back(std::string(size, 'a'));
    for (size_t at = 0; at < size; ++at) {
      texts.push_back(std::string(size, 'a'));
      texts.back()[at] = 'b';
    }
  }
  Column column(texts.size());
  std::vector<uint32_t> rows, ids(texts.size());
  for (uint32_t row = 0; row < texts.size(); ++row) {
    column.set_string(row, texts[row]);
    rows.push_back(row);
  }
  KeyDictionary dictionary;
  const Column* columns[] = {&column};
  CHECK(dictionary.ids_of(columns, rows, ids.data()));
  for (uint32_t row = 0; row < texts.size(); ++row) {
    REQUIRE(ids[row] == row);
    REQUIRE(dictionary.encoding(row) == key(Value::string(texts[row])));
  }
}
