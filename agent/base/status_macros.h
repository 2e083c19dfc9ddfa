// The two early returns on errors.
//
//   COORDHUB_RETURN_IF_ERROR(journal.Append(batch));
//   COORDHUB_ASSIGN_OR_RETURN(const GitLocation location, LocateRepository(path));
//
// Both evaluate their expression once and work in functions that return absl::Status or any
// absl::StatusOr. A type with a comma outside parentheses goes in parentheses or gets an alias.

#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define COORDHUB_RETURN_IF_ERROR(expr)                   \
  do {                                                   \
    absl::Status coordhub_status_ = (expr);              \
    if (!coordhub_status_.ok()) return coordhub_status_; \
  } while (false)

#define COORDHUB_ASSIGN_OR_RETURN(lhs, expr) \
  COORDHUB_ASSIGN_OR_RETURN_IMPL_(COORDHUB_CONCAT_(coordhub_statusor_, __LINE__), lhs, expr)

// NOLINTBEGIN(bugprone-macro-parentheses): `lhs` may be a declaration, `statusor` is a name.
#define COORDHUB_ASSIGN_OR_RETURN_IMPL_(statusor, lhs, expr) \
  auto statusor = (expr);                                    \
  if (!statusor.ok()) return std::move(statusor).status();   \
  lhs = *std::move(statusor)

// NOLINTEND(bugprone-macro-parentheses)

#define COORDHUB_CONCAT_(a, b) COORDHUB_CONCAT_IMPL_(a, b)
#define COORDHUB_CONCAT_IMPL_(a, b) a##b
