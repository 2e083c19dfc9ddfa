#include "tests/rpc/hub_fixture.h"

#include <algorithm>
#include <filesystem>
#include <future>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "hub/core/proto_time.h"
#include "hub/journal/memory_journal.h"

namespace coordhub::rpc {
namespace {

// Real time; only a test that hangs waits for so long.
constexpr int kCallSeconds = 60;

class IdleLoop final : public loops::Loop {
 public:
  loops::Outcome Step(loops::Cause) override { return {}; }
};

// Work that is done at once.
class IdleKind final : public operations::OperationKind {
 public:
  explicit IdleKind(pb::Operation::Kind kind) : kind_(kind) {}
  pb::Operation::Kind kind() const override { return kind_; }
  absl::StatusOr<operations::OperationResult> Run(operations::OperationContext&) override {
    return operations::OperationResult();
  }
  operations::Recovery Recover(operations::OperationContext&) override { return {}; }

 private:
  const pb::Operation::Kind kind_;
};

void AddIdleLoops(loops::LoopRunner* runner) {
  runner->Add({"comms", "Communication Daemon", absl::Seconds(15), std::make_unique<IdleLoop>()});
  runner->Add({"monitor", "Background Monitor", absl::Seconds(60), std::make_unique<IdleLoop>()});
}

}  // namespace

absl::Status FromGrpc(const grpc::Status& status) {
  return base::DecodeStatus(status.error_code(), status.error_message(), status.error_details());
}

pb::ErrorReason ReasonOf(const grpc::Status& status) { return base::ReasonOf(FromGrpc(status)); }

std::string MetadataOf(const grpc::Status& status, std::string_view key) {
  return base::MetadataOf(FromGrpc(status), key);
}

Client::Client(const std::string& target, grpc::ChannelArguments args) {
  args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
  args.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  args.SetMaxReceiveMessageSize(16 << 20);
  channel_ = grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), args);
}

std::unique_ptr<grpc::ClientContext> Client::Context() const {
  auto context = std::make_unique<grpc::ClientContext>();
  if (!session_.empty()) context->AddMetadata(base::kSessionMetadataKey, session_);
  if (!operator_.empty()) context->AddMetadata(base::kOperatorMetadataKey, operator_);
  if (!client_id_.empty()) context->AddMetadata(base::kClientMetadataKey, client_id_);
  context->set_deadline(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                     gpr_time_from_seconds(kCallSeconds, GPR_TIMESPAN)));
  return context;
}

pb::RegisterAgentResponse Client::Register(const std::string& agent_id, absl::Duration ttl) {
  pb::RegisterAgentRequest request;
  request.set_agent_id(agent_id);
  *request.mutable_ttl() = core::ToProto(ttl);
  pb::RegisterAgentResponse response;
  const grpc::Status status = Call(&pb::AgentService::Stub::RegisterAgent, request, &response);
  EXPECT_TRUE(status.ok()) << FromGrpc(status);
  session_ = response.session_token();
  return response;
}

pb::Ticket Client::Create(const std::string& title) const {
  pb::CreateTicketRequest request;
  request.mutable_spec()->set_title(title);
  pb::CreateTicketResponse response;
  const grpc::Status status = Call(&pb::TicketService::Stub::CreateTicket, request, &response);
  EXPECT_TRUE(status.ok()) << FromGrpc(status);
  return response.ticket();
}

pb::Ticket Client::Claim(const std::string& ticket_id) const {
  pb::ClaimTicketRequest request;
  request.set_ticket_id(ticket_id);
  pb::ClaimTicketResponse response;
  const grpc::Status status = Call(&pb::TicketService::Stub::ClaimTicket, request, &response);
  EXPECT_TRUE(status.ok()) << FromGrpc(status);
  return response.ticket();
}

pb::Ticket Client::Complete(const pb::Ticket& claimed) const {
  pb::CompleteTicketRequest request;
  request.set_ticket_id(claimed.ticket_id());
  request.set_fence(claimed.claim().fence());
  pb::CompleteTicketResponse response;
  const grpc::Status status = Call(&pb::TicketService::Stub::CompleteTicket, request, &response);
  EXPECT_TRUE(status.ok()) << FromGrpc(status);
  return response.ticket();
}

pb::GetHubResponse Client::GetHub(bool with_digest) const {
  pb::GetHubRequest request;
  request.set_with_digest(with_digest);
  pb::GetHubResponse response;
  const grpc::Status status = Call(&pb::HubService::Stub::GetHub, request, &response);
  EXPECT_TRUE(status.ok()) << FromGrpc(status);
  return response;
}

std::string LogIdOfTestHub(size_t workspace) {
  return absl::StrCat("log", std::string(28, '0'), workspace);
}

std::unique_ptr<operations::WorkspaceOperations> TestHub::MakeOperations(
    const HubSpec& spec, engine::Workspace* workspace) {
  const std::string parent = std::filesystem::path(spec.common_dir).parent_path().parent_path();
  worktrees_.push_back(std::make_unique<operations::WorktreeRequests>(
      parent + "/worktrees", operations::WorktreeNaming(spec.worktree_branches)));
  operations::OperationsOptions options;
  options.workspace = workspace;
  options.clock = &clock_;
  options.kinds.push_back(std::make_unique<operations::BackupKind>(workspace));
  options.kinds.push_back(std::make_unique<operations::VerifyKind>(workspace));
  operations::WorktreeSurroundings surroundings;
  surroundings.workspace = workspace;
  surroundings.observer = spec.observer;
  surroundings.requests = worktrees_.back().get();
  surroundings.common_dir = spec.common_dir;
  surroundings.agents_root = parent;
  using Kind = pb::Operation;
  if (spec.observer != nullptr) {
    options.kinds.push_back(std::make_unique<operations::CreateWorktreeKind>(surroundings));
    options.kinds.push_back(std::make_unique<operations::RemoveWorktreeKind>(surroundings));
  } else {
    options.kinds.push_back(std::make_unique<IdleKind>(Kind::KIND_CREATE_WORKTREE));
    options.kinds.push_back(std::make_unique<IdleKind>(Kind::KIND_REMOVE_WORKTREE));
  }
  auto made = std::make_unique<operations::WorkspaceOperations>(std::move(options));
  made->Start();
  return made;
}

TestHub::TestHub(HubSpec spec) : operator_token_(base::NewOperatorToken(ids_)) {
  ServerOptions options;
  for (size_t i = 0; i < spec.workspaces.size(); ++i) {
    engine::WorkspaceOptions workspace;
    workspace.workspace_id = spec.workspaces[i];
    workspace.version = "test";
    workspace.ring_events = spec.ring_events;
    workspace.waiters_capacity = spec.waiters_capacity;
    workspace.queue_bytes = spec.queue_bytes;
    workspace.on_fatal = [](const absl::Status& status) { FAIL() << status; };
    workspace.archiving = spec.archiving;
    workspace.text_quota = spec.text_quota;
    auto opened = engine::Workspace::Open(workspace, journal::NewMemoryJournal(LogIdOfTestHub(i)),
                                          &clock_, &ids_);
    if (!opened.ok()) ADD_FAILURE() << opened.status();
    workspaces_.push_back(*std::move(opened));
    ServedWorkspace served;
    served.workspace = workspaces_.back().get();
    served.key = key(i);
    served.socket_path = socket_path(i);
    served.common_dir = spec.common_dir;
    served.state_dir = "/repo/.git/coordhub";
    served.observation = [this, observer = spec.observer] {
      return observer == nullptr ? observation() : observer->latest();
    };
    loops_.push_back(std::make_unique<loops::LoopRunner>(
        loops::RunnerOptions{.workspace_id = spec.workspaces[i], .clock = &clock_}));
    spec.add_loops ? spec.add_loops(loops_.back().get()) : AddIdleLoops(loops_.back().get());
    loops_.back()->Start();
    served.loops = loops_.back().get();
    operations_.push_back(MakeOperations(spec, workspaces_.back().get()));
    served.operations = operations_.back().get();
    served.worktrees = worktrees_.back().get();
    options.workspaces.push_back(std::move(served));
  }
  if (spec.tcp) options.tcp_address = "127.0.0.1:0";
  options.operator_token = operator_token_;
  options.version = "test";
  options.clock = &clock_;
  options.clock_is_manual = true;
  options.ids = &ids_;
  options.max_streams = spec.max_streams;
  options.slow_watcher_timeout = spec.slow_watcher_timeout;
  options.on_drain_request = std::move(spec.on_drain_request);
  auto started = Server::Start(std::move(options));
  if (!started.ok()) {
    ADD_FAILURE() << started.status();
    return;
  }
  server_ = *std::move(started);
}

TestHub::~TestHub() {
  server_.reset();
  loops_.clear();
  for (const auto& operations : operations_) operations->Stop(absl::InfiniteDuration());
  for (const auto& workspace : workspaces_) workspace->Stop();
  operations_.clear();
  workspaces_.clear();
}

std::string TestHub::BeginOperation(const std::string& subject, core::Caller caller) {
  const engine::Outcome outcome =
      Submit(std::move(caller),
             core::BeginOperation{.kind = pb::Operation::KIND_GATE, .subject = subject});
  return outcome.events.empty() ? ""
                                : outcome.events.front()->changes(0).operation().operation_id();
}

void TestHub::Observe(const std::string& branch, char digit) {
  pb::Branch observed;
  observed.set_branch(branch);
  observed.set_commit(std::string(40, digit));
  core::ObserveBranches seen;
  seen.seen.push_back(observed);
  Submit(core::Caller::Hub("coordinator"), std::move(seen));
}

void TestHub::CompareAll() {
  core::ObserveConflicts found;
  const auto view = workspace().view();
  const auto& branches = view->records.of<core::tables::Branches>();
  for (auto branch = branches.Begin(); branch.Valid(); branch.Next()) {
    found.compared.push_back({branch->branch(), branch->commit()});
  }
  Submit(core::Caller::Hub("coordinator"), std::move(found));
}

engine::Outcome TestHub::Submit(core::Caller caller, core::CommandBody body) {
  auto command = std::make_unique<core::Command>(
      core::Command{.caller = std::move(caller), .body = std::move(body)});
  const auto answered = std::make_shared<std::promise<absl::StatusOr<engine::Outcome>>>();
  workspace().Submit(std::move(command), base::MonoTime::InfiniteFuture(),
                     [answered](absl::StatusOr<engine::Outcome> outcome) {
                       answered->set_value(std::move(outcome));
                     });
  const absl::StatusOr<engine::Outcome> outcome = answered->get_future().get();
  EXPECT_TRUE(outcome.ok()) << outcome.status();
  return outcome.ok() ? *outcome : engine::Outcome();
}

void TestHub::AdvanceLoops(absl::Duration time) {
  clock_.Advance(time);
  for (const auto& runner : loops_) runner->OnClockMoved();
}

void TestHub::Age(absl::Duration time) {
  constexpr absl::Duration kStep = absl::Milliseconds(500);
  for (; time > absl::ZeroDuration(); time -= kStep) {
    clock_.Advance(std::min(time, kStep));
    // Every look at a lease is one at its clock.
    for (const auto& workspace : workspaces_) (void)workspace->TouchSession("nobody's");
  }
}

std::string TestHub::socket_path(size_t workspace) const {
  return dir_ / absl::StrCat("hub", workspace, ".sock");
}

std::string TestHub::key(size_t workspace) const {
  return absl::StrCat("key of workspace ", workspace);
}

std::string TestHub::socket_target(size_t workspace) const {
  return "unix:" + socket_path(workspace);
}

std::string TestHub::tcp_target() const { return absl::StrCat("127.0.0.1:", server_->tcp_port()); }

Client TestHub::OnSocket(size_t workspace) const { return Client(socket_target(workspace)); }

Client TestHub::OnTcp() const { return Client(tcp_target()); }

Client TestHub::OperatorOnTcp() const {
  Client client(tcp_target());
  client.set_operator(operator_token_);
  return client;
}

}  // namespace coordhub::rpc
