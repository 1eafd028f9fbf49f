// Errors are values.  A function that can fail returns Status or Result<T>; the kind says what the
// caller does about it.  Exceptions stay inside the file that uses a throwing library.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace streamflow {

enum class ErrorKind : unsigned char {
  kConfig,      // the user's pipeline: say file:line:column, keep what runs
  kData,        // a record: count, sample, dead-letter
  kConnection,  // a peer: retry with backoff, log once per change of state
  kLimit,       // a documented bound was reached
  kIo,          // the operating system refused
};

struct Error {
  ErrorKind kind = ErrorKind::kIo;
  std::string message;
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

inline tl::unexpected<Error> fail(ErrorKind kind, std::string message) {
  return tl::unexpected<Error>(Error{kind, std::move(message)});
}

}  // namespace streamflow
