// Every record type goes through everything that follows from its table: events, digest, snapshots,
// roll-back, filters. A new table is tested here without a line.

#include "hub/core/tables.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/reflection.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "hub/core/filter.h"
#include "hub/core/invariants.h"
#include "tests/core/recorded_state.h"
#include "tests/core/sample_state.h"

namespace coordhub::core {
namespace {

using testing::IsEmpty;

// Sets every field of `message` to something that differs with `salt`, but leaves enums as they
// are.
void Fill(const std::string& salt, google::protobuf::Message* message) {
  const auto* reflection = message->GetReflection();
  for (int i = 0; i < message->GetDescriptor()->field_count(); ++i) {
    const auto* field = message->GetDescriptor()->field(i);
    if (field->is_repeated()) continue;
    if (field->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_STRING) {
      reflection->SetString(message, field, salt + "-" + field->name());
    } else if (field->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_INT32) {
      reflection->SetInt32(message, field, static_cast<int32_t>(salt.size()) + i);
    }
  }
}

// A record of the table that the sample state does not hold.
template <class T>
typename T::Record Sample(const std::string& salt) {
  typename T::Record record;
  if constexpr (std::is_same_v<T, tables::Tickets>) {
    record.set_ticket_id("T-" + std::to_string(1000 + salt.size()));
    record.set_state(pb::Ticket::STATE_OPEN);
  } else if constexpr (std::is_same_v<T, tables::Agents>) {
    record.set_agent_id(salt);
    record.set_session_uid(salt + "-uid");
    record.set_state(pb::Agent::STATE_ACTIVE);
  } else if constexpr (std::is_same_v<T, tables::Bodies> || std::is_same_v<T, tables::Comments>) {
    record.set_ticket_id("T-" + std::to_string(1000 + salt.size()));
    record.set_text(salt);
  } else if constexpr (std::is_same_v<T, tables::Operations>) {
    record.set_operation_id("O-" + std::to_string(1000 + salt.size()));
    record.set_actor(salt);
  } else if constexpr (std::is_same_v<T, tables::Rounds>) {
    record.set_round_id("C-" + std::to_string(1000 + salt.size()));
    record.set_target(salt);
  } else {
    Fill(salt, &record);
  }
  return record;
}

// Calls `fn(Tag<T>())` for each public table of the state, named in failures.
template <class Fn>
void ForEachPublicTable(Fn&& fn) {
  AllTables::ForEach([&]<class T>(Tag<T> tag) {
    SCOPED_TRACE(T::kName);
    if constexpr (T::kPublic && !kIsStored<T>) fn(tag);
    return true;
  });
}

TEST(Tables, EveryRecordOfTheContractHasATable) {
  const auto* oneof = pb::RecordChange::descriptor()->FindOneofByName("record");
  int known = 0;
  AllTables::ForEach([&]<class T>(Tag<T>) {
    if constexpr (T::kPublic) {
      EXPECT_EQ(
          oneof->containing_type()->FindFieldByNumber(static_cast<int>(T::kCase))->message_type(),
          T::Record::descriptor());
      ++known;
    }
    return true;
  });
  EXPECT_EQ(known, oneof->field_count());
}

TEST(Tables, ARecordIsInTheStateTheDigestAndTheSnapshot) {
  ForEachPublicTable([]<class T>(Tag<T>) {
    RecordedState recorded;
    Populate(recorded);
    const std::string before = recorded.CurrentDigest();
    const typename T::Record record = Sample<T>("one");
    recorded.Put(pb::EVENT_KIND_UNSPECIFIED, record);
    EXPECT_NE(recorded.state.records().template Find<T>(T::KeyOf(record)), nullptr);
    const std::string with = recorded.CurrentDigest();
    EXPECT_NE(with, before);
    EXPECT_EQ(Digest(*recorded.Replay()->MakeView()), with);
    EXPECT_EQ(Digest(*recorded.Reload(*recorded.state.MakeView())->MakeView()), with);
  });
}

TEST(Tables, TextIsInTheStoreAndInNoMemory) {
  RecordedState recorded;
  Populate(recorded);
  const auto is_kept = [](const RecordedState& state) {
    const std::weak_ptr<const pb::Event> event = state.log.back().event;
    return event.use_count() > 1;
  };
  EXPECT_FALSE(is_kept(recorded)) << "the event with a body and a comment";
  recorded.ChangeTicket(5, pb::EVENT_KIND_TICKET_UPDATED, [](pb::Ticket&) {});
  EXPECT_TRUE(is_kept(recorded)) << "an event without";
  ForEachSnapshotRecord(*recorded.state.MakeView(), [](const jpb::SnapshotRecord& record) {
    EXPECT_FALSE(record.record().has_ticket_body() || record.record().has_comment());
    return true;
  });

  // Those of older versions hold it; it is passed over.
  State loaded;
  auto old = std::make_shared<jpb::SnapshotRecord>();
  old->mutable_record()->mutable_ticket_body()->set_ticket_id("T-5");
  old->mutable_record()->mutable_ticket_body()->set_text("all about it");
  loaded.LoadRecord(old);
  EXPECT_EQ(loaded.records().of<tables::Bodies>().size(), 0u);

  Draft draft(recorded.state, "alice", recorded.now);
  pb::TicketBody body = old->record().ticket_body();
  draft.PutStored(draft.Add(pb::EVENT_KIND_TICKET_UPDATED), body, /*bytes_before=*/20);
  EXPECT_EQ(draft.text_bytes(), 12 - 20);
  body.clear_text();
  draft.PutStored(draft.Add(pb::EVENT_KIND_TICKET_UPDATED), body, /*bytes_before=*/12);
  EXPECT_EQ(draft.text_bytes(), 0 - 20);
  const std::vector<StoreRow> rows = draft.TakeStore();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].key, std::vector<int64_t>{5});
  EXPECT_EQ(rows[0].revision, recorded.state.revision() + 1);
  pb::TicketBody kept;
  ASSERT_TRUE(kept.ParseFromString(rows[0].value));
  EXPECT_EQ(kept.text(), "all about it");
  EXPECT_EQ(rows[1].revision, recorded.state.revision() + 2);
  ASSERT_TRUE(kept.ParseFromString(rows[1].value));
  EXPECT_EQ(kept.text(), "");
}

TEST(Tables, AChangeIsRolledBack) {
  ForEachPublicTable([]<class T>(Tag<T>) {
    RecordedState recorded;
    Populate(recorded);
    recorded.Put(pb::EVENT_KIND_UNSPECIFIED, Sample<T>("kept"));
    const auto view = recorded.state.MakeView();
    const std::string before = Digest(*view);
    recorded.Put(pb::EVENT_KIND_UNSPECIFIED, Sample<T>("another"));
    typename T::Record changed = Sample<T>("kept");
    recorded.Put(pb::EVENT_KIND_UNSPECIFIED, changed);
    EXPECT_NE(recorded.state.revision(), view->revision);
    recorded.state.RollBack(*view, recorded.now);
    EXPECT_EQ(Digest(*recorded.state.MakeView()), before);
    EXPECT_EQ(recorded.state.records().template Find<T>(T::KeyOf(Sample<T>("another"))), nullptr);
  });
}

TEST(Tables, AnErasedRecordIsGoneAndToldByItsIdAlone) {
  ForEachPublicTable([]<class T>(Tag<T>) {
    if constexpr (T::kErasable) {
      RecordedState recorded;
      Populate(recorded);
      const std::string before = recorded.CurrentDigest();
      const typename T::Record record = Sample<T>("one");
      recorded.Put(pb::EVENT_KIND_UNSPECIFIED, record);
      Draft draft(recorded.state, "operator", recorded.now);
      draft.Erase<T>(draft.Add(pb::EVENT_KIND_UNSPECIFIED), T::KeyOf(record));
      const auto events = std::move(draft).Finish();
      const typename T::Record& told = T::In(events[0]->changes(0));
      EXPECT_EQ(T::KeyOf(told), T::KeyOf(record));
      typename T::Record only_id;
      T::CopyId(record, &only_id);
      EXPECT_EQ(told.SerializeAsString(), only_id.SerializeAsString());
      recorded.Commit(events);
      EXPECT_EQ(recorded.state.records().template Find<T>(T::KeyOf(record)), nullptr);
      EXPECT_EQ(recorded.state.records().template of<T>().size(),
                recorded.Replay()->records().template of<T>().size());
    }
  });
}

TEST(Tables, FiltersSeeARecordAsItWasAndAsItIs) {
  ForEachPublicTable([]<class T>(Tag<T>) {
    const typename T::Record record = Sample<T>("one");
    const FacetView view = T::FacetsOf(record);
    pb::EventFilter wanted;
    if (view.agent_id != nullptr) wanted.add_agent_ids(*view.agent_id);
    if (view.holder != nullptr && !view.holder->empty()) wanted.add_agent_ids(*view.holder);
    if (wanted.agent_ids().empty() && view.ticket_id != nullptr)
      wanted.add_ticket_ids(*view.ticket_id);
    RecordedState recorded;
    recorded.Put(pb::EVENT_KIND_UNSPECIFIED, record);
    const pb::Event& event = *recorded.log.back().event;
    if (wanted.ByteSizeLong() > 0) {
      EXPECT_TRUE(Filter(wanted).Admits(event));
      EXPECT_TRUE(Filter(wanted).AdmitsRecord<T>(T::In(event.changes(0))));
    }
    pb::EventFilter other;
    other.add_agent_ids("somebody else");
    EXPECT_FALSE(Filter(other).Admits(event));
    EXPECT_FALSE(Filter(other).AdmitsRecord(event.changes(0)));
  });
}

}  // namespace
}  // namespace coordhub::core
