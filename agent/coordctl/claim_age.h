// How long claims have been held, and whether their holders seem to work.

#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "coordhub/v1/ticket.pb.h"

namespace coordhub::coordctl {

namespace pb = ::coordhub::v1;

// Claims older than this are called out, unless somebody says otherwise.
inline constexpr absl::Duration kClaimAge = absl::Hours(4);

// Adds --claim-age; its text goes into the result.
std::shared_ptr<std::string> AddClaimAge(CLI::App* command);
// What that text says; empty: kClaimAge. Errors: INVALID_FIELD (--claim-age).
absl::StatusOr<absl::Duration> ParseClaimAge(const std::string& text);

// Since when the ticket is held; the ticket has a claim.
absl::Time HeldSince(const pb::Ticket& ticket);
// "2h ago", or "none seen": the last sign of work since the claim, as the hub saw it.
std::string LastWorkText(const pb::Ticket& ticket, absl::Time now);

}  // namespace coordhub::coordctl
