// The formats `text` and `number`: each message, or line of a block, is one field.
#pragma once

#include <memory>
#include <string>

#include "core/decode/decoder.h"

namespace streamflow {

// The whole message or line (without its line break) as a string; broken UTF-8 is no record.
std::unique_ptr<Decoder> make_text_decoder(std::string field);
// A JSON number, blanks around it ignored; empty lines are skipped, an empty message is no record.
std::unique_ptr<Decoder> make_number_decoder(std::string field);

}  // namespace streamflow
