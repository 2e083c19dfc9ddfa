#include "agent/coordctl/commands/watch_printer.h"

#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/coordctl/json_output.h"
#include "agent/coordctl/views.h"

namespace coordhub::coordctl {
namespace {

std::string NameOf(agent::WatchReset reset) {
  switch (reset) {
    case agent::WatchReset::kCompacted:
      return "COMPACTED";
    case agent::WatchReset::kLogReplaced:
      return "LOG_REPLACED";
    case agent::WatchReset::kSnapshotBroken:
      return "SNAPSHOT_BROKEN";
  }
  return "";
}

}  // namespace

void WatchPrinter::OnEvent(const pb::Event& event) {
  // The watch hears of its end only after what it has at hand.
  if (options_.count > 0 && printed_ >= options_.count) return;
  if (context_.json()) {
    Line("event", ToJson(event, false));
  } else {
    context_.out() << EventLine(context_, event) << std::flush;
  }
  if (++printed_ != options_.count) return;
  std::function<void()> callback;
  {
    base::MutexLock lock(&mu_);
    finished_ = true;
    callback = std::move(on_finished_);
  }
  if (callback) callback();
}

void WatchPrinter::OnSnapshot(const pb::SnapshotChunk& chunk) {
  for (const pb::RecordChange& record : chunk.records()) {
    if (context_.json()) {
      Line("snapshot", ToJson(record, false));
    } else {
      context_.out() << RecordLine(context_, chunk.revision(), record);
    }
  }
  context_.out() << std::flush;
  // For programs, the end of a snapshot is a place like any other.
  if (chunk.complete() && context_.json()) PrintBookmark({log_id_, chunk.revision()});
}

void WatchPrinter::OnBookmark(const agent::WatchPosition& position) {
  if (options_.bookmarks) PrintBookmark(position);
}

void WatchPrinter::PrintBookmark(const agent::WatchPosition& position) {
  if (context_.json()) {
    // Numbers of 64 bits are strings in protobuf's JSON.
    Line("bookmark", absl::StrCat(R"({"logId":")", position.log_id, R"(","revision":")",
                                  position.revision, R"("})"));
  } else {
    context_.out() << position.revision << (context_.terminal() ? "  bookmark" : "\t\tbookmark")
                   << std::endl;
  }
}

void WatchPrinter::OnReset(agent::WatchReset reset, const absl::Status& why) {
  const std::string message(why.message());
  if (context_.json()) {
    const nlohmann::ordered_json object = {{"reason", NameOf(reset)}, {"message", message}};
    Line("reset", DumpJson(object, /*pretty=*/false));
  } else {
    Note(absl::StrCat(NameOf(reset), ": ", message));
  }
}

void WatchPrinter::OnCompacted(int64_t revision) {
  if (context_.json()) {
    Line("compacted", absl::StrCat(R"({"revision":")", revision, R"("})"));
  } else {
    Note(absl::StrCat("events up to revision ", revision,
                      " were compacted away; --snapshot begins with what they led to\n"));
  }
}

void WatchPrinter::OnConnected(const pb::WatchOpened& opened) {
  const bool at_first = std::exchange(log_id_, opened.log_id()).empty();
  if (context_.json()) Line("opened", ToJson(opened, false));
  if (at_first && options_.from_first && opened.start_revision() > 0) {
    OnCompacted(opened.start_revision());
  }
  if (std::exchange(disconnected_, false) && context_.host().err_is_terminal) {
    Note(absl::StrCat("the hub is back; going on after revision ", opened.start_revision()));
  }
}

void WatchPrinter::OnDisconnected(const absl::Status& why) {
  if (std::exchange(disconnected_, true) || !context_.host().err_is_terminal) return;
  Note(absl::StrCat("waiting for the hub: ", why.message()));
}

void WatchPrinter::set_on_finished(std::function<void()> callback) {
  {
    base::MutexLock lock(&mu_);
    if (!finished_) {
      on_finished_ = std::move(callback);
      return;
    }
  }
  callback();
}

bool WatchPrinter::finished() {
  base::MutexLock lock(&mu_);
  return finished_;
}

void WatchPrinter::Line(const std::string& member, const std::string& json) {
  context_.out() << "{\"" << member << "\":" << json << "}" << std::endl;
}

void WatchPrinter::Note(const std::string& text) {
  context_.err() << "coordctl: " << SafeBlock(text, "") << std::flush;
}

}  // namespace coordhub::coordctl
