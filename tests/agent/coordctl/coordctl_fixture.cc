#include "tests/agent/coordctl/coordctl_fixture.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace coordhub::coordctl {
namespace {

// As little of a repository as git itself accepts.
void MakeRepository(const std::string& root) {
  for (const char* directory : {"/.git", "/.git/objects", "/.git/refs", "/.git/refs/heads"}) {
    std::filesystem::create_directory(root + directory);
  }
  std::ofstream(root + "/.git/HEAD") << "ref: refs/heads/conversation-42\n";
  std::ofstream(root + "/.git/config") << "[core]\n\trepositoryformatversion = 0\n\tbare = false\n";
}

}  // namespace

CoordctlTest::CoordctlTest() {
  std::string pattern = testing::TempDir() + "/coordctlXXXXXX";
  root_ = std::filesystem::canonical(mkdtemp(pattern.data())).string();
  directory_ = root_;
  MakeRepository(root_);
  const auto state = base::StatePaths::UnderCommonDir(root_ + "/.git");
  std::filesystem::create_directory(state.dir());
  chmod(state.dir().c_str(), 0700);
  hub_ = std::make_unique<ScriptedHub>(state.socket());
  Announce();
}

CoordctlTest::~CoordctlTest() {
  hub_.reset();
  std::filesystem::remove_all(root_);
}

void CoordctlTest::Announce() {
  EXPECT_TRUE(base::WriteEndpointFile(
                  base::StatePaths::UnderCommonDir(root_ + "/.git").endpoint(),
                  {.endpoint = hub_->endpoint(), .pid = 1, .log_id = "log-1", .workspace = "repo"})
                  .ok());
}

int CoordctlTest::Run(const std::vector<std::string>& arguments) {
  std::istringstream in(in_);
  std::ostringstream out;
  std::ostringstream err;
  Host host;
  host.environment = environment_;
  host.directory = directory_;
  host.in = &in;
  host.out = &out;
  host.err = &err;
  host.in_is_terminal = terminal_;
  host.out_is_terminal = terminal_;
  host.err_is_terminal = terminal_;
  host.columns = terminal_ ? 80 : 0;
  host.clock = host_clock_;
  host.ids = &ids_;
  const int code = RunCoordctl(host, arguments);
  out_ = out.str();
  err_ = err.str();
  return code;
}

void CoordctlTest::Write(const std::string& name, const std::string& content) {
  std::ofstream(root_ + "/" + name) << content;
}

void CoordctlTest::Register(const std::string& name) {
  hub_->On<pb::RegisterAgentRequest, pb::RegisterAgentResponse>(
      "AgentService/RegisterAgent",
      [](const pb::RegisterAgentRequest& request, pb::RegisterAgentResponse* response) {
        response->mutable_agent()->set_agent_id(request.agent_id());
        response->mutable_agent()->set_branch(request.branch());
        response->set_session_token("chs_" + request.agent_id());
        return absl::OkStatus();
      });
  EXPECT_EQ(Run({"agent", "register", name}), 0) << err_;
}

}  // namespace coordhub::coordctl
