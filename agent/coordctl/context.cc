#include "agent/coordctl/context.h"

#include <atomic>
#include <memory>
#include <ostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/atomic_file.h"
#include "agent/base/error.h"
#include "agent/base/sha256.h"
#include "agent/base/status_macros.h"
#include "agent/base/text.h"
#include "agent/coordctl/await_hub.h"
#include "agent/coordctl/time_text.h"
#include "agent/coordctl/worktree_id.h"

namespace coordhub::coordctl {
namespace {

// Silence of the hub after which a person is told what the command waits for.
constexpr absl::Duration kNoteAfter = absl::Seconds(2);
// Without --timeout: how long a call may take, and how long a hub that nobody has started is waited
// for (one that is just being restarted is back by then).
constexpr absl::Duration kTimeout = absl::Seconds(30);
constexpr absl::Duration kPatience = absl::Seconds(1);

std::string TopOf(const base::GitLocation& location) {
  return location.is_bare ? location.git_dir : location.worktree_root;
}

std::string StripSpace(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

}  // namespace

bool Context::color() const {
  return !globals_.json &&
         UseColor(globals_.color, host_.out_is_terminal, host_.Env("NO_COLOR"), host_.Env("TERM"));
}

Table Context::NewTable(std::vector<std::string> headings) const {
  return Table(std::move(headings), host_.out_is_terminal, color(), host_.columns);
}

const absl::StatusOr<base::GitLocation>& Context::Repository() {
  if (!repository_.has_value()) repository_ = base::LocateRepository(host_.directory);
  return *repository_;
}

absl::StatusOr<WorktreeRef> Context::Worktree() {
  const absl::StatusOr<base::GitLocation>& location = Repository();
  COORDHUB_RETURN_IF_ERROR(location.status());
  COORDHUB_ASSIGN_OR_RETURN(std::optional<std::string> id, ReadWorktreeId(location->git_dir));
  return WorktreeRef{TopOf(*location), std::move(id).value_or("")};
}

absl::StatusOr<WorktreeRef> Context::WorktreeToRegisterIn(const std::string& path) {
  const absl::StatusOr<base::GitLocation>& here = Repository();
  COORDHUB_RETURN_IF_ERROR(here.status());
  const absl::StatusOr<base::GitLocation> location = base::LocateRepository(path);
  if (!location.ok() || location->common_dir != here->common_dir || TopOf(*location) != path) {
    return WorktreeRef{path, "", /*by_path=*/true};
  }
  COORDHUB_ASSIGN_OR_RETURN(std::string id, EnsureWorktreeId(location->git_dir, host_.ids));
  return WorktreeRef{path, std::move(id)};
}

absl::StatusOr<SessionStore> Context::Sessions() {
  const absl::StatusOr<base::GitLocation>& location = Repository();
  COORDHUB_RETURN_IF_ERROR(location.status());
  COORDHUB_ASSIGN_OR_RETURN(const base::ResolvedEndpoint endpoint, Endpoint());
  if (!endpoint.state_dir.empty()) {
    return SessionStore(base::StatePaths(endpoint.state_dir).sessions(), "");
  }
  return SessionStore(base::StatePaths::UnderCommonDir(location->common_dir).sessions(),
                      endpoint.target);
}

absl::StatusOr<agent::Client> Context::ConnectAs(const Actor& actor) {
  COORDHUB_ASSIGN_OR_RETURN(const base::ResolvedEndpoint endpoint, Endpoint());
  agent::ClientOptions options;
  options.endpoint = endpoint.target;
  options.resolve = [resolve = MakeResolver()]() -> absl::StatusOr<std::string> {
    COORDHUB_ASSIGN_OR_RETURN(const base::ResolvedEndpoint found, resolve());
    return found.target;
  };
  options.workspace_id = NamedWorkspace();
  if (options.workspace_id.empty() && !endpoint.is_unix) options.workspace_id = endpoint.workspace;
  options.credentials.session_token = actor.token();
  if (actor.is_operator()) {
    COORDHUB_ASSIGN_OR_RETURN(options.credentials.operator_token, OperatorToken(endpoint));
  }
  COORDHUB_ASSIGN_OR_RETURN(options.timeout, Timeout());
  options.on_retry = WaitingNote();
  options.make_request_id = [this] { return RequestId(); };
  options.credentials.client_id = client_id_;
  // Whoever repeats this command with its request id is the same client, and finds its answer
  // whatever else is done meanwhile.
  if (client_id_.empty() && (repeatable_ || !globals_.request_id.empty())) {
    if (globals_.request_id.empty()) globals_.request_id = host_.ids->NewUid();
    options.credentials.client_id =
        "coordctl:" + base::HexEncode(base::Sha256(globals_.request_id)).substr(0, 32);
  }
  options.clock = host_.clock;
  options.ids = host_.ids;
  absl::StatusOr<agent::Client> client = agent::Client::Connect(std::move(options));
  if (client.ok()) made_.push_back(*client);
  return client;
}

std::string Context::RequestId() {
  mutation_sent_ = true;
  if (globals_.request_id.empty()) globals_.request_id = host_.ids->NewUid();
  return globals_.request_id;
}

std::string Context::Repetition() const {
  if (!mutation_sent_ || !repeatable_) return "";
  return absl::StrCat("--request-id ", globals_.request_id, meant_.empty() ? "" : " ", meant_);
}

std::string Context::NamedWorkspace() const {
  return globals_.workspace.empty() ? host_.Env("COORDHUB_WORKSPACE") : globals_.workspace;
}

absl::StatusOr<absl::Duration> Context::Timeout() const {
  return globals_.timeout.empty() ? kTimeout : ParseDuration(globals_.timeout, "--timeout");
}

Context::Resolver Context::MakeResolver() {
  const base::EndpointQuery query = {globals_.endpoint, host_.Env("COORDHUB_ENDPOINT"),
                                     host_.directory};
  return [query, repository = Repository()] { return base::ResolveEndpoint(query, repository); };
}

absl::StatusOr<base::ResolvedEndpoint> Context::Endpoint() {
  if (endpoint_.has_value()) return *endpoint_;
  COORDHUB_ASSIGN_OR_RETURN(const absl::Duration timeout, Timeout());
  const absl::StatusOr<base::ResolvedEndpoint> endpoint =
      AwaitHub(MakeResolver(), globals_.timeout.empty() ? kPatience : timeout);
  if (endpoint.ok()) endpoint_ = *endpoint;
  if (!absl::IsNotFound(endpoint.status())) return endpoint;
  return base::MakeError(pb::ERROR_REASON_HUB_UNREACHABLE,
                         absl::StrCat("which hub? ", endpoint.status().message(),
                                      "; go into a repository, or say --endpoint"),
                         {{"endpoint", ""}});
}

// On TCP the operator proves to be one by a file that only the hub's user can read.
absl::StatusOr<std::string> Context::OperatorToken(const base::ResolvedEndpoint& endpoint) const {
  static constexpr size_t kMaxTokenFileBytes = 4096;
  std::string path = globals_.operator_token;
  if (path.empty()) {
    if (endpoint.is_unix || endpoint.state_dir.empty()) return std::string();
    path = base::StatePaths(endpoint.state_dir).operator_token();
  }
  COORDHUB_ASSIGN_OR_RETURN(const std::optional<std::string> token,
                            base::ReadFile(path, kMaxTokenFileBytes));
  if (token.has_value()) return StripSpace(*token);
  if (globals_.operator_token.empty()) return std::string();
  return base::MakeFieldError("--operator-token", path + " does not exist");
}

// Tells a person once that the command waits for a hub, whichever of its threads notices it first.
std::function<void(const absl::Status&, absl::Duration)> Context::WaitingNote() {
  if (!host_.err_is_terminal || quiet_) return nullptr;
  return [this, start = host_.clock->Mono(), told = std::make_shared<std::atomic<bool>>(false)](
             const absl::Status& status, absl::Duration) {
    if (host_.clock->Mono() - start < kNoteAfter || told->exchange(true)) return;
    err() << "coordctl: waiting for the hub: " << SafeBlock(std::string(status.message()), "")
          << std::flush;
  };
}

}  // namespace coordhub::coordctl
