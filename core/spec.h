// What a user wrote, whatever the front end: an ordered tree with places.  YAML, C++, Python and HTTP
// all make a PipelineSpec; `plan` turns it into typed nodes.  Nothing is interpreted here: a scalar is
// its text, typed later by the option that it stands for.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/diagnostic.h"

namespace streamflow {

struct SpecValue {
  enum class Type : unsigned char { kNull, kScalar, kList, kMap };
  // Defined where the type is complete: it holds vectors of pairs of itself.
  SpecValue();
  SpecValue(const SpecValue& other);
  SpecValue(SpecValue&& other) noexcept;
  SpecValue& operator=(const SpecValue& other);
  SpecValue& operator=(SpecValue&& other) noexcept;
  ~SpecValue();

  Type type = Type::kNull;
  std::string text;     // kScalar, after ${VAR}
  bool quoted = false;  // 'x', "x" or a block scalar: never a number, bool or null in free data
  bool secret = false;  // holds text of a ${VAR}: shown as ***
  std::vector<SpecValue> items;                              // kList
  std::vector<std::pair<SpecValue, SpecValue>> entries;      // kMap: key scalar, value; unique keys
  Span span;                                                 // of the whole value
  // File offset of each byte of `text` (and one past its end), where the text is not simply the bytes
  // from span.begin (escapes, folded lines, ${VAR}).
  std::shared_ptr<const std::vector<uint32_t>> offsets;

  bool is_scalar() const { return type == Type::kScalar; }
  bool is_list() const { return type == Type::kList; }
  bool is_map() const { return type == Type::kMap; }
  bool is_null() const { return type == Type::kNull; }
  const SpecValue* find(std::string_view key) const;  // kMap
  // The place of bytes [begin, end) of `text` in the file.
  Span part(size_t begin, size_t end) const;

  static SpecValue scalar(std::string text);
  static SpecValue list(std::vector<SpecValue> items);
};

struct StepSpec {
  SpecValue verb;       // the verb key
  SpecValue argument;   // its value
  std::vector<std::pair<SpecValue, SpecValue>> options;  // beside it, in written order
};

// `mqtt://…`, `file:x.csv`, or a map of one connector key and its options, or a stream name.
struct InputSpec {
  bool is_stream = false;   // else a source
  SpecValue name;           // stream name (may end in .late, .errors), or the connector key or URL
  SpecValue value;          // of the connector key; kNull where a URL was given alone
  std::vector<std::pair<SpecValue, SpecValue>> options;
};

struct StreamSpec {
  SpecValue name;  // "main" in the short form
  std::vector<InputSpec> from;
  std::vector<StepSpec> steps;
};

struct PipelineSpec {
  std::string name;
  SourceFilePtr file;
  std::string folder;      // relative paths start here
  std::string delivery = "at_least_once";
  Span delivery_span;
  std::vector<StreamSpec> streams;
  SpecValue tests;         // the list, or kNull
  SpecValue input_log;
  Span name_span;          // of `name`, else the file's first byte
  std::string text() const { return file ? file->text : std::string(); }
};

using SpecPtr = std::shared_ptr<const PipelineSpec>;

}  // namespace streamflow
