#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "hub/journal/entry.h"

// Answers that are too large for memory: the events of a commit, kept in the store under its
// revision for as long as its request is remembered. Pure; any thread.
namespace coordhub::engine {

// What the store keeps for a commit of these entries; nothing when the state keeps it (it is no
// larger than limits::kAnswerBytes), or when it is larger than the store takes: such a commit is
// answered from its events, as long as they are kept.
std::optional<journal::StoreChange> StoreAnswer(absl::Span<const journal::Entry> commit);

// The request of this commit is forgotten.
journal::StoreChange EraseAnswer(int64_t commit_revision);

// The entries of a commit from what the store kept; without private bytes. Nullopt: damaged.
std::optional<std::vector<journal::Entry>> AnswerFrom(const std::string& kept,
                                                      journal::CommitRange range);

}  // namespace coordhub::engine
