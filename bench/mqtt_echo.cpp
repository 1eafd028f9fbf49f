// The floor for MQTT: a bare libmosquitto subscriber that publishes what passes the filter.
//
//   bench_mqtt_echo PORT QOS
//
// Subscribes in/# on 127.0.0.1, finds "temperature": in the payload by memmem, reads the number by
// strtod and, when it is above 25, publishes the payload unchanged to out/<rest of the topic>.
// Nothing is parsed or checked, one client does both, and libmosquitto's own loop runs it: the
// least that any program with this library and this protocol must do.  Ends on SIGTERM.
#include <mosquitto.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace {

constexpr std::string_view kField = "\"temperature\":";
constexpr std::size_t kNumberBytesMax = 32;

int qos = 0;

void on_connect(mosquitto* client, void*, int code) {
  if (code == 0) mosquitto_subscribe(client, nullptr, "in/#", qos);
}

void on_message(mosquitto* client, void*, const mosquitto_message* message) {
  const auto* payload = static_cast<const char*>(message->payload);
  const auto size = static_cast<std::size_t>(message->payloadlen);
  const void* found = ::memmem(payload, size, kField.data(), kField.size());
  if (found == nullptr) return;
  const char* number = static_cast<const char*>(found) + kField.size();
  const std::size_t rest = size - static_cast<std::size_t>(number - payload);
  char text[kNumberBytesMax + 1];  // a payload does not end in a zero byte
  const std::size_t copied = rest < kNumberBytesMax ? rest : kNumberBytesMax;
  std::memcpy(text, number, copied);
  text[copied] = '\0';
  if (!(std::strtod(text, nullptr) > 25)) return;
  const std::string topic = std::string("out/") + (message->topic + std::strlen("in/"));
  mosquitto_publish(client, nullptr, topic.c_str(), message->payloadlen, payload, qos, false);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: bench_mqtt_echo PORT QOS\n");
    return 2;
  }
  qos = std::atoi(argv[2]);
  mosquitto_lib_init();
  mosquitto* client = mosquitto_new(nullptr, true, nullptr);
  if (client == nullptr) return 3;
  mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);
  mosquitto_max_inflight_messages_set(client, 0);
  mosquitto_connect_callback_set(client, on_connect);
  mosquitto_message_callback_set(client, on_message);
  if (mosquitto_connect(client, "127.0.0.1", std::atoi(argv[1]), 60) != MOSQ_ERR_SUCCESS) {
    std::perror("bench_mqtt_echo: connect");
    return 3;
  }
  const int code = mosquitto_loop_forever(client, -1, 1);
  std::fprintf(stderr, "bench_mqtt_echo: %s\n", mosquitto_strerror(code));
  return 3;
}
