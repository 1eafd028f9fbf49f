// A backlog that a broker holds for a persistent session: fills it, and is the floor that drains
// it.
//
//   bench_mqtt_backlog fill PORT VERSION ID MESSAGES
//   bench_mqtt_backlog drain PORT VERSION ID MESSAGES
//   bench_mqtt_backlog left PORT VERSION ID
//
// VERSION is 5 or 3.1.1.  With 5 mosquitto has as many messages under way as the client asks for,
// 65,535 here; with 3.1.1 its own max_inflight_messages counts.
//
// fill: opens the session ID (QoS 1 on in/#, kept for a day), leaves, and publishes MESSAGES small
// events to in/x at QoS 1.  Prints {"bytes":…,"passing":…,"sequence_sum":…} of them: payload
// bytes in all, and of those with a temperature above 25, all but the last one, how many and the
// sum of their `seq`.  The first message lies a day before the others and the last one a day behind
// them, and both pass: a window by time answers to the first at once, and to all others at the end.
//
// drain: takes up the session with libmosquitto's own loop on one thread and counts, no more; what
// any program with this library must do.  Prints "first" and "done" when these messages are there,
// and ends. left: counts what the session still holds, until nothing came for half a second, and
// prints it.
#include <mosquitto.h>
#include <mqtt_protocol.h>

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string_view>

namespace {

constexpr int kKeepAliveSeconds = 3600;
constexpr std::uint32_t kSessionSeconds = 86400;
constexpr std::uint64_t kOutstandingMax = 2000;  // published and not confirmed
constexpr std::int64_t kQuietMilliseconds = 500;
constexpr std::uint64_t kBeginMilliseconds = 1704067200000;
constexpr std::uint64_t kDayMilliseconds = 86'400'000;
constexpr unsigned kDevices = 100;

int version = MQTT_PROTOCOL_V5;
bool connected = false;
bool subscribed = false;
std::uint64_t confirmed = 0;
std::uint64_t received = 0;
std::uint64_t expected = 0;  // 0: says nothing

[[noreturn]] void fail(const char* what, int code) {
  std::fprintf(stderr, "bench_mqtt_backlog: %s: %s\n", what, mosquitto_strerror(code));
  std::exit(3);
}

void say(const char* line) {
  std::puts(line);
  std::fflush(stdout);
}

void on_connect(mosquitto*, void*, int code) {
  if (code != 0) fail("refused", code);
  connected = true;
}

void on_subscribe(mosquitto*, void*, int, int, const int*) { subscribed = true; }

void on_publish(mosquitto*, void*, int) { ++confirmed; }

void on_message(mosquitto* client, void*, const mosquitto_message*) {
  ++received;
  if (expected == 0) return;
  if (received == 1) say("first");
  if (received == expected) {  // its acknowledgement has been queued before this call
    say("done");
    mosquitto_disconnect(client);
  }
}

mosquitto* open(const char* port, const char* id, bool keeps_session) {
  mosquitto* client = mosquitto_new(id, !keeps_session, nullptr);
  if (client == nullptr) fail("new", MOSQ_ERR_NOMEM);
  mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION, version);
  mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);
  mosquitto_int_option(client, MOSQ_OPT_RECEIVE_MAXIMUM, 65535);
  mosquitto_max_inflight_messages_set(client, 0);
  mosquitto_connect_callback_set(client, on_connect);
  mosquitto_subscribe_callback_set(client, on_subscribe);
  mosquitto_publish_callback_set(client, on_publish);
  mosquitto_message_callback_set(client, on_message);
  mosquitto_property* properties = nullptr;
  if (keeps_session && version == MQTT_PROTOCOL_V5) {
    mosquitto_property_add_int32(&properties, MQTT_PROP_SESSION_EXPIRY_INTERVAL, kSessionSeconds);
  }
  const int code = mosquitto_connect_bind_v5(client, "127.0.0.1", std::atoi(port),
                                             kKeepAliveSeconds, nullptr, properties);
  if (code != MOSQ_ERR_SUCCESS) fail("connect", code);
  mosquitto_property_free_all(&properties);
  return client;
}

void turn(mosquitto* client, int wait_milliseconds) {
  const int code = mosquitto_loop(client, wait_milliseconds, 1);
  if (code != MOSQ_ERR_SUCCESS) fail("loop", code);
}

void make_session(const char* port, const char* id) {
  mosquitto* client = open(port, id, true);
  while (!connected) turn(client, 10);
  mosquitto_subscribe(client, nullptr, "in/#", 1);
  while (!subscribed) turn(client, 10);
  mosquitto_disconnect(client);
  mosquitto_destroy(client);
  connected = false;
}

int fill(const char* port, const char* id, std::uint64_t messages) {
  make_session(port, id);
  mosquitto* client = open(port, nullptr, false);
  while (!connected) turn(client, 10);
  std::uint64_t bytes = 0;
  std::uint64_t passing = 0;
  std::uint64_t sequence_sum = 0;
  for (std::uint64_t seq = 0; seq < messages; ++seq) {
    const bool edge = seq == 0 || seq + 1 == messages;
    const std::uint64_t days = seq == 0 ? 0 : edge ? 2 : 1;
    // 15.00 to 35.00 by a step that has no common factor with their number: half of them pass.
    const std::uint64_t hundredths = edge ? 3000 : 1500 + seq * 977 % 2001;
    char payload[160];
    const int size = std::snprintf(
        payload, sizeof payload,
        R"({"ts":%)" PRIu64 R"(,"device":"dev-%03u","temperature":%u.%02u,"seq":%)" PRIu64 "}",
        kBeginMilliseconds + days * kDayMilliseconds + seq, static_cast<unsigned>(seq % kDevices),
        static_cast<unsigned>(hundredths / 100), static_cast<unsigned>(hundredths % 100), seq);
    bytes += static_cast<std::uint64_t>(size);
    if (hundredths > 2500 && seq + 1 != messages) {
      ++passing;
      sequence_sum += seq;
    }
    const int code = mosquitto_publish(client, nullptr, "in/x", size, payload, 1, false);
    if (code != MOSQ_ERR_SUCCESS) fail("publish", code);
    if (seq % 64 == 0) turn(client, 0);
    while (seq + 1 - confirmed > kOutstandingMax) turn(client, 10);
  }
  while (confirmed < messages) turn(client, 10);
  mosquitto_disconnect(client);
  std::printf("{\"bytes\":%" PRIu64 ",\"passing\":%" PRIu64 ",\"sequence_sum\":%" PRIu64 "}\n",
              bytes, passing, sequence_sum);
  return 0;
}

int drain(const char* port, const char* id, std::uint64_t messages) {
  expected = messages;
  mosquitto* client = open(port, id, true);
  const int code = mosquitto_loop_forever(client, -1, 1);
  if (received != expected) fail("the connection broke off", code);
  return 0;
}

std::int64_t milliseconds() {
  timespec t;
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000 + t.tv_nsec / 1'000'000;
}

int left(const char* port, const char* id) {
  mosquitto* client = open(port, id, true);
  while (!connected) turn(client, 10);
  std::int64_t last = milliseconds();
  for (std::uint64_t before = 0; milliseconds() < last + kQuietMilliseconds; before = received) {
    if (received != before) last = milliseconds();
    turn(client, 10);
  }
  std::printf("%" PRIu64 "\n", received);
  mosquitto_disconnect(client);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  mosquitto_lib_init();
  const std::string_view mode = argc > 1 ? argv[1] : "";
  const std::string_view spoken = argc > 3 ? argv[3] : "";
  const std::uint64_t messages = argc == 6 ? std::strtoull(argv[5], nullptr, 10) : 0;
  if (spoken == "3.1.1") version = MQTT_PROTOCOL_V311;
  if (spoken == "5" || spoken == "3.1.1") {
    if (mode == "fill" && messages > 0) return fill(argv[2], argv[4], messages);
    if (mode == "drain" && messages > 0) return drain(argv[2], argv[4], messages);
    if (mode == "left" && argc == 5) return left(argv[2], argv[4]);
  }
  std::fprintf(stderr,
               "usage: bench_mqtt_backlog fill|drain PORT 5|3.1.1 ID MESSAGES\n"
               "       bench_mqtt_backlog left PORT 5|3.1.1 ID\n");
  return 2;
}
