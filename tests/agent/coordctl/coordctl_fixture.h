// coordctl in this process: a repository, a scripted hub for it, and what a command printed.

#pragma once

#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/endpoint.h"
#include "agent/base/ids.h"
#include "agent/coordctl/app.h"
#include "coordhub/v1/agent_service.pb.h"
#include "coordhub/v1/event_service.pb.h"
#include "coordhub/v1/hub_service.pb.h"
#include "coordhub/v1/ticket_service.pb.h"
#include "tests/agent/coordctl/scripted_hub.h"

namespace coordhub::coordctl {

namespace pb = ::coordhub::v1;

class CoordctlTest : public testing::Test {
 protected:
  CoordctlTest();
  ~CoordctlTest() override;

  // Runs a command line in the repository; `out_` and `err_` are what it printed.
  int Run(const std::vector<std::string>& arguments);
  void Write(const std::string& name, const std::string& content);
  // Registers an agent; its token is "chs_<name>".
  void Register(const std::string& name);
  // Says where the hub is, as one does that serves.
  void Announce();
  // The token of the last call to the hub.
  std::string LastToken() { return hub_->calls().back().session_token; }

  std::string root_;  // of the worktree
  std::unique_ptr<ScriptedHub> hub_;
  base::SystemClock clock_;
  base::Clock* host_clock_ = &clock_;  // what commands go by
  base::SequenceIdSource ids_{1};
  std::map<std::string, std::string> environment_;
  std::string directory_;  // where the user stands; the root unless said otherwise
  bool terminal_ = false;
  std::string in_;
  std::string out_;
  std::string err_;
};

}  // namespace coordhub::coordctl
