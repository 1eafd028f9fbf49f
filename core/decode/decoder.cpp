#include "core/decode/decoder.h"

#include "core/decode/csv.h"
#include "core/decode/json.h"
#include "core/decode/text.h"

namespace streamflow {

std::unique_ptr<Decoder> make_decoder(const Params& params, std::string_view format,
                                      std::string_view sample, Schema& schema,
                                      Diagnostics& diagnostics) {
  const std::string as = params.text("as").empty() ? "value" : params.text("as");
  if (format == "text") {
    schema.open = false;
    schema.set(as, Type::kString);
    return make_text_decoder(as);
  }
  if (format == "number") {
    schema.open = false;
    schema.set(as, Type::kNumber);
    return make_number_decoder(as);
  }
  if (format == "csv") {
    CsvOptions options;
    if (!read_csv_options(params, options, diagnostics)) return nullptr;
    complete_csv_schema(options, sample, schema);
    return make_csv_decoder(std::move(options));
  }
  return make_json_decoder({.arrays = format == "json", .wrap = as});
}

}  // namespace streamflow
