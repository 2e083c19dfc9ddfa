#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "hub/engine/broadcaster.h"
#include "hub/journal/journal.h"

namespace coordhub::engine {

// Encodes an event once: its frame, whose tail is the event's bytes.
EncodedEvent Encode(std::shared_ptr<const v1::Event> event);

// The event's bytes within a frame: what the journal keeps.
std::string_view EventBytes(const EncodedEvent& encoded);

// Decodes a journal's entry. Errors: JOURNAL_DAMAGED (not an event, other revision, or a kind that
// this version does not know; metadata revision).
absl::StatusOr<EncodedEvent> Decode(const journal::Entry& entry);

}  // namespace coordhub::engine
