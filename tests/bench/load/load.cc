#include "tests/bench/load/load.h"

#include <cstdio>
#include <cstdlib>
#include <thread>
#include <utility>

#include "agent/client/channel_arguments.h"

namespace coordhub::bench {

void WaitUntilNs(int64_t ns) {
  base::Mutex mu;
  base::CondVar never;
  base::MutexLock lock(&mu);
  for (int64_t left = ns - NowNs(); left > 0; left = ns - NowNs()) {
    never.WaitWithTimeout(&mu, absl::Nanoseconds(left));
  }
}

std::vector<std::shared_ptr<grpc::Channel>> Connect(const std::string& target, int count,
                                                    bool as_agents) {
  // None is taken down while the process lives: the last callbacks of a load may still be on their
  // way out of gRPC 1.51. (An assertion of its reference counts was seen once; that this was why is
  // not proven.)
  static auto& kept = *new std::vector<std::shared_ptr<grpc::Channel>>;
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (int i = 0; i < count; ++i) {
    grpc::ChannelArguments args;
    if (as_agents) {
      args = agent::ChannelArgumentsFor(target, agent::ChannelUse::kWatches);
    } else {
      args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    }
    channels.push_back(grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), args));
    if (!channels.back()->WaitForConnected(std::chrono::system_clock::now() +
                                           std::chrono::seconds(10))) {
      std::fprintf(stderr, "nobody answers at %s\n", target.c_str());
      std::exit(1);
    }
  }
  kept.insert(kept.end(), channels.begin(), channels.end());
  return channels;
}

Load::Load(const LoadOptions& options, Operation operation)
    : options_(options),
      operation_(std::move(operation)),
      meters_(static_cast<size_t>(options.in_flight)) {}

void Load::BeginClosed(int slot) {
  if (stopping_) {
    base::MutexLock lock(&mu_);
    --running_;
    idle_.Signal();
    return;
  }
  const int64_t began = NowNs();
  operation_(slot, [this, slot, began](bool ok) {
    if (!ok) ++errors_;
    meters_[static_cast<size_t>(slot)].Count(began, NowNs());
    BeginClosed(slot);
  });
}

void Load::RunOpen() {
  const auto gap_ns = static_cast<int64_t>(1e9 / options_.rate);
  for (int64_t due = NowNs(); !stopping_; due += gap_ns) {
    WaitUntilNs(due);
    int slot = 0;
    {
      base::MutexLock lock(&mu_);
      // All busy: it begins late, and its latency says so.
      while (free_slots_.empty()) idle_.Wait(&mu_);
      slot = free_slots_.back();
      free_slots_.pop_back();
      ++running_;
    }
    operation_(slot, [this, slot, due](bool ok) {
      if (!ok) ++errors_;
      meters_[static_cast<size_t>(slot)].Count(due, NowNs());
      base::MutexLock lock(&mu_);
      free_slots_.push_back(slot);
      --running_;
      idle_.Signal();
    });
  }
}

void Load::AwaitIdle() {
  base::MutexLock lock(&mu_);
  while (running_ > 0) idle_.Wait(&mu_);
}

Summary Load::Run() {
  const auto window_ns = static_cast<int64_t>(options_.seconds * 1e9);
  const int64_t begin = NowNs() + static_cast<int64_t>(options_.warm_up_seconds * 1e9);
  for (Meter& meter : meters_) meter.SetWindow(begin, begin + window_ns);
  std::thread open;
  if (options_.rate > 0) {
    {
      base::MutexLock lock(&mu_);
      for (int slot = 0; slot < options_.in_flight; ++slot) free_slots_.push_back(slot);
    }
    open = std::thread([this] { RunOpen(); });
  } else {
    {
      base::MutexLock lock(&mu_);
      running_ = options_.in_flight;
    }
    for (int slot = 0; slot < options_.in_flight; ++slot) BeginClosed(slot);
  }
  WaitUntilNs(begin);
  if (on_window_) on_window_(true);
  WaitUntilNs(begin + window_ns);
  if (on_window_) on_window_(false);
  stopping_ = true;
  if (open.joinable()) open.join();
  AwaitIdle();
  return Summarize(meters_, window_ns);
}

}  // namespace coordhub::bench
