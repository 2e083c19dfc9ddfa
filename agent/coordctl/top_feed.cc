#include "agent/coordctl/top_feed.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace coordhub::coordctl {
namespace {

constexpr absl::Duration kLeastPause = absl::Milliseconds(100);
constexpr int kPauseFactor = 10;
constexpr absl::Duration kBookmarks = absl::Seconds(5);

}  // namespace

TopFeed::TopFeed(const agent::Client& client, base::Clock* clock)
    : client_(client),
      clock_(*clock),
      changed_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      data_(std::make_shared<const TopData>()) {
  reader_ = std::thread([this] { Run(); });
  agent::WatchOptions options;
  options.start = agent::WatchOptions::Start::kNow;
  options.bookmark_interval = kBookmarks;
  watch_ =
      std::make_unique<agent::Watch>(client_, options, static_cast<agent::WatchHandler*>(this));
}

TopFeed::~TopFeed() {
  watch_->Stop();
  {
    base::MutexLock lock(&mu_);
    stopping_ = true;
  }
  wake_cv_.SignalAll();
  reader_.join();
}

std::shared_ptr<const TopData> TopFeed::data() const {
  base::MutexLock lock(&mu_);
  return data_;
}

void TopFeed::SetDetail(const TopScreen::Detail& detail) {
  {
    base::MutexLock lock(&mu_);
    if (detail_ == detail) return;
    detail_ = detail;
  }
  Wake();
}

void TopFeed::Wake() {
  {
    base::MutexLock lock(&mu_);
    news_ = true;
  }
  wake_cv_.SignalAll();
}

bool TopFeed::AwaitNews(base::MonoTime not_before) {
  base::MutexLock lock(&mu_);
  while (!stopping_) {
    const absl::Duration pause = not_before - clock_.Mono();
    if (pause > absl::ZeroDuration()) {
      wake_cv_.WaitWithTimeout(&mu_, pause);
    } else if (news_) {
      news_ = false;
      return true;
    } else {
      wake_cv_.Wait(&mu_);
    }
  }
  return false;
}

void TopFeed::Run() {
  base::MonoTime not_before = clock_.Mono();
  while (AwaitNews(not_before)) {
    TopScreen::Detail detail;
    {
      base::MutexLock lock(&mu_);
      detail = detail_;
    }
    const base::MonoTime start = clock_.Mono();
    std::shared_ptr<TopData> read = Read(detail);
    const base::MonoTime end = clock_.Mono();
    if (read->overview.has_value()) {
      Publish(std::shared_ptr<const TopData>(std::move(read)));
    } else {
      Publish(read->trouble);
    }
    not_before = end + std::max(kLeastPause, kPauseFactor * (end - start));
  }
}

std::shared_ptr<TopData> TopFeed::Read(const TopScreen::Detail& detail) const {
  auto data = std::make_shared<TopData>();
  auto overview = ReadOverview(client_, clock_);
  data->trouble = overview.status();
  if (!overview.ok()) return data;
  pb::ListTicketsRequest unfinished;
  for (const auto state : {pb::Ticket::STATE_OPEN, pb::Ticket::STATE_CLAIMED,
                           pb::Ticket::STATE_BLOCKED, pb::Ticket::STATE_BURIED}) {
    unfinished.add_states(state);
  }
  auto tickets = agent::ListAllTickets(client_, unfinished);
  data->trouble = tickets.status();
  if (!tickets.ok()) return data;
  data->tickets = std::move(tickets->tickets);
  if (!detail.ticket_id.empty()) {
    pb::GetTicketRequest request;
    request.set_ticket_id(detail.ticket_id);
    if (auto ticket = client_.GetTicket(request); ticket.ok()) data->ticket = *std::move(ticket);
  }
  if (!detail.agent_id.empty()) {
    pb::GetAgentRequest request;
    request.set_agent_id(detail.agent_id);
    if (auto agent = client_.GetAgent(request); agent.ok()) data->agent = *std::move(agent);
  }
  data->overview = *std::move(overview);
  return data;
}

void TopFeed::Publish(const absl::Status& trouble) {
  auto data = std::make_shared<TopData>(*this->data());
  data->trouble = trouble;
  Publish(std::shared_ptr<const TopData>(std::move(data)));
}

void TopFeed::Publish(std::shared_ptr<const TopData> data) {
  {
    base::MutexLock lock(&mu_);
    data_ = std::move(data);
  }
  const uint64_t one = 1;
  (void)!write(changed_fd_.get(), &one, sizeof(one));
}

}  // namespace coordhub::coordctl
