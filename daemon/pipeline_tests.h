// The `tests:` of a pipeline: given records, expected records, in virtual time.
#pragma once

#include <string>
#include <vector>

#include "core/diagnostic.h"
#include "core/registry.h"
#include "core/spec.h"

namespace streamflow {

struct TestResult {
  std::string name;
  bool passed = false;
  std::string failure;  // what differs, several lines
};

struct TestOptions {
  size_t rows_max = 1024;  // rows a batch at most
  // Saves all state after every row into a fresh pipeline and goes on with that.
  bool cut = false;
};

// Problems in the tests themselves (unknown streams…) go to `diagnostics`.  `ledger` is asserted at
// every turn: a difference fails the test.
std::vector<TestResult> run_tests(const PipelineSpec& spec, const Registry& registry,
                                  const TestOptions& options, Diagnostics& diagnostics);

// Free data of a pipeline file as JSON, scalars typed by YAML 1.2's core schema.
void append_json(const SpecValue& value, std::string& out);

}  // namespace streamflow
