// Feeds bytes to a gate and writes down what comes out, for tests and for the fuzzer.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "web/request_gate.h"

namespace streamflow::web {

// What a gate made of the pieces fed to it: the requests, then the refusal or how the input ended.
inline std::vector<std::string> run_gate(const std::vector<std::string_view>& pieces,
                                         const GateLimits& limits = {}) {
  std::vector<std::string> results;
  RequestGate gate(limits);
  for (std::string_view piece : pieces) {
    while (gate.state() != RequestGate::State::kError) {
      piece.remove_prefix(gate.feed(piece));
      if (gate.state() != RequestGate::State::kReady) break;
      const bool keep = gate.head().keep_alive;
      results.push_back(gate.take_request() + (keep ? "" : "(close)"));
    }
    if (gate.state() == RequestGate::State::kError) break;
  }
  if (gate.state() == RequestGate::State::kError)
    results.push_back(std::to_string(gate.refusal().status) + " " +
                      std::string(gate.refusal().reason));
  else
    results.push_back(gate.idle() ? "idle" : gate.in_body() ? "in body" : "in head");
  return results;
}

inline std::vector<std::string_view> split_at(std::string_view bytes, std::size_t at) {
  return {bytes.substr(0, at), bytes.substr(at)};
}

inline std::vector<std::string_view> split_each(std::string_view bytes) {
  std::vector<std::string_view> pieces;
  for (std::size_t i = 0; i < bytes.size(); ++i) pieces.push_back(bytes.substr(i, 1));
  return pieces;
}

}  // namespace streamflow::web
