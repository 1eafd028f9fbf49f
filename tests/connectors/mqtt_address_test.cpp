#include <doctest/doctest.h>

#include "connectors/mqtt/address.h"
#include "connectors/mqtt/reasons.h"
#include "connectors/mqtt/session.h"
#include "connectors/mqtt/topic.h"
#include "connectors/retry.h"
#include "tests/support/mosquitto.h"

using namespace streamflow;
using namespace streamflow::mqtt;

TEST_CASE("mqtt address: host, default ports, and the topic verbatim") {
  const auto plain = parse_address("mqtt://localhost/sensors/#");
  REQUIRE(plain);
  CHECK(plain->host == "localhost");
  CHECK(plain->port == 1883);
  CHECK_FALSE(plain->tls);
  CHECK(plain->topic == "sensors/#");
  CHECK(plain->topic_begin == 17);

  const auto tls = parse_address("mqtts://broker.example:8884/a/+/b?c=%20//");
  REQUIRE(tls);
  CHECK(tls->tls);
  CHECK(tls->port == 8884);
  CHECK(tls->topic == "a/+/b?c=%20//");
  CHECK(parse_address("mqtts://h")->port == 8883);
  CHECK(parse_address("mqtt://h/")->topic == "");
  CHECK(parse_address("mqtt://h//a")->topic == "/a");
}

TEST_CASE("mqtt address: credentials are percent-decoded and never shown") {
  const auto address = parse_address("mqtt://al%40ice:p%2Fss@w:rd@[::1]:1884/t");
  REQUIRE(address);
  CHECK(*address->user == "al@ice");
  CHECK(*address->password == "p/ss@w:rd");
  CHECK(address->host == "::1");
  CHECK(address->port == 1884);
  CHECK(address->shown() == "mqtt://[::1]:1884/t");
  const auto user_only = parse_address("mqtt://bob@h/t");
  REQUIRE(user_only);
  CHECK(*user_only->user == "bob");
  CHECK_FALSE(user_only->password);
  CHECK(*parse_address("mqtt://bob:@h/t")->password == "");
}

TEST_CASE("mqtt address: mistakes have their places") {
  struct Case {
    const char* text;
    size_t begin, end;
  };
  const Case cases[] = {
      {"http://h/t", 0, 10},     {"mqtt://", 7, 7},           {"mqtt:///t", 7, 7},
      {"mqtt://h:0/t", 9, 10},   {"mqtt://h:65536/t", 9, 14}, {"mqtt://h:/t", 9, 9},
      {"mqtt://h:18x/t", 9, 12}, {"mqtt://{host}/t", 7, 8},   {"mqtt://h?x/t", 8, 9},
      {"mqtt://[::1/t", 7, 11},  {"mqtt://[zz]/t", 7, 11},    {"mqtt://[::1]x/t", 12, 13},
      {"mqtt://a%4:b@h", 7, 12}, {"mqtt://:pw@h/t", 7, 11},   {"mqtt://h h/t", 8, 9},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    const auto address = parse_address(c.text);
    REQUIRE_FALSE(address);
    CHECK(address.error().begin == c.begin);
    CHECK(address.error().end == c.end);
    CHECK_FALSE(address.error().message.empty());
  }
}

TEST_CASE("mqtt topic filter: captures subscribe with + and give their levels") {
  const auto filter = parse_filter("site/{device}/{what}/+/#");
  REQUIRE(filter);
  CHECK(filter->text == "site/+/+/+/#");
  REQUIRE(filter->captures.size() == 2);
  CHECK(filter->captures[0].name == "device");
  CHECK(filter->captures[1].level == 2);
  std::string_view got[2];
  CHECK(match(*filter, "site/a/temperature/x/y/z", got));
  CHECK(got[0] == "a");
  CHECK(got[1] == "temperature");
  CHECK(match(*filter, "site/a/b/x", got));
  CHECK_FALSE(match(*filter, "site/a/b", got));
  CHECK_FALSE(match(*filter, "other/a/b/x/y", got));
}

TEST_CASE("mqtt topic filter: matching follows the specification") {
  const auto matches = [](const char* filter, const char* topic) {
    return match(*parse_filter(filter), topic, {});
  };
  CHECK(matches("sport/tennis/#", "sport/tennis"));
  CHECK(matches("sport/tennis/#", "sport/tennis/player1/ranking"));
  CHECK(matches("#", "a/b"));
  CHECK(matches("+/+", "/finance"));
  CHECK(matches("/+", "/finance"));
  CHECK_FALSE(matches("+", "/finance"));
  CHECK_FALSE(matches("sport/+", "sport"));
  CHECK(matches("sport/+", "sport/"));
  CHECK_FALSE(matches("#", "$SYS/load"));
  CHECK_FALSE(matches("+/load", "$SYS/load"));
  CHECK(matches("$SYS/#", "$SYS/load"));
  CHECK_FALSE(matches("a/b", "a/b/c"));
  CHECK_FALSE(matches("a/b/c", "a/b"));
}

TEST_CASE("mqtt topic filter: a shared subscription matches without its group") {
  const auto filter = parse_filter("$share/workers/site/{device}/t");
  REQUIRE(filter);
  CHECK(filter->text == "$share/workers/site/+/t");
  std::string_view got[1];
  CHECK(match(*filter, "site/d7/t", got));
  CHECK(got[0] == "d7");
}

TEST_CASE("mqtt topic filter: mistakes have their places") {
  struct Case {
    const char* text;
    size_t begin, end;
  };
  const Case cases[] = {
      {"", 0, 0},          {"a/#/b", 2, 3},    {"a+", 1, 2},         {"a/b#", 3, 4},
      {"a/{x}y/b", 2, 6},  {"{}", 0, 2},       {"{a}/{a}", 4, 7},    {"a/{b", 2, 4},
      {"$share//t", 7, 7}, {"$share/g", 0, 8}, {"$share/+/t", 7, 8}, {"a/\xff", 0, 3},
      {"{a+b}", 0, 5},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    const auto filter = parse_filter(c.text);
    REQUIRE_FALSE(filter);
    CHECK(filter.error().begin == c.begin);
    CHECK(filter.error().end == c.end);
  }
  CHECK_FALSE(parse_filter(std::string(65536, 'a')));
  CHECK(parse_filter(std::string(65535, 'a')));
}

TEST_CASE("mqtt topic: a field can stand for one level only") {
  CHECK(is_topic_level("dev-1"));
  CHECK(is_topic_level("é {x}"));
  CHECK_FALSE(is_topic_level(""));
  CHECK_FALSE(is_topic_level("a/b"));
  CHECK_FALSE(is_topic_level("+"));
  CHECK_FALSE(is_topic_level("a#"));
  CHECK_FALSE(is_topic_level(std::string_view("a\0b", 3)));
}

TEST_CASE("mqtt session: kept over restarts, damaged files are reported") {
  const test::TemporaryFolder folder;
  const std::string path = session_path(folder.path(), "my/pipe-line", "../main");
  CHECK(path == folder.path() + "/mqtt-client-id-my%2Fpipe%2Dline-..%2Fmain");
  REQUIRE(read_session(path));
  CHECK(read_session(path)->client_id.empty());
  REQUIRE(write_session(path, {"sfabc", {"a/#", "b/+"}}));
  const auto kept = read_session(path);
  REQUIRE(kept);
  CHECK(kept->client_id == "sfabc");
  CHECK(kept->filters == std::vector<std::string>{"a/#", "b/+"});
  folder.write("empty", "");
  CHECK_FALSE(read_session(folder.path() + "/empty"));
  CHECK_FALSE(write_session("/nowhere/at/all", {"x", {}}));
}

TEST_CASE("mqtt client id: 22 letters and digits; derived ones stay, random ones differ") {
  const std::string derived = derived_client_id("p", "n");
  CHECK(derived.size() == 22);
  CHECK(derived.find_first_not_of("0123456789abcdefs") == std::string::npos);
  CHECK(derived == derived_client_id("p", "n"));
  CHECK(derived != derived_client_id("p", "m"));
  CHECK(random_client_id() != random_client_id());
}

TEST_CASE("retry: waits double up to a second and a half, jittered, the same for the same seed") {
  Retry retry(7);
  Retry twin(7);
  Retry other(8);
  Micros bound = Retry::kFirst;
  bool differs = false;
  for (int i = 0; i < 12; ++i) {
    const Micros wait = retry.next();
    CHECK(wait == twin.next());
    differs = differs || wait != other.next();
    CHECK(wait >= bound / 2);
    CHECK(wait <= bound);
    bound = std::min(bound * 2, Retry::kMost);
  }
  CHECK(differs);
  CHECK(bound == Retry::kMost);
  retry.reset();
  CHECK(retry.next() <= Retry::kFirst);
}

TEST_CASE("mqtt reasons: words that say what to do") {
  CHECK(connect_refusal(5) == "not authorised: check username and password");
  CHECK(connect_refusal(0x86) == connect_refusal(4));
  CHECK(is_version_refusal(1));
  CHECK(is_version_refusal(0x84));
  CHECK(tls_words("OpenSSL Error[0]: error:0A000086:SSL routines::certificate verify failed") ==
        "TLS: certificate verify failed");
}
