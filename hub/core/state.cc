#include "hub/core/state.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/base/mutant.h"
#include "hub/core/limits.h"
#include "hub/core/proto_time.h"

namespace coordhub::core {
namespace {

int RememberedMax() {
  // What a stream may have in flight is more than this.
  if (base::MutantActive("window_smaller_than_in_flight")) return limits::kInFlight / 4;
  return limits::kRememberedPerClient;
}

// Whether the event carries text, which is not to stay in memory.
bool CarriesText(const pb::Event& event) {
  return std::any_of(event.changes().begin(), event.changes().end(), [](const auto& change) {
    bool is_text = false;
    VisitRecord(change, [&]<class T>(Tag<T>, const auto&) { is_text = kIsStored<T>; });
    return is_text;
  });
}

// The record as the table keeps it: inside its event, by an aliasing pointer and without a copy,
// unless it would keep a text that is in the event, too.
template <class T>
RecordPtr<T> Keep(const std::shared_ptr<const pb::Event>& event, const typename T::Record& record) {
  if (CarriesText(*event)) return std::make_shared<const typename T::Record>(record);
  return RecordPtr<T>(event, &record);
}

}  // namespace

const pb::Agent* State::FindSession(std::string_view session_uid) const {
  const std::string* agent_id = agents_.OfSession(session_uid);
  return agent_id == nullptr ? nullptr : FindAgent(*agent_id);
}

const pb::Agent* State::OldestEndedAgent() const {
  const std::string* agent_id = agents_.OldestEnded();
  return agent_id == nullptr ? nullptr : FindAgent(*agent_id);
}

void State::DoesNotApply(const std::string& what) {
  std::fprintf(stderr, "FATAL: the journal cannot be applied: %s\n", what.c_str());
  std::abort();
}

void State::Evolve(const std::shared_ptr<const pb::Event>& event,
                   const jpb::CommitPrivate* private_bytes, const base::Now& now,
                   std::string_view event_bytes) {
  if (event->revision() != revision_ + 1) {
    DoesNotApply(absl::StrCat("event ", event->revision(), " after revision ", revision_));
  }
  revision_ = event->revision();
  last_event_time_ = FromProto(event->event_time());
  for (const pb::RecordChange& change : event->changes()) ApplyChange(event, change, now);
  if (private_bytes != nullptr) {
    if (private_bytes->has_import()) ApplyImport(private_bytes->import(), now);
    for (const std::string& window : private_bytes->forgotten_clients()) {
      ForgetWindows(window, /*prefix=*/false, now);
    }
    if (private_bytes->has_request()) BeginRequest(*event, private_bytes->request());
  }
  if (request_under_way_ != nullptr) ContinueRequest(*event, event_bytes, now);
}

void State::BeginRequest(const pb::Event& first, const jpb::RequestKey& key) {
  request_under_way_ = std::make_shared<jpb::RememberedRequest>();
  *request_under_way_->mutable_key() = key;
  request_under_way_->set_first_revision(first.revision());
  request_under_way_->set_commit_revision(first.commit_revision());
  answer_bytes_ = 0;
}

void State::ContinueRequest(const pb::Event& event, std::string_view event_bytes,
                            const base::Now& now) {
  jpb::RememberedRequest& request = *request_under_way_;
  if (!request.stored()) {
    std::string bytes = event_bytes.empty() ? event.SerializeAsString() : std::string(event_bytes);
    answer_bytes_ += bytes.size();
    if (answer_bytes_ <= limits::kAnswerBytes) {
      *request.add_events() = std::move(bytes);
    } else {
      request.clear_events();
      request.set_stored(true);
    }
  }
  if (event.revision() == request.commit_revision()) {
    Remember(std::exchange(request_under_way_, nullptr), now);
  }
}

void State::ApplyChange(const std::shared_ptr<const pb::Event>& event,
                        const pb::RecordChange& change, const base::Now& now) {
  bool applied = false;
  VisitRecord(change, [&]<class T>(Tag<T>, const typename T::Record& record) {
    if (kIsStored<T> && !change.erased()) {
      applied = true;
    } else if (!change.erased()) {
      Put<T>(T::KeyOf(record), Keep<T>(event, record), now);
      applied = true;
    } else if (T::kErasable) {
      if (!records_.of<T>().Contains(T::KeyOf(record))) {
        DoesNotApply(
            absl::StrCat("erases ", T::kName, " ", T::NameOf(record), ", which does not exist"));
      }
      Erase<T>(T::KeyOf(record), now);
      applied = true;
    }
  });
  if (applied) return;
  DoesNotApply(
      absl::StrCat("event ", event->revision(), " of kind ", pb::EventKind_Name(event->kind()),
                   " changes a record that this version does not know (field ",
                   static_cast<int>(change.record_case()), change.erased() ? ", erased)" : ")"));
}

template <class T>
void State::Put(typename T::Key key, RecordPtr<T> record, const base::Now& now) {
  if constexpr (std::is_same_v<T, tables::Tickets>) {
    if (key == 0) DoesNotApply(absl::StrCat("malformed ticket id ", record->ticket_id()));
    last_ticket_number_ = std::max(last_ticket_number_, key);
  }
  RecordPtr<T> before = records_.of<T>().Put(key, record);
  Changed<T>(key, std::move(before), std::move(record), now);
}

template <class T>
void State::Erase(const typename T::Key& key, const base::Now& now) {
  RecordPtr<T> before = records_.of<T>().Erase(key);
  if constexpr (std::is_same_v<T, tables::Tickets>) NoteArchived(*before, now);
  Changed<T>(key, std::move(before), nullptr, now);
  if constexpr (std::is_same_v<T, tables::Agents>) {
    ForgetWindows(tables::Requests::WindowOf(key, ""), /*prefix=*/true, now);
  }
}

template <class T>
void State::Changed(const typename T::Key& key, RecordPtr<T> before, RecordPtr<T> after,
                    const base::Now& now) {
  const auto tell = [&](auto& list) {
    if constexpr (requires { list.Change(Tag<T>(), key, before.get(), after); }) {
      list.Change(Tag<T>(), key, before.get(), after);
    }
  };
  tell(static_cast<TicketLists&>(records_));
  tell(static_cast<SessionLists&>(records_));
  tell(static_cast<ConflictLists&>(records_));
  tell(static_cast<RoundLists&>(records_));
  tell(static_cast<ArchiveTotals&>(records_));
  tell(static_cast<RequestTotals&>(records_));
  TellIndexes<T>(key, before, after, now);
  if (has_view_) undo_log_.push_back(Undo<T>{key, std::move(before), std::move(after)});
}

template <class T>
void State::TellIndexes(const typename T::Key& key, const RecordPtr<T>& before,
                        const RecordPtr<T>& after, const base::Now& now) {
  const auto tell = [&](auto& index) {
    if constexpr (requires { index.Change(Tag<T>(), key, before, after, now); }) {
      index.Change(Tag<T>(), key, before, after, now);
    } else if constexpr (requires { index.Change(Tag<T>(), key, before, after); }) {
      index.Change(Tag<T>(), key, before, after);
    } else if constexpr (requires { index.Change(Tag<T>(), key, before.get(), after.get()); }) {
      index.Change(Tag<T>(), key, before.get(), after.get());
    }
  };
  tell(dependents_);
  tell(claims_);
  tell(finished_);
  tell(agents_);
  tell(requests_);
  tell(ready_);
}

template <class T>
void State::UndoChange(const Undo<T>& undo, const base::Now& now) {
  const auto tell = [&](auto& index) {
    if constexpr (requires { index.Undo(Tag<T>(), undo.key, undo.before, now); }) {
      index.Undo(Tag<T>(), undo.key, undo.before, now);
    } else if constexpr (requires { index.Change(Tag<T>(), undo.key, undo.after, undo.before); }) {
      index.Change(Tag<T>(), undo.key, undo.after, undo.before);
    } else if constexpr (requires {
                           index.Change(Tag<T>(), undo.key, undo.after.get(), undo.before.get());
                         }) {
      index.Change(Tag<T>(), undo.key, undo.after.get(), undo.before.get());
    }
  };
  tell(dependents_);
  tell(claims_);
  tell(finished_);
  tell(agents_);
  tell(requests_);
  tell(ready_);
}

void State::NoteArchived(const pb::Ticket& ticket, const base::Now& now) {
  const int64_t number = TicketNumber(ticket.ticket_id());
  const int64_t block = tables::Archived::BlockOf(number);
  const jpb::ArchivedTickets* before = records_.Find<tables::Archived>(block);
  auto after = std::make_shared<jpb::ArchivedTickets>();
  if (before != nullptr) *after = *before;
  after->set_block(block);
  tables::Archived::Set(number, after->mutable_archived());
  if (ticket.state() == pb::Ticket::STATE_DONE && !base::MutantActive("archive_forgets_done")) {
    tables::Archived::Set(number, after->mutable_done());
  }
  if (ticket.has_integration()) tables::Archived::Set(number, after->mutable_integrated());
  Put<tables::Archived>(block, std::move(after), now);
}

void State::ApplyImport(const jpb::ImportStep& import, const base::Now& now) {
  const auto& marks = records_.of<tables::ImportMarks>();
  for (const std::string& file_id : import.forgotten_file_ids()) {
    if (marks.Contains(file_id)) Erase<tables::ImportMarks>(file_id, now);
  }
  Put<tables::ImportMarks>(import.mark().file_id(),
                           std::make_shared<const jpb::ImportMark>(import.mark()), now);
}

void State::Remember(const RecordPtr<tables::Requests>& request, const base::Now& now) {
  const jpb::RequestKey& name = request->key();
  if (FindRequest(name.actor(), name.client(), name.request_id()) != nullptr) {
    DoesNotApply(
        absl::StrCat("request ", name.request_id(), " of ", name.actor(), " happens twice"));
  }
  const tables::Requests::Key key = tables::Requests::KeyOf(*request);
  Put<tables::Requests>(key, request, now);
  // More than one only where an older version remembered more.
  while (requests_.CountOf(key.first) > RememberedMax()) {
    ForgetRequest(
        records_.of<tables::Requests>().LowerBound(std::pair(key.first, int64_t{0})).key(), now);
  }
}

void State::ForgetRequest(const tables::Requests::Key& key, const base::Now& now) {
  const tables::Requests::Key forgotten = key;  // what `key` points into goes
  const auto& requests = records_.of<tables::Requests>();
  if ((*requests.Find(forgotten))->stored()) forgotten_answers_.push_back(forgotten.second);
  Erase<tables::Requests>(forgotten, now);
}

void State::ForgetWindows(const std::string& name, bool prefix, const base::Now& now) {
  for (;;) {
    const auto first = records_.of<tables::Requests>().LowerBound(std::pair(name, int64_t{0}));
    if (!first.Valid() || !absl::StartsWith(first.key().first, name)) return;
    if (!prefix && first.key().first != name) return;
    ForgetRequest(first.key(), now);
  }
}

// ---- how a state comes back: from a snapshot, or to a view that it had ----

void State::LoadRecord(const std::shared_ptr<const jpb::SnapshotRecord>& record) {
  const bool unknown = AllTables::ForEach([&]<class T>(Tag<T>) {
    if (!T::IsIn(*record)) return true;
    // An older version's snapshots hold texts.
    if (kIsStored<T>) return false;
    const typename T::Record& loaded = T::In(*record);
    records_.of<T>().Put(T::KeyOf(loaded), RecordPtr<T>(record, &loaded));
    return false;
  });
  if (unknown) DoesNotApply("a snapshot holds a record that this version does not know");
}

void State::FinishLoad(const jpb::SnapshotHeader& header, const base::Now& now) {
  revision_ = header.revision();
  last_ticket_number_ = header.last_ticket_number();
  last_event_time_ = FromProto(header.last_event_time());
  // Indexes are built once everything is there, in key order.
  AllTables::ForEach([&]<class T>(Tag<T>) {
    return records_.of<T>().ForEach([&](const typename T::Key& key, const RecordPtr<T>& record) {
      Changed<T>(key, nullptr, record, now);
      return true;
    });
  });
}

std::shared_ptr<const View> State::MakeView() {
  has_view_ = true;
  undo_log_.clear();
  forgotten_answers_.clear();
  ready_.Note();
  auto view = std::make_shared<View>();
  view->records = records_.Snapshot();
  view->revision = revision_;
  view->last_ticket_number = last_ticket_number_;
  view->last_event_time = last_event_time_;
  return view;
}

void State::RollBack(const View& to, const base::Now& now) {
  for (auto undo = undo_log_.rbegin(); undo != undo_log_.rend(); ++undo) {
    std::visit([&]<class T>(const Undo<T>& change) { UndoChange<T>(change, now); }, *undo);
  }
  undo_log_.clear();
  ready_.Note();
  request_under_way_ = nullptr;
  forgotten_answers_.clear();
  // The lists that are derived from records go back with them.
  records_ = to.records;
  revision_ = to.revision;
  last_ticket_number_ = to.last_ticket_number;
  last_event_time_ = to.last_event_time;
}

}  // namespace coordhub::core
