// Keeps what `coordctl top` shows up to date.

#pragma once

#include <memory>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "agent/base/mutex.h"
#include "agent/base/unique_fd.h"
#include "agent/client/watch.h"
#include "agent/coordctl/top_screen.h"

namespace coordhub::coordctl {

// A watch of the log says when there is something new; a thread of its own then reads it, so that
// nobody who looks at the screen waits for the hub. Many events in a row are one reading, and a
// reading that takes long is followed by a pause ten times as long at least: the feed costs the hub
// little however much happens. What no event tells (when an agent was heard, a loop's steps) comes
// with the watch's bookmarks, every few seconds. While the hub is away, the last that was read
// stays, with the reason.
class TopFeed final : private agent::WatchHandler {
 public:
  // Begins at once. `clock` is not owned.
  TopFeed(const agent::Client& client, base::Clock* clock);
  // Stops; waits for a call that is under way, which the client's shutdown ends.
  ~TopFeed() override;
  TopFeed(const TopFeed&) = delete;
  TopFeed& operator=(const TopFeed&) = delete;

  // The newest. Thread-safe; never null.
  std::shared_ptr<const TopData> data() const;
  // Of whom the details are read with everything else from now on. Thread-safe.
  void SetDetail(const TopScreen::Detail& detail);
  // Becomes readable (an eventfd) when there is newer data.
  int fd() const { return changed_fd_.get(); }

 private:
  void OnEvent(const pb::Event&) override { Wake(); }
  void OnBookmark(const agent::WatchPosition&) override { Wake(); }
  void OnReset(agent::WatchReset, const absl::Status&) override { Wake(); }
  void OnConnected(const pb::WatchOpened&) override { Wake(); }
  void OnDisconnected(const absl::Status& why) override { Publish(why); }
  void OnEnd(const absl::Status& why) override { Publish(why); }

  void Wake();
  void Run();
  // Waits until something is new, and the pause is over. False: stopped.
  bool AwaitNews(base::MonoTime not_before);
  std::shared_ptr<TopData> Read(const TopScreen::Detail& detail) const;
  // The last data, with a trouble.
  void Publish(const absl::Status& trouble);
  void Publish(std::shared_ptr<const TopData> data);

  const agent::Client client_;
  base::Clock& clock_;
  base::UniqueFd changed_fd_;
  mutable base::Mutex mu_;  // a leaf
  base::CondVar wake_cv_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  bool news_ ABSL_GUARDED_BY(mu_) = true;
  TopScreen::Detail detail_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<const TopData> data_ ABSL_GUARDED_BY(mu_);
  std::thread reader_;
  std::unique_ptr<agent::Watch> watch_;  // the last: its callbacks use all of the above
};

}  // namespace coordhub::coordctl
