#include "web/reduce.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "web/json_text.h"
#include "web/routes.h"

namespace streamflow::web {
namespace {

const double kNull = std::numeric_limits<double>::quiet_NaN();

Points points(const std::vector<std::pair<double, double>>& list) {
  Points out;
  for (const auto& [x, y] : list) out.add(x, y);
  return out;
}

TEST_CASE("reduce: of each column the least and the greatest stay, in their order") {
  const Points in = points({{0, 5}, {1, 9}, {2, 1}, {3, 5}, {10, 1}, {11, 2}, {12, 9}, {13, 4}});
  const Points out = reduce_to_columns(in, 0, 20, 2);
  CHECK(out.x == std::vector<double>{1, 2, 10, 12});
  CHECK(out.y == std::vector<double>{9, 1, 1, 9});
}

TEST_CASE("reduce: few points stay as they are") {
  const Points in = points({{0, 1}, {0, 2}, {0, 3}, {0, 4}});
  CHECK(reduce_to_columns(in, 0, 10, 2).size() == 4);
  CHECK(reduce_to_columns(in, 0, 0, 1).size() == 2);
}

TEST_CASE("reduce: a null stays between the values it separates") {
  Points in;
  for (int i = 0; i < 100; ++i) in.add(i, i == 50 ? kNull : i);
  const Points out = reduce_to_columns(in, 0, 100, 10);
  std::size_t nulls = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!std::isnan(out.y[i])) continue;
    ++nulls;
    CHECK(out.x[i] == 50);
    CHECK(out.x[i - 1] == 49);
    CHECK(out.x[i + 1] == 51);
  }
  CHECK(nulls == 1);
}

TEST_CASE("reduce: columns of nulls only keep one") {
  Points in;
  for (int i = 0; i < 100; ++i) in.add(i, kNull);
  CHECK(reduce_to_columns(in, 0, 100, 10).size() == 10);
}

TEST_CASE("reduce: by distance, the newest stays") {
  Points in;
  for (int i = 0; i < 1000; ++i) in.add(i, i);
  const Points out = reduce_by_stride(in, 300);
  CHECK(out.size() == 250);
  CHECK(out.y.back() == 999);
}

TEST_CASE("json: numbers are the shortest that read back the same") {
  const auto number = [](double value) {
    std::string out;
    append_json_number(out, value);
    return out;
  };
  CHECK(number(0.1) == "0.1");
  CHECK(number(1764099000000) == "1764099000000");
  CHECK(number(-0.0) == "0");
  CHECK(number(1e300) == "1e+300");
  CHECK(number(1.0 / 3) == "0.3333333333333333");
  CHECK(number(9007199254740993.0) == "9007199254740992");
  CHECK(number(kNull) == "null");
  CHECK(number(std::numeric_limits<double>::infinity()) == "null");
}

TEST_CASE("json: strings are escaped, and what is not UTF-8 is replaced") {
  const auto text = [](std::string_view value) {
    std::string out;
    append_json_string(out, value);
    return out;
  };
  CHECK(text("a\"b\\c\n\t\x01\x7f") == "\"a\\\"b\\\\c\\n\\t\\u0001\x7f\"");
  CHECK(text("é€😀") == "\"é€😀\"");
  CHECK(text("\xff") == "\"\xef\xbf\xbd\"");
  CHECK(text("a\xc3") == "\"a\xef\xbf\xbd\"");
  CHECK(text("\xc0\xaf") == "\"\xef\xbf\xbd\xef\xbf\xbd\"");                  // overlong
  CHECK(text("\xed\xa0\x80") == "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");  // a surrogate
  CHECK(text("\xf0\x9f\x98X") == "\"\xef\xbf\xbdX\"");                        // cut short
  CHECK(text("\xf5\x80") == "\"\xef\xbf\xbd\xef\xbf\xbd\"");                  // above U+10FFFF
}

TEST_CASE("routes: literal paths go before patterns; a {name} is one segment that is not empty") {
  RouteTable table;
  table.get("/a/{id}/data", [](const Request&) { return error_response(201, ""); });
  table.get("/a/fixed/data", [](const Request&) { return error_response(202, ""); });
  NamedTexts params;
  const Handler* handler = table.find("/a/x.y/data", params);
  REQUIRE(handler != nullptr);
  CHECK((*handler)({}).status == 201);
  CHECK(*find_text(params, "id") == "x.y");
  handler = table.find("/a/fixed/data", params);
  REQUIRE(handler != nullptr);
  CHECK((*handler)({}).status == 202);
  for (const char* path :
       {"", "/", "/a", "/a/x", "/a/x/data/", "/a//data", "/b/x/data", "a/x/data"}) {
    CAPTURE(path);
    CHECK(table.find(path, params) == nullptr);
  }
  CHECK(table.find("/a/" + std::string(100'000, 'x') + "/data", params) == nullptr);
}

}  // namespace
}  // namespace streamflow::web
