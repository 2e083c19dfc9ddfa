// Mirrors a workspace with a round, open or over, into a shared_state/: for the scripts that read
// convergence.md. No RPC opens rounds yet, so the mirror is given one.
//
//   mirror_of_round DIRECTORY open|over TITLE...

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "hub/mirror/mirror.h"
#include "tests/mirror/view_builder.h"

namespace coordhub::mirror {
namespace {

v1::Round OpenRound() {
  v1::Round round;
  round.set_round_id("C-1");
  round.set_state(v1::Round::STATE_OPEN);
  round.set_target("main");
  return round;
}

std::string MirrorOnce(const std::string& directory, std::vector<v1::Round> rounds,
                       const std::vector<std::string>& titles) {
  ViewBuilder builder;
  builder.Revision(1);
  for (size_t i = 0; i < titles.size(); ++i) {
    builder.Ticket(static_cast<int64_t>(i) + 1, v1::Ticket::STATE_OPEN, titles[i]);
  }
  base::SystemClock clock;
  base::SequenceIdSource ids{1};
  MirrorOptions options;
  options.directory = directory;
  options.view = [view = builder.Build()] { return view; };
  options.rounds = [rounds = std::move(rounds)](const core::View&) { return rounds; };
  options.decorate_agent = [](const core::View&, v1::Agent*) {};
  options.current_branch = [] { return std::string("main"); };
  options.on_mirrored = [](int64_t) {};
  options.ids = &ids;
  // Nobody else writes here.
  options.submit = [](std::unique_ptr<core::Command>, const engine::Done& done) {
    done(absl::UnavailableError("there is no hub"));
  };
  Mirror mirror(std::move(options), &clock);
  mirror.Step();
  return mirror.problem();
}

}  // namespace
}  // namespace coordhub::mirror

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  if (args.size() < 2 || (args[1] != "open" && args[1] != "over")) {
    std::fputs("usage: mirror_of_round DIRECTORY open|over TITLE...\n", stderr);
    return 2;
  }
  std::vector<coordhub::v1::Round> rounds;
  if (args[1] == "open") rounds.push_back(coordhub::mirror::OpenRound());
  const std::string problem =
      coordhub::mirror::MirrorOnce(args[0], std::move(rounds), {args.begin() + 2, args.end()});
  if (!problem.empty()) std::fprintf(stderr, "mirror_of_round: %s\n", problem.c_str());
  return problem.empty() ? 0 : 1;
}
