// What the process gives a command: so that a test can give something else.

#pragma once

#include <iosfwd>
#include <map>
#include <string>

#include "agent/base/clock.h"
#include "agent/base/ids.h"

namespace coordhub::coordctl {

struct Host {
  // The environment's variables whose names begin with COORDHUB_, and NO_COLOR, TERM, COLUMNS.
  std::map<std::string, std::string> environment;
  // Where the user stands; absolute.
  std::string directory;
  // Not owned, never null.
  std::istream* in = nullptr;
  std::ostream* out = nullptr;
  std::ostream* err = nullptr;
  bool in_is_terminal = false;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  // Width of the terminal; 0: unknown or none.
  int columns = 0;
  // Not owned, never null.
  base::Clock* clock = nullptr;
  base::IdSource* ids = nullptr;

  // The variable's value; empty when unset.
  std::string Env(const std::string& name) const;
  // Whether it is set, to whatever.
  bool Has(const std::string& name) const { return environment.count(name) > 0; }

  // This process.
  static Host OfProcess();
};

}  // namespace coordhub::coordctl
