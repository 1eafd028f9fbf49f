// Load for MQTT: publishes events to in/x and receives what the program under test publishes to
// out/#.
//
//   bench_mqtt_load PORT QOS RATE MESSAGES [--direct | --arrivals FILE]
//
// RATE is messages per second, evenly spaced; 0 means as fast as at most kOutstandingMax messages
// under way allow.  --direct receives in/# itself, without a program between: what publisher,
// broker and receiver take alone.  The payload is an event of about 150 bytes with `sent`, the
// publisher's steady clock in nanoseconds; latency is that of the receiver minus `sent`, and
// publisher and receiver are one process, so that there is one clock.  Half of the messages have a
// temperature above 25 and come back.
//
// --arrivals: all messages have 30 and come back; each fifth is published to side/x too, and comes
// back on out/side.  FILE gets three int64 for each arrival: the steady clock in nanoseconds, the
// sequence number, and 1 for out/side, else 0.  What comes twice is in FILE twice, and counted
// once.
//
// One thread polls both connections: a thread for each would add wake-ups to what is measured.
// Dialogue: messages are sent until the first comes back, then "ready" is printed and a line is
// read from standard input (time for the caller to read CPU counters); then the run, then one line
// of JSON:
//   {"sent":…,"expected":…,"received":…,"seconds":…,"rate":…,"p50_us":…,"p99_us":…,"max_us":…}
#include <mosquitto.h>

#include <poll.h>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string_view>
#include <vector>

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kReadyWaitMax = 20 * kSecond;  // for the program under test to subscribe
constexpr std::int64_t kQuietMax = 5 * kSecond;       // after which missing messages are lost
constexpr std::uint64_t kOutstandingMax = 500;        // that will come back; as many are filtered
constexpr int kKeepAliveSeconds = 3600;               // no pings: none falls into a run
constexpr int kReadsMax = 256;                        // packets before the next look at the clock
constexpr std::uint64_t kSideEvery = 5;               // with --arrivals

std::int64_t now() {
  timespec t;
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * kSecond + t.tv_nsec;
}

// What came back with --arrivals.
struct Arrivals {
  struct Row {
    std::int64_t at, seq, side;
  };
  explicit Arrivals(std::uint64_t messages)
      : seen{std::vector<bool>(messages), std::vector<bool>(messages)} {}
  std::vector<Row> rows;
  std::vector<bool> seen[2];  // by `side` and sequence number
};

// One connection, driven by poll().
struct Client {
  mosquitto* handle = nullptr;
  bool connected = false;
  bool subscribed = false;
  std::uint64_t packets = 0;  // moves when a read made progress
  std::vector<std::int64_t>* latencies = nullptr;
  Arrivals* arrivals = nullptr;
  bool counting = false;
  std::uint64_t probes = 0;
};

[[noreturn]] void fail(const char* what, int code) {
  std::fprintf(stderr, "bench_mqtt_load: %s: %s\n", what, mosquitto_strerror(code));
  std::exit(3);
}

void on_connect(mosquitto*, void* context, int code) {
  if (code != 0) fail("refused", code);
  static_cast<Client*>(context)->connected = true;
}

void on_subscribe(mosquitto*, void* context, int, int, const int*) {
  static_cast<Client*>(context)->subscribed = true;
}

void on_publish(mosquitto*, void* context, int) { ++static_cast<Client*>(context)->packets; }

// -1: there is none.
std::int64_t number_after(std::string_view payload, std::string_view name) {
  const std::size_t place = payload.find(name);
  if (place == std::string_view::npos) return -1;
  std::int64_t number = 0;
  for (std::size_t i = place + name.size(); i < payload.size(); ++i) {
    if (payload[i] < '0' || payload[i] > '9') break;
    number = 10 * number + (payload[i] - '0');
  }
  return number;
}

// Notes the arrival.
bool is_first(Arrivals& arrivals, std::string_view topic, std::string_view payload) {
  const std::int64_t seq = number_after(payload, "\"seq\":");
  const bool side = topic == "out/side";
  std::vector<bool>& seen = arrivals.seen[side ? 1 : 0];
  if (seq < 0 || static_cast<std::uint64_t>(seq) >= seen.size()) return false;
  arrivals.rows.push_back({now(), seq, side});
  if (seen[static_cast<std::size_t>(seq)]) return false;
  seen[static_cast<std::size_t>(seq)] = true;
  return true;
}

void on_message(mosquitto*, void* context, const mosquitto_message* message) {
  auto* client = static_cast<Client*>(context);
  ++client->packets;
  const std::string_view payload(static_cast<const char*>(message->payload),
                                 static_cast<std::size_t>(message->payloadlen));
  const std::int64_t sent = number_after(payload, "\"sent\":");
  if (sent < 0) return;
  if (payload.find("\"probe\"") != std::string_view::npos) {
    ++client->probes;
    return;
  }
  if (!client->counting) return;
  if (client->arrivals != nullptr && !is_first(*client->arrivals, message->topic, payload)) return;
  client->latencies->push_back(now() - sent);
}

void open(Client& client, int port) {
  client.handle = mosquitto_new(nullptr, true, &client);
  if (client.handle == nullptr) fail("new", MOSQ_ERR_NOMEM);
  mosquitto_int_option(client.handle, MOSQ_OPT_TCP_NODELAY, 1);
  mosquitto_max_inflight_messages_set(client.handle, 0);
  mosquitto_connect_callback_set(client.handle, on_connect);
  mosquitto_subscribe_callback_set(client.handle, on_subscribe);
  mosquitto_publish_callback_set(client.handle, on_publish);
  mosquitto_message_callback_set(client.handle, on_message);
  const int code = mosquitto_connect(client.handle, "127.0.0.1", port, kKeepAliveSeconds);
  if (code != MOSQ_ERR_SUCCESS) fail("connect", code);
}

// Reads and writes what the connections are ready for, waiting at most `wait` nanoseconds.
void turn(Client& publisher, Client& receiver, std::int64_t wait) {
  Client* clients[] = {&publisher, &receiver};
  pollfd files[2];
  for (int i = 0; i < 2; ++i) {
    const bool writes = mosquitto_want_write(clients[i]->handle);
    files[i] = {mosquitto_socket(clients[i]->handle),
                static_cast<short>(POLLIN | (writes ? POLLOUT : 0)), 0};
  }
  const timespec timeout{wait > 0 ? wait / kSecond : 0, wait > 0 ? wait % kSecond : 0};
  if (::ppoll(files, 2, &timeout, nullptr) <= 0) return;
  for (int i = 0; i < 2; ++i) {
    Client& client = *clients[i];
    if (files[i].revents & POLLOUT) mosquitto_loop_write(client.handle, 1);
    if (!(files[i].revents & (POLLIN | POLLHUP | POLLERR))) continue;
    for (int n = 0; n < kReadsMax; ++n) {
      const std::uint64_t before = client.packets;
      const int code = mosquitto_loop_read(client.handle, 1);
      if (code != MOSQ_ERR_SUCCESS) fail("read", code);
      if (client.packets == before) break;
    }
  }
}

// Publishes message `seq`; true when the filter lets it pass.  Temperatures walk
// through 15.00..35.00 by a step that has no common factor with their number, but for a probe's.
bool publish(Client& publisher, int qos, std::uint64_t seq, const char* kind, const char* topic) {
  const std::uint64_t hundredths = std::strcmp(kind, "event") != 0 ? 3000 : 1500 + seq * 977 % 2001;
  char payload[256];
  const int size = std::snprintf(
      payload, sizeof payload,
      "{\"ts\":%llu,\"device\":\"dev-%04llu\",\"temperature\":%llu.%02llu,\"humidity\":48.25,"
      "\"pressure\":1013.2,\"kind\":\"%s\",\"seq\":%llu,\"sent\":%lld}",
      static_cast<unsigned long long>(1704067200000 + seq),
      static_cast<unsigned long long>(seq % 1000),
      static_cast<unsigned long long>(hundredths / 100),
      static_cast<unsigned long long>(hundredths % 100), kind, static_cast<unsigned long long>(seq),
      static_cast<long long>(now()));
  const int code = mosquitto_publish(publisher.handle, nullptr, topic, size, payload, qos, false);
  if (code != MOSQ_ERR_SUCCESS) fail("publish", code);
  return hundredths > 2500;
}

bool write_rows(const char* path, const std::vector<Arrivals::Row>& rows) {
  std::FILE* file = std::fopen(path, "wb");
  if (file == nullptr) return false;
  const bool all = std::fwrite(rows.data(), sizeof rows[0], rows.size(), file) == rows.size();
  return std::fclose(file) == 0 && all;
}

double microseconds(const std::vector<std::int64_t>& sorted, double part) {
  if (sorted.empty()) return -1;
  const auto index = static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1));
  return static_cast<double>(sorted[index]) / 1000;
}

}  // namespace

int main(int argc, char** argv) {
  const bool direct = argc == 6 && std::strcmp(argv[5], "--direct") == 0;
  const bool keeps_arrivals = argc == 7 && std::strcmp(argv[5], "--arrivals") == 0;
  if (argc != 5 && !direct && !keeps_arrivals) {
    std::fprintf(stderr,
                 "usage: bench_mqtt_load PORT QOS RATE MESSAGES [--direct | --arrivals FILE]\n");
    return 2;
  }
  const int port = std::atoi(argv[1]);
  const int qos = std::atoi(argv[2]);
  const std::int64_t rate = std::atoll(argv[3]);
  const std::uint64_t messages = std::strtoull(argv[4], nullptr, 10);

  mosquitto_lib_init();
  std::vector<std::int64_t> latencies;
  latencies.reserve(messages);
  Arrivals arrivals(keeps_arrivals ? messages : 0);
  Client publisher;
  Client receiver;
  receiver.latencies = &latencies;
  if (keeps_arrivals) receiver.arrivals = &arrivals;
  open(publisher, port);
  open(receiver, port);
  const std::int64_t begin = now();
  while (!publisher.connected || !receiver.connected) turn(publisher, receiver, kSecond / 100);
  mosquitto_subscribe(receiver.handle, nullptr, direct ? "in/#" : "out/#", qos);
  while (!receiver.subscribed) turn(publisher, receiver, kSecond / 100);
  while (receiver.probes == 0) {
    if (now() > begin + kReadyWaitMax) {
      std::fprintf(stderr, "bench_mqtt_load: nothing came back\n");
      return 3;
    }
    publish(publisher, qos, 0, "probe", "in/x");
    turn(publisher, receiver, kSecond / 50);
  }
  for (const std::int64_t quiet = now() + kSecond / 2; now() < quiet;) {
    turn(publisher, receiver, kSecond / 100);
  }
  std::puts("ready");
  std::fflush(stdout);
  if (std::getchar() == EOF) return 3;

  receiver.counting = true;
  std::uint64_t sent = 0;
  std::uint64_t expected = 0;
  const std::int64_t start = now();
  std::int64_t last_arrival = start;
  std::uint64_t arrived = 0;
  for (;;) {
    const std::int64_t clock = now();
    if (latencies.size() != arrived || (rate > 0 && sent < messages)) last_arrival = clock;
    arrived = latencies.size();
    if (sent == messages && arrived >= expected) break;
    if (clock > last_arrival + kQuietMax) break;
    std::int64_t wait = kSecond / 10;
    if (sent < messages && rate > 0) {
      const auto due = start + static_cast<std::int64_t>(sent) * kSecond / rate;
      wait = due - clock;
    } else if (sent < messages && expected < arrived + kOutstandingMax) {
      wait = 0;
    }
    if (wait <= 0 && sent < messages) {
      if (keeps_arrivals && sent % kSideEvery == 0) {
        publish(publisher, qos, sent, "steady", "side/x");
        ++expected;
      }
      const bool passes =
          publish(publisher, qos, sent++, keeps_arrivals ? "steady" : "event", "in/x");
      if (passes || direct) ++expected;
      // At full rate the sockets are looked at after 16 messages: a poll for each costs more.
      if (rate == 0 && sent % 16 != 0) continue;
    }
    turn(publisher, receiver, wait);
  }
  const double seconds = static_cast<double>(now() - start) / kSecond;
  if (keeps_arrivals && !write_rows(argv[6], arrivals.rows)) {
    std::perror("bench_mqtt_load: arrivals");
    return 3;
  }
  std::sort(latencies.begin(), latencies.end());
  std::printf(
      "{\"sent\":%llu,\"expected\":%llu,\"received\":%zu,\"seconds\":%.3f,\"rate\":%.0f,"
      "\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f}\n",
      static_cast<unsigned long long>(sent), static_cast<unsigned long long>(expected),
      latencies.size(), seconds, static_cast<double>(sent) / seconds, microseconds(latencies, 0.50),
      microseconds(latencies, 0.99), microseconds(latencies, 1.0));
  return 0;
}
