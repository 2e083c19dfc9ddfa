#pragma once

#include "hub/core/draft.h"

namespace coordhub::core {

// Brings what is derived from other records up to date with what the draft has changed, once a
// decision is complete: its events follow those of the decision, in the same commit. What is
// derived comes in the order of the list in derive.cc, and each sees what those before it changed;
// within one, by key. So the events are the same on every machine. No command derives by itself.
void Derive(Draft& draft);

}  // namespace coordhub::core
