// How the rows of bad_input_table.cc are written.

#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "coordhub/v1/error.pb.h"
#include "tests/rpc/bad_input_table.h"

namespace coordhub::rpc {

// What a method needs besides the field that a row is about.
struct BadInputMethod {
  std::string name;
  std::string base;
  BadInput::Who who = BadInput::kOperator;
};
const std::vector<BadInputMethod>& BadInputMethods();

// `count` characters.
std::string Text(size_t count);
// As a text-format literal.
std::string Quoted(const std::string& text);
// `count` times `field: 'x<i>'`.
std::string Times(int count, const std::string& field);
// `count` times the same.
std::string Repeat(int count, const std::string& text);
// U+202E, which makes text look other than it is, as a text-format literal has it.
inline constexpr char kBidi[] = "\\342\\200\\256";

// Collects the rows of one method; each adds one field to what the method needs. What comes later
// in a request's text prevails.
class BadInputRows {
 public:
  BadInputRows(std::vector<BadInput>* rows, const std::string& method);

  // Refused with INVALID_FIELD, naming `field`.
  BadInputRows& Bad(const std::string& field, const std::string& text);
  // Refused for another reason; `about` is the field that is to blame.
  BadInputRows& Refused(const std::string& about, const std::string& text, v1::ErrorReason reason);
  // An id of nothing that exists, in `about`. UNSPECIFIED: that is fine.
  BadInputRows& Unknown(const std::string& about, const std::string& text, v1::ErrorReason reason);
  // Fine.
  BadInputRows& Good(const std::string& text);
  // From here on, rows stand alone.
  BadInputRows& Alone();
  // From here on, another calls.
  BadInputRows& As(BadInput::Who who);

  // Each at its limit, one beyond it, and with what such a field may not have. `first` is what such
  // text begins with.
  BadInputRows& Line(const std::string& field, size_t max, const std::string& first = "x");
  BadInputRows& LongText(const std::string& field, size_t max);
  // Within `open` and `close`; refusals name `named`.
  BadInputRows& Labels(const std::string& field, const std::string& open = "",
                       const std::string& close = "", const std::string& named = "labels");
  BadInputRows& AgentId(const std::string& field);
  BadInputRows& BadAgentId(const std::string& field);
  BadInputRows& Duration(const std::string& field, const std::string& min, const std::string& below,
                         const std::string& max, const std::string& beyond);

 private:
  BadInputRows& Add(const std::string& text, v1::ErrorReason reason, const std::string& field,
                    const std::string& about);

  std::vector<BadInput>& rows_;
  const BadInputMethod& method_;
  bool alone_ = false;
  BadInput::Who who_;
};

// The rows of ConvergenceService.
void AddConvergence(std::vector<BadInput>* rows);
// The rows of RepositoryService.
void AddRepository(std::vector<BadInput>* rows);

}  // namespace coordhub::rpc
