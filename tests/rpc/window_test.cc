// Each client has a window of remembered requests of its own: what it may have in flight is never
// outrun, by itself or by anybody else.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "hub/core/limits.h"
#include "tests/rpc/services_fixture.h"

namespace coordhub::rpc {
namespace {

// What a stream takes without an answer.
constexpr int kInFlight = core::limits::kInFlight;

pb::CreateTicketRequest Creation(const std::string& request_id) {
  pb::CreateTicketRequest request;
  request.set_request_id(request_id);
  request.mutable_spec()->set_title(request_id);
  return request;
}

class WindowTest : public ServicesTest {
 protected:
  Client ClientNamed(const std::string& id) {
    Client client = hub_.OnSocket();
    client.set_client_id(id);
    return client;
  }

  // Sends one mutation for each id over one stream, and reads `answers` results before the
  // connection is cut (all of them: it ends in good order). Returns the revisions that were
  // answered.
  static std::vector<int64_t> Mutate(const Client& client, const std::vector<std::string>& ids,
                                     size_t answers) {
    const auto context = client.Context();
    pb::TicketService::Stub stub(client.channel());
    const auto stream = stub.MutateTickets(context.get());
    std::vector<int64_t> revisions;
    // Reads until so many results are there, but no more than are wanted.
    const auto read = [&](size_t count) {
      pb::MutateTicketsResponse response;
      while (revisions.size() < std::min(count, answers) && stream->Read(&response)) {
        for (const pb::TicketMutationResult& result : response.results()) {
          EXPECT_TRUE(result.has_create_ticket()) << result.error().message();
          revisions.push_back(result.create_ticket().revision());
        }
      }
    };
    for (size_t i = 0; i < ids.size();) {
      pb::MutateTicketsRequest request;
      for (; i < ids.size() && request.mutations_size() < 256; ++i) {
        *request.add_mutations()->mutable_create_ticket() = Creation(ids[i]);
      }
      if (!stream->Write(request)) break;
      // The hub reads no further while too much is unread here.
      if (i > kInFlight / 2) read(i - kInFlight / 2);
    }
    read(ids.size());
    if (revisions.size() < ids.size()) {
      context->TryCancel();
    } else {
      stream->WritesDone();
    }
    pb::MutateTicketsResponse rest;
    while (stream->Read(&rest)) {
    }
    (void)stream->Finish();
    return revisions;
  }

  static std::vector<std::string> Ids(const std::string& prefix, int count) {
    std::vector<std::string> ids;
    for (int i = 0; i < count; ++i) ids.push_back(absl::StrCat(prefix, i));
    return ids;
  }

  // Titles, which are the request ids, of all tickets; each once.
  std::multiset<std::string> Titles() {
    std::multiset<std::string> titles;
    const auto view = hub_.workspace().view();
    for (auto at = view->records.of<core::tables::Tickets>().Begin(); at.Valid(); at.Next()) {
      titles.insert(at->title());
    }
    return titles;
  }
};

TEST_F(WindowTest, AllThatWasInFlightIsRepeatedWithTheEffectOfOne) {
  const Client client = ClientNamed("mine");
  const std::vector<std::string> ids = Ids("m-", kInFlight);
  EXPECT_EQ(Mutate(client, ids, 0).size(), 0u);  // cut before an answer was read
  const std::vector<int64_t> first = Mutate(client, ids, ids.size());
  const std::vector<int64_t> second = Mutate(client, ids, ids.size());
  EXPECT_EQ(first, second);
  EXPECT_EQ(Titles().size(), ids.size());
}

TEST_F(WindowTest, NobodyElsesTrafficShortensIt) {
  const Client mine = ClientNamed("mine");
  const auto first = Ok(mine, &Tickets::CreateTicket, Creation("once"));
  const std::vector<std::string> foreign = Ids("f-", 3 * core::limits::kRememberedPerClient);
  // Another client of the operator's, and callers that name none.
  EXPECT_EQ(Mutate(ClientNamed("another"), foreign, foreign.size()).size(), foreign.size());
  EXPECT_EQ(Mutate(hub_.OnSocket(), foreign, foreign.size()).size(), foreign.size());
  const auto again = Ok(mine, &Tickets::CreateTicket, Creation("once"));
  EXPECT_EQ(first.SerializeAsString(), again.SerializeAsString());
}

TEST_F(WindowTest, OfTwoClientsNeitherHasTheOthersIds) {
  EXPECT_EQ(Ok(ClientNamed("a"), &Tickets::CreateTicket, Creation("id")).ticket().ticket_id(),
            "T-1");
  EXPECT_EQ(Ok(ClientNamed("b"), &Tickets::CreateTicket, Creation("id")).ticket().ticket_id(),
            "T-2");
  EXPECT_EQ(Ok(operator_, &Tickets::CreateTicket, Creation("id")).ticket().ticket_id(), "T-3");
}

TEST_F(WindowTest, ANameThatIsNoneIsRefused) {
  for (const char* name : {"white space", "a/b"}) {
    pb::CreateTicketResponse response;
    const grpc::Status status =
        ClientNamed(name).Call(&Tickets::CreateTicket, Creation("id"), &response);
    EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_INVALID_FIELD) << name;
    EXPECT_EQ(MetadataOf(status, "field"), "coordhub-client") << name;
  }
  EXPECT_TRUE(Titles().empty());
}

TEST_F(WindowTest, AnAnswerTooLargeForMemoryIsGivenAgainWhole) {
  pb::BatchCreateTicketsRequest request;
  request.set_request_id("many");
  for (int i = 0; i < 500; ++i) {
    request.add_tickets()->mutable_spec()->set_title(absl::StrCat("ticket ", i));
  }
  const Client client = ClientNamed("mine");
  const auto first = Ok(client, &Tickets::BatchCreateTickets, request);
  const auto second = Ok(client, &Tickets::BatchCreateTickets, request);
  EXPECT_EQ(first.SerializeAsString(), second.SerializeAsString());
  EXPECT_EQ(Titles().size(), 500u);
}

TEST_F(WindowTest, ARequestThatMeansTheSameIsTheSame) {
  pb::CreateTicketRequest request = Creation("once");
  const auto first = Ok(operator_, &Tickets::CreateTicket, request);
  request.set_workspace_id("main");
  request.mutable_spec()->set_priority(core::limits::kPriorityDefault);
  request.mutable_spec()->set_max_attempts(core::limits::kMaxAttemptsDefault);
  const auto second = Ok(operator_, &Tickets::CreateTicket, request);
  EXPECT_EQ(first.SerializeAsString(), second.SerializeAsString());

  pb::ClaimNextTicketRequest next;
  next.set_request_id("next");
  next.mutable_wait()->set_seconds(60);
  const auto claimed = Ok(agent_, &Tickets::ClaimNextTicket, next);
  next.mutable_wait()->set_seconds(59);  // what remains when the answer was lost
  EXPECT_EQ(Ok(agent_, &Tickets::ClaimNextTicket, next).ticket().SerializeAsString(),
            claimed.ticket().SerializeAsString());
}

// A client that cuts its connection at random points until all of its mutations were answered,
// beside two that flood. COORDHUB_SEEDS: how many histories.
TEST_F(WindowTest, RandomCutsDoubleNothingAndLoseNothing) {
  int seeds = 3;
  if (const char* wanted = std::getenv("COORDHUB_SEEDS")) {
    ASSERT_TRUE(absl::SimpleAtoi(wanted, &seeds));
  }
  for (int seed = 1; seed <= seeds; ++seed) {
    // Those before have been silent long enough, should all windows together become too large.
    hub_.Age(core::limits::kRememberedFor + absl::Minutes(1));
    std::mt19937 dice(static_cast<unsigned>(seed));
    const auto roll = [&dice](int below) {
      return static_cast<int>(dice() % static_cast<unsigned>(below));
    };
    const Client client = ClientNamed(absl::StrCat("client-", seed));
    std::vector<std::thread> flooding;
    for (int i = 0; i < 2; ++i) {
      flooding.emplace_back([this, seed, i] {
        const std::vector<std::string> ids = Ids(absl::StrCat("flood-", seed, "-", i, "-"), 3000);
        EXPECT_EQ(Mutate(ClientNamed(absl::StrCat("flood-", seed, "-", i)), ids, ids.size()).size(),
                  ids.size());
      });
    }
    const std::vector<std::string> ids = Ids(absl::StrCat("cut-", seed, "-"), 1 + roll(kInFlight));
    for (bool answered = false; !answered;) {
      const size_t answers =
          roll(3) == 0 ? ids.size() : static_cast<size_t>(roll(static_cast<int>(ids.size())));
      answered = Mutate(client, ids, answers).size() == ids.size();
    }
    for (std::thread& thread : flooding) thread.join();
    const std::multiset<std::string> titles = Titles();
    for (const std::string& id : ids) {
      ASSERT_EQ(titles.count(id), 1u) << id << " seed " << seed;
    }
  }
}

}  // namespace
}  // namespace coordhub::rpc
