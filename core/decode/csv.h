// Comma-separated text as records.  A cell is a number only if the whole cell is a JSON number (so
// `007` and `1 ` are strings), an empty cell is null, all else is a string; `types` decides
// otherwise. Quotes make no difference to that.  A record that does not fit is bad, with the
// reason; those before and behind it are not.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/decode/decoder.h"

namespace streamflow {

struct CsvOptions {
  char delimiter = ',';
  char decimal = '.';   // or ','
  bool latin1 = false;  // else UTF-8
  // The first record has the names: of the input, or of each message.  A later record that repeats
  // the names (a rotated file) is skipped.
  bool header = true;
  // Without a header; none: column_1, column_2… of the first record.
  std::vector<std::string> names = {};
  std::vector<std::pair<std::string, Type>> types = {};
};

// A quoted cell may hold line breaks; a record longer than this is a quote that was never closed.
inline constexpr size_t kCsvRecordBytesMax = size_t{1} << 20;

// kBool kInt kUint kDouble kNumber kString kTimestamp (RFC 3339) kDuration (`1m30s`); kError for
// others.
Type csv_type(std::string_view name);
std::unique_ptr<Decoder> make_csv_decoder(CsvOptions options);

// Options `delimiter decimal encoding header types` of a source; nothing with a diagnostic where
// they are wrong.
bool read_csv_options(const Params& params, CsvOptions& options, Diagnostics& diagnostics);
// The names of the records of which `sample` is the start, each with its type; leaves `schema` open
// where the sample does not tell.
void complete_csv_schema(const CsvOptions& options, std::string_view sample, Schema& schema);

}  // namespace streamflow
