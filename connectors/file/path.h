// What is written after `file:`.
#pragma once

#include <string>
#include <string_view>

#include "core/registry.h"

namespace streamflow::file {

struct FileAddress {
  std::string path;       // relative to the pipeline file's folder where it was relative
  std::string written;    // as the user wrote it, without `file:`; may be secret
  std::string shown;      // the same for people, with `file:`; *** where it is secret
  bool secret = false;    // holds text of a ${VAR}
  bool standard = false;  // `-`: standard input or output
  bool is_csv = false;    // by its extension
};

// Of the options' `name` ("file", "save"): `file:PATH`, `file:///PATH`, or PATH alone.  With a
// diagnostic, and an empty `shown`, where there is none.
FileAddress read_address(BuildContext& context, std::string_view name);

// "No such file or directory" and the like, with what a user can do about it; no path where it is secret.
std::string errno_text(int error, const std::string& path, bool secret);

}  // namespace streamflow::file
