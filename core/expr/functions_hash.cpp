// Fingerprints of texts and bytes.
#include <xxhash.h>

#include "core/expr/eval.h"
#include "core/expr/functions.h"
#include "core/sha256.h"

namespace streamflow::expr {
namespace {

Value xxh64(const Call& call) {
  const std::string_view text = call[0].text();
  if (!call.evaluator.spend(text.size() / 256)) return Evaluator::too_much();
  return Value::unsigned_integer(XXH64(text.data(), text.size(), 0));
}

Value sha256_text(const Call& call) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  const std::string_view text = call[0].text();
  if (!call.evaluator.spend(text.size() / 16)) return Evaluator::too_much();
  std::string out;
  for (const uint8_t byte : sha256(text)) {
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return Value::string(std::move(out));
}

}  // namespace

void add_hash_functions(FunctionTable& table) {
  table.add({{"hash.xxh64(string) -> uint", xxh64}, {"hash.xxh64(bytes) -> uint", xxh64}},
            "A fast fingerprint (XXH64, seed 0), the same on every machine: for sampling and "
            "spreading, not for secrets.",
            "hash.xxh64('dev-0042') % 4u", "hash.xxh64(b'dev-0042') % 4u");
  table.add({{"hash.sha256(string) -> string", sha256_text},
             {"hash.sha256(bytes) -> string", sha256_text}},
            "SHA-256 in hexadecimal digits: for pseudonyms of identifiers.",
            "hash.sha256('abc').substring(0, 16)", "'ba7816bf8f01cfea'");
}

}  // namespace streamflow::expr
