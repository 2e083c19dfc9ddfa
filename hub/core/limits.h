#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

// Every bound of the system in one place, with its unit. The protos state the same figures; a test
// compares behaviour with each at the limit and one beyond.
namespace coordhub::core::limits {

inline constexpr size_t kWorkspaceIdBytes = 128;
inline constexpr size_t kLoopIdBytes = 64;
inline constexpr size_t kRequestIdBytes = 64;
inline constexpr size_t kAgentIdBytes = 128;
inline constexpr int kAgentIdSegments = 4;
inline constexpr size_t kBranchBytes = 255;
inline constexpr size_t kPathBytes = 4096;
inline constexpr size_t kProgramBytes = 128;
inline constexpr int kLabels = 32;
inline constexpr size_t kLabelBytes = 64;
inline constexpr size_t kTitleBytes = 512;
inline constexpr size_t kTextBytes = 65536;
inline constexpr int kTicketPaths = 64;
inline constexpr size_t kTicketPathBytes = 512;
inline constexpr int kDependencies = 100;
// Chosen so that no command holds the writer for more than 10 ms; an event takes it 5 to 10 µs
// (bench_micro, BM_Held…). Unfinished tickets that depend on one: the commit that meets it moves
// all of them.
inline constexpr int64_t kDependents = 1'000;
// Tickets and edges that are looked at to prove that what a command links closes no cycle.
inline constexpr int64_t kCycleSteps = 10'000;
// Tickets in a tree that gets another parent: how deep it is must be found out.
inline constexpr int64_t kTreeMoved = 10'000;
// Of what keeps a ticket BLOCKED, in a response.
inline constexpr size_t kBlockersShown = 256;
inline constexpr int kPriorityMax = 4;
inline constexpr int kPriorityDefault = 2;
inline constexpr int kMaxAttemptsMax = 100;
inline constexpr int kMaxAttemptsDefault = 5;
inline constexpr size_t kReasonBytes = 4096;
inline constexpr size_t kNoteBytes = 512;
inline constexpr int kBatchTickets = 500;
// Labels, dependencies and paths of all tickets of a batch.
inline constexpr int kBatchEntries = 16'000;
inline constexpr size_t kLocalIdBytes = 64;
inline constexpr int kPageSizeDefault = 100;
inline constexpr int kPageSizeMax = 1000;
inline constexpr size_t kPageTokenBytes = 512;
inline constexpr size_t kLogIdBytes = 64;
inline constexpr int kStatesInFilter = 8;
inline constexpr int kFilterEntries = 64;
inline constexpr int kCommentPageDefault = 50;
inline constexpr int kCommentPageMax = 200;
inline constexpr int kCommentsPerTicket = 1000;
inline constexpr int kClaimsPerAgent = 256;
// A family is an agent that nobody registered below another, and all its live sub-agents: they end
// in one commit.
inline constexpr int kClaimsPerFamily = 1024;
inline constexpr int kSubAgentsPerFamily = 256;
// Agents and claims that one command of the hub's ends, when it ends all: it takes several.
inline constexpr int kEndedPerCommand = 1024;
// Agent records, ended ones included; the oldest ended one is forgotten beyond it.
inline constexpr int64_t kAgents = 10000;
inline constexpr int64_t kLiveAgents = 5000;
inline constexpr int64_t kTickets = 5'000'000;
// Tickets that one command archives.
inline constexpr int kArchivedPerCommand = 100;
// Finished tickets that stay in the state because others wait for them.
inline constexpr int kKeptForOthers = 10'000;
inline constexpr size_t kBranches = 10000;
// Branches that one command of the hub's changes.
inline constexpr size_t kBranchesPerCommand = 256;
// Operations that are under way, or wait for a thread.
inline constexpr int kRunningOperations = 64;
// Of those that ended, the newest; older ones are forgotten in the commit that ends another. More
// than may run, so that the highest number is always among the records.
inline constexpr int kEndedOperations = 1000;
// Conflicts that one command opens or clears, and branches that it says were compared.
inline constexpr size_t kConflictsPerCommand = 256;
// Conflicts that are known at once; beyond them, branches count as not compared.
inline constexpr size_t kConflicts = 20'000;
inline constexpr int kConflictPaths = 20;
// Rounds that are ACTIVE at once.
inline constexpr size_t kActiveRounds = 16;
// Chosen so that bringing a round up to date stays far below the 10 ms that a command may take.
inline constexpr int kRoundMembers = 256;
inline constexpr int kRoundTickets = 1000;
// Unfinished tickets that are looked through for those that a round waits for by their labels.
inline constexpr int64_t kLabelScan = 20'000;
inline constexpr int kRoundBlockers = 256;
// Of those that ended, the newest.
inline constexpr size_t kEndedRounds = 1000;
inline constexpr size_t kGates = 64;
inline constexpr size_t kGateIdBytes = 64;
inline constexpr int kGateArguments = 64;
inline constexpr size_t kGateArgumentBytes = 4096;
inline constexpr size_t kCommitterBytes = 256;
// Depth of parents.
inline constexpr int kParentDepth = 16;
// Requests that a client may have in flight, on a stream or in calls.
inline constexpr int kInFlight = 1024;
// Requests that are remembered of each client: twice what it may have in flight, so that one that
// lost its answer is still known when as many others went by meanwhile.
inline constexpr int kRememberedPerClient = 2 * kInFlight;
// All windows together, as tables::Requests counts bytes; beyond it those of clients that were
// silent longest go, but none within kRememberedFor of its client's last request.
inline constexpr int64_t kRememberedBytes = 128 << 20;
inline constexpr absl::Duration kRememberedFor = absl::Minutes(10);
// Bytes of a commit's events up to which they are kept in memory for its answer; larger ones are in
// the store.
inline constexpr size_t kAnswerBytes = 4096;
inline constexpr size_t kClientIdBytes = 64;

inline constexpr absl::Duration kTtlMin = absl::Seconds(5);
inline constexpr absl::Duration kTtlMax = absl::Hours(24);
inline constexpr absl::Duration kTtlDefault = absl::Seconds(60);
inline constexpr absl::Duration kClaimTimeoutMin = absl::Seconds(1);
inline constexpr absl::Duration kClaimTimeoutMax = absl::Hours(24 * 7);
inline constexpr absl::Duration kWaitMax = absl::Hours(1);
inline constexpr absl::Duration kRetryDelayMax = absl::Hours(24);
inline constexpr absl::Duration kBackoffFirst = absl::Seconds(1);
inline constexpr absl::Duration kBackoffMax = absl::Minutes(5);
inline constexpr absl::Duration kBookmarkMin = absl::Seconds(1);
inline constexpr absl::Duration kBookmarkMax = absl::Hours(1);
inline constexpr absl::Duration kBookmarkDefault = absl::Seconds(60);
inline constexpr absl::Duration kGateTimeoutMin = absl::Seconds(1);
inline constexpr absl::Duration kGateTimeoutMax = absl::Hours(24);
inline constexpr absl::Duration kGateTimeoutDefault = absl::Minutes(10);
inline constexpr absl::Duration kDropLostMax = absl::Hours(24 * 7);

}  // namespace coordhub::core::limits
