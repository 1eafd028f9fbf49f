// From bytes to rows.  One decoder per source, made for its format and for the fields that the
// pipeline uses: others stay text.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/batch.h"
#include "core/diagnostic.h"
#include "core/registry.h"
#include "core/status.h"

namespace streamflow {

struct Frame {  // one message in a block
  uint32_t begin = 0;
  uint32_t end = 0;
};

struct Decoded {
  size_t rows = 0;  // 1 to kBatchRowsMax
  std::vector<NamedColumn> columns;      // the wanted fields (open formats) or all fields (csv, text…)
  std::shared_ptr<const Origin> origin;  // open formats
  std::vector<uint32_t> frames;          // per row: its message's number in the call; empty for lines
};

class DecoderOutput {
 public:
  virtual ~DecoderOutput() = default;
  virtual void rows(Decoded decoded) = 0;  // in input order
  // Input that is no record: dead-lettered with the reason.  `frame` as in Decoded.
  virtual void bad(std::string_view text, std::string_view reason, uint32_t frame) = 0;
};

class Decoder {
 public:
  virtual ~Decoder() = default;
  // Decodes messages (`frames`) or, without frames, a block of whole lines.
  virtual void decode(const BlockPtr& block, const std::vector<Frame>* frames, DecoderOutput& out) = 0;
  // The input has ended: a record that waited for its rest comes out now.
  virtual void finish(DecoderOutput& out) { (void)out; }
  // Before the first decode: these fields will be looked at.
  virtual void want(const std::vector<std::string>& fields) { (void)fields; }
  // What it keeps between two calls: names from a header, a record whose rest has not come.
  virtual void save(std::string& out) const { (void)out; }
  virtual Status load(std::string_view bytes) {
    (void)bytes;
    return {};
  }
};

// Makes the decoder that a source's options ask for and completes `schema` (closed formats: the fields;
// `types:`).  Null with a diagnostic where the options contradict each other.
// `sample` is the first bytes of input where they are known at load (a file's CSV header), else empty.
std::unique_ptr<Decoder> make_decoder(const Params& params, std::string_view format,
                                      std::string_view sample, Schema& schema,
                                      Diagnostics& diagnostics);

}  // namespace streamflow
