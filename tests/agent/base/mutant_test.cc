#include "agent/base/mutant.h"

#include <gtest/gtest.h>

namespace coordhub::base {
namespace {

#ifndef COORDHUB_MUTANTS
static_assert(!MutantActive("anything"), "a normal build contains no defect");
#endif

TEST(Mutant, NoneIsActiveUnlessPicked) {
  EXPECT_FALSE(MutantActive(""));
  EXPECT_FALSE(MutantActive("a mutant that nobody picks"));
}

}  // namespace
}  // namespace coordhub::base
