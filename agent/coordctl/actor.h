#pragma once

#include <string>
#include <utility>

namespace coordhub::coordctl {

// Whom a command acts as. Made by name: that nothing is known of a session makes nobody the
// operator.
class Actor {
 public:
  static Actor Operator() { return {Kind::kOperator, ""}; }
  // `token` is a secret.
  static Actor Session(std::string token) { return {Kind::kSession, std::move(token)}; }

  bool is_operator() const { return kind_ == Kind::kOperator; }
  // Of a session; else empty.
  const std::string& token() const { return token_; }

 private:
  enum class Kind { kOperator, kSession };
  Actor(Kind kind, std::string token) : kind_(kind), token_(std::move(token)) {}

  Kind kind_;
  std::string token_;
};

}  // namespace coordhub::coordctl
