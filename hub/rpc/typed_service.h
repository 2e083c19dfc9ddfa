// How the methods of our services begin and end, whatever they do.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/base/status_macros.h"
#include "google/protobuf/arena.h"
#include "hub/core/command.h"
#include "hub/core/records.h"
#include "hub/core/request.h"
#include "hub/core/response.h"
#include "hub/core/validate.h"
#include "hub/rpc/bound_service.h"
#include "hub/rpc/message_codec.h"
#include "hub/rpc/mutation_kinds.h"
#include "hub/rpc/refusal.h"

namespace coordhub::rpc {

using UnaryCallPtr = std::shared_ptr<UnaryCall>;

// A view at or after the commit.
inline engine::ViewPtr ViewOf(const engine::Outcome& outcome, const CallScope& scope) {
  return outcome.view != nullptr ? outcome.view : scope.engine().view();
}

// A mutation that was committed, to be answered.
struct Committed {
  const ServiceHost& host;
  const CallScope& scope;
  const engine::Outcome& outcome;
  // At or after the commit.
  engine::ViewPtr view;
};

// A read under way.
struct Reading {
  const ServiceHost& host;
  const CallScope& scope;
  engine::ViewPtr view;
};

// Fills in what records do not hold, wherever the response has it: what is volatile or computed of
// a ticket or an agent. A ticket's body is not in memory: WithBody.
template <class Response>
void CompleteResponse(const CallScope& scope, const core::View& view, Response* response) {
  const engine::Workspace& engine = scope.engine();
  if constexpr (requires { response->mutable_tickets(); }) {
    for (v1::Ticket& ticket : *response->mutable_tickets()) engine.Decorate(view, &ticket);
  } else if constexpr (requires { response->mutable_ticket(); }) {
    engine.Decorate(view, response->mutable_ticket());
  } else if constexpr (requires { response->mutable_agent(); }) {
    engine.Decorate(view, response->mutable_agent());
  }
}

// Adds the ticket's body, as it is now, where the response has one, and calls
// `done(absl::StatusOr<Response>)`: at once, unless it must be read from the store. What is done
// stays done when that fails; a repeat gets the answer then.
template <class Response, class Done>
void WithBody(const CallScope& scope, Response response, Done done) {
  if constexpr (requires { response.set_body(std::string()); }) {
    if (response.ticket().has_body()) {
      const engine::TextQuery query{.number = core::TicketNumber(response.ticket().ticket_id()),
                                    .body = true};
      scope.engine().texts().Read(query, [response = std::move(response), done = std::move(done)](
                                             absl::StatusOr<engine::Texts> texts) mutable {
        if (!texts.ok()) return done(absl::StatusOr<Response>(texts.status()));
        response.set_body(std::move(texts->body));
        done(absl::StatusOr<Response>(std::move(response)));
      });
      return;
    }
  }
  done(absl::StatusOr<Response>(std::move(response)));
}

// A service whose methods are typed. Every method authenticates (BoundService), parses, validates,
// finds its workspace and renews the caller's session, in this order.
class TypedService : public BoundService {
 public:
  using BoundService::BoundService;

 protected:
  // A command for the writer. `answer` is called with the Committed and gives a StatusOr of the
  // response; on the writer's thread or a background one, and must not block.
  template <class Request, class Answer>
  void BindMutation(const char* method, Answer answer) {
    BindMutation<Request>(method, std::move(answer),
                          [](const CallScope&, const Request&) { return absl::OkStatus(); });
  }
  // The same, where `check` may refuse it before the writer sees it, for what no record says. (A
  // repeat is checked, too.)
  template <class Request, class Answer, class Check>
  void BindMutation(const char* method, Answer answer, Check check);

  // The same command as an element of a stream: `request_of` finds it in the mutation,
  // `response_of` its place in the result.
  template <class Request, class Response, class Answer>
  static MutationKinds::Run StreamedMutation(const char* method,
                                             Request* (v1::TicketMutation::*request_of)(),
                                             Response* (v1::TicketMutationResult::*response_of)(),
                                             Answer answer);

  // An `answer` that is the commit's own, completed.
  template <class Response>
  static auto FromCommit(Response (*response_of)(core::CommitEvents events));

  // Whether a read looks a few records up, or walks over many of them: milliseconds, which other
  // calls do not wait for, since it runs on a thread for such reads.
  enum class ReadCost { kLookup, kWalk };

  // `run(call, scope, request, view)` answers the call from a view, at the revision that the
  // request asks for or later.
  template <class Request, class Run>
  void BindViewed(const char* method, ReadCost cost, Run run);

  // The same, where the answer is there at once.
  template <class Request, class Response>
  void BindRead(const char* method, ReadCost cost,
                absl::Status (*fill)(const Reading& reading, const Request& request,
                                     Response* response));

  // Anything else: `run` answers the call, now or later. The session, if there is one, lives.
  template <class Request>
  void BindTyped(const char* method, void (*run)(const UnaryCallPtr& call, const CallScope& scope,
                                                 const Request& request));

 private:
  // Whether an ended session is refused at once, or by the writer: which knows repeated requests,
  // such as the one that ended it.
  enum class EndedSession { kRefused, kLeftToWriter };

  // Nullopt: it was refused.
  template <class Request>
  static std::optional<CallScope> Accept(const UnaryCallPtr& call, const grpc::ByteBuffer& bytes,
                                         EndedSession ended, Request* request);

  template <class Request>
  static std::string_view TicketOf(const Request& request) {
    if constexpr (requires { request.ticket_id(); }) return request.ticket_id();
    return {};
  }

  template <class Request>
  static std::string_view RequestIdOf(const Request& request) {
    if constexpr (requires { request.request_id(); }) return request.request_id();
    return {};
  }

  static constexpr size_t kAnswerBlockBytes = 4096;

  // About what the request takes while it waits: small parts take more than their encoding.
  template <class Request>
  static size_t BytesOf(const Request& request) {
    size_t bytes = request.ByteSizeLong();
    if constexpr (requires { request.tickets_size(); }) {
      bytes += static_cast<size_t>(request.tickets_size()) *
               (sizeof(v1::NewTicket) + sizeof(v1::TicketSpec));
    }
    return bytes;
  }

  static core::CommandBody MakeBody(ServiceHost& host, v1::RegisterAgentRequest request) {
    return core::RegisterAgent{std::move(request), host.ids().NewUid()};
  }
  template <class Request>
  static core::CommandBody MakeBody(ServiceHost&, Request request) {
    return request;
  }

  template <class Request>
  static std::unique_ptr<core::Command> MakeCommand(ServiceHost& host, const CallScope& scope,
                                                    const std::string& method, Request request) {
    auto command = std::make_unique<core::Command>(core::Command{.caller = scope.MakeCaller()});
    command->request_id = request.request_id();
    command->client = scope.principal.client();
    command->request_bytes = BytesOf(request);
    if (!command->request_id.empty()) {
      command->fingerprint = core::RequestFingerprint(method, request);
    }
    command->body = MakeBody(host, std::move(request));
    return command;
  }

  using Answered =
      std::function<void(const UnaryCallPtr&, const CallScope&, const engine::Outcome&)>;
  static void Submit(const UnaryCallPtr& call, const CallScope& scope,
                     std::unique_ptr<core::Command> command, Answered answered);
  using WithView = std::function<void(engine::ViewPtr)>;
  static void PostRead(const UnaryCallPtr& call, engine::ViewPtr view, WithView read);
  // Calls `read` off the writer's thread once the revision is there.
  static void AwaitView(const UnaryCallPtr& call, const CallScope& scope, int64_t min_revision,
                        WithView read);
};

template <class Request>
std::optional<CallScope> TypedService::Accept(const UnaryCallPtr& call,
                                              const grpc::ByteBuffer& bytes, EndedSession ended,
                                              Request* request) {
  std::optional<CallScope> scope;
  const auto accept = [&]() -> absl::Status {
    COORDHUB_RETURN_IF_ERROR(ParseRequest(bytes, request));
    COORDHUB_RETURN_IF_ERROR(core::Validate(*request));
    if constexpr (requires { request->workspace_id(); }) {
      COORDHUB_ASSIGN_OR_RETURN(scope,
                                call->gate().Enter(call->principal(), request->workspace_id()));
    } else {
      scope = call->gate().EnterHub(call->principal());
    }
    call->set_subject(scope->workspace == nullptr ? std::string_view() : scope->workspace->id(),
                      RequestIdOf(*request));
    const absl::Status touched = TouchSession(*scope, TicketOf(*request));
    return ended == EndedSession::kRefused ? touched : absl::OkStatus();
  };
  const absl::Status status = accept();
  if (status.ok()) return scope;
  call->Refuse(status);
  return std::nullopt;
}

template <class Response>
auto TypedService::FromCommit(Response (*response_of)(core::CommitEvents events)) {
  return [response_of](const Committed& committed) -> absl::StatusOr<Response> {
    if (committed.outcome.events.empty()) return absl::InternalError("a commit without events");
    Response response = response_of(committed.outcome.events);
    CompleteResponse(committed.scope, *committed.view, &response);
    return response;
  };
}

template <class Request, class Answer, class Check>
void TypedService::BindMutation(const char* method, Answer answer, Check check) {
  const auto answered = [answer](const UnaryCallPtr& call, const CallScope& scope,
                                 const engine::Outcome& outcome) {
    auto answer_of = answer(Committed{call->host(), scope, outcome, ViewOf(outcome, scope)});
    if (!answer_of.ok()) return call->Refuse(answer_of.status());
    WithBody(scope, *std::move(answer_of), [call](const auto& response) {
      if (response.ok()) {
        call->Answer(*response);
      } else {
        call->Refuse(response.status());
      }
    });
  };
  const std::string name(method);
  BindUnary(
      method, [name, answered, check](const UnaryCallPtr& call, const grpc::ByteBuffer& bytes) {
        Request request;
        const std::optional<CallScope> scope =
            Accept(call, bytes, EndedSession::kLeftToWriter, &request);
        if (!scope.has_value()) return;
        if (const absl::Status checked = check(*scope, request); !checked.ok()) {
          return call->Refuse(checked);
        }
        Submit(call, *scope, MakeCommand(call->host(), *scope, name, std::move(request)), answered);
      });
}

template <class Request, class Response, class Answer>
MutationKinds::Run TypedService::StreamedMutation(
    const char* method, Request* (v1::TicketMutation::*request_of)(),
    Response* (v1::TicketMutationResult::*response_of)(), Answer answer) {
  return [name = std::string(method), request_of, response_of, answer](
             const Mutator& mutator, v1::TicketMutation* mutation, MutationDone done) {
    Request& request = *(mutation->*request_of)();
    const absl::Status valid = core::Validate(request);
    if (!valid.ok()) return done(valid);
    const absl::StatusOr<CallScope> entered =
        mutator.gate.Enter(mutator.principal, request.workspace_id());
    if (!entered.ok()) return done(entered.status());
    const CallScope& scope = *entered;
    (void)TouchSession(scope, "");  // whether it has ended is the writer's to say
    std::string ticket_id(TicketOf(request));
    auto command = MakeCommand(mutator.host, scope, name, std::move(request));
    scope.engine().Submit(
        std::move(command), mutator.deadline,
        [&host = mutator.host, scope, answer, response_of, ticket_id = std::move(ticket_id),
         done = std::move(done)](const absl::StatusOr<engine::Outcome>& outcome) {
          if (!outcome.ok()) return done(WithDetails(outcome.status(), scope, ticket_id));
          auto answered = answer(Committed{host, scope, *outcome, ViewOf(*outcome, scope)});
          if (!answered.ok()) return done(answered.status());
          WithBody(scope, *std::move(answered),
                   [done, response_of](absl::StatusOr<Response> response) {
                     if (!response.ok()) return done(response.status());
                     v1::TicketMutationResult result;
                     *(result.*response_of)() = *std::move(response);
                     done(std::move(result));
                   });
        });
  };
}

template <class Request, class Run>
void TypedService::BindViewed(const char* method, ReadCost cost, Run run) {
  BindUnary(method, [run, cost](const UnaryCallPtr& call, const grpc::ByteBuffer& bytes) {
    Request request;
    const std::optional<CallScope> accepted = Accept(call, bytes, EndedSession::kRefused, &request);
    if (!accepted.has_value()) return;
    const CallScope& scope = *accepted;
    int64_t min_revision = 0;
    if constexpr (requires { request.min_revision(); }) {
      min_revision = request.min_revision();
    }
    engine::ViewPtr view = scope.engine().view();
    const bool is_there = view->revision >= min_revision;
    if (is_there && cost == ReadCost::kLookup) {
      return run(call, scope, request, std::move(view));
    }
    auto read = [run, call, scope, request = std::move(request)](engine::ViewPtr reached) {
      run(call, scope, request, std::move(reached));
    };
    if (is_there) {
      PostRead(call, std::move(view), std::move(read));
    } else {
      AwaitView(call, scope, min_revision, std::move(read));
    }
  });
}

template <class Request, class Response>
void TypedService::BindRead(const char* method, ReadCost cost,
                            absl::Status (*fill)(const Reading& reading, const Request& request,
                                                 Response* response)) {
  BindViewed<Request>(method, cost,
                      [fill](const UnaryCallPtr& call, const CallScope& scope,
                             const Request& request, engine::ViewPtr view) {
                        // Most answers fit: their parts then cost no allocation.
                        alignas(8) char block[kAnswerBlockBytes];
                        google::protobuf::ArenaOptions options;
                        options.initial_block = block;
                        options.initial_block_size = sizeof(block);
                        google::protobuf::Arena arena(options);
                        auto* response = google::protobuf::Arena::CreateMessage<Response>(&arena);
                        const absl::Status status =
                            fill(Reading{call->host(), scope, std::move(view)}, request, response);
                        if (status.ok()) {
                          call->Answer(*response);
                        } else {
                          call->Refuse(status);
                        }
                      });
}

template <class Request>
void TypedService::BindTyped(const char* method,
                             void (*run)(const UnaryCallPtr& call, const CallScope& scope,
                                         const Request& request)) {
  BindUnary(method, [run](const UnaryCallPtr& call, const grpc::ByteBuffer& bytes) {
    Request request;
    const std::optional<CallScope> scope = Accept(call, bytes, EndedSession::kRefused, &request);
    if (scope.has_value()) run(call, *scope, request);
  });
}

}  // namespace coordhub::rpc
