// What libmosquitto's and the protocol's numbers mean to the person who has to do something about
// it.
#pragma once

#include <string>

namespace streamflow::mqtt {

// A CONNACK's code: 1 to 5 of MQTT 3.1.1, or a reason of MQTT 5 (from 128).
std::string connect_refusal(int code);
// Whether it means that the broker does not speak the version that we asked for.
bool is_version_refusal(int code);
// A reason of MQTT 5 in SUBACK, PUBACK, PUBREC or DISCONNECT (3.1.1's SUBACK failure included).
std::string reason_words(int code);
// Why a library call failed or a connection ended: a MOSQ_ERR_* code, or a reason of MQTT 5 from
// DISCONNECT; `error` is errno right after the call; `host` for messages about names.
std::string failure_words(int code, int error, const std::string& host);
// errno of connect().
std::string connect_error_words(int error);
// What is worth showing of OpenSSL's "error:0A000086:SSL routines::certificate verify failed".
std::string tls_words(const std::string& log_line);

}  // namespace streamflow::mqtt
