#include "hub/core/derive.h"

#include "agent/base/mutant.h"
#include "hub/core/decide/blocking.h"

namespace coordhub::core {
namespace {

// Brings one kind of derived fact up to date, over what the draft has touched (Draft::Touched).
using Derivation = void (*)(Draft& draft);

constexpr Derivation kDerivations[] = {
    MoveBetweenOpenAndBlocked,
};

}  // namespace

void Derive(Draft& draft) {
  if (base::MutantActive("nothing_derived")) return;
  for (const Derivation derivation : kDerivations) derivation(draft);
}

}  // namespace coordhub::core
