// What `coordhub adopt` shows. Everything that stood in a file is made safe for a terminal.

#pragma once

#include <string>
#include <vector>

#include "hub/main/adoption.h"

namespace coordhub::hub {

// One imported line.
struct Imported {
  int64_t line = 0;
  std::string ticket_id;
};

// What came of it.
struct AdoptionResult {
  bool adopted = false;
  std::string backup;  // its path; empty: none was needed
  std::vector<Imported> imported;
};

// A table of the lines, at most `max_lines` of them, and what else is there. For people.
std::string AdoptionText(const Adoption& adoption, size_t max_lines);

// All of it as one JSON object on a line.
std::string AdoptionJson(const Adoption& adoption, const AdoptionResult& result);

}  // namespace coordhub::hub
