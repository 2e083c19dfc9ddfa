// From "this field is a line of at most 128 bytes" to the values that show it: at the limit, one
// beyond, empty, negative, wrong characters, no UTF-8. Fields are reached by reflection, so that a
// test can also tell which fields of a request nobody has stated a limit for.

#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/message.h"
#include "google/protobuf/timestamp.pb.h"
#include "hub/core/proto_time.h"

namespace coordhub::core {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// A field of a message, found by a path of names; of a repeated message the first element.
struct FieldRef {
  Message* owner;
  const FieldDescriptor* field;
  std::string path;  // as errors call it: "tickets[0].spec.title"

  static FieldRef Find(Message* message, const std::string& path) {
    FieldRef ref{message, nullptr, ""};
    const std::vector<std::string> names = absl::StrSplit(path, '.');
    for (const std::string& name : names) {
      if (ref.field != nullptr) ref.Descend();
      ref.field = ref.owner->GetDescriptor()->FindFieldByName(name);
      if (ref.field == nullptr) return ref;
      absl::StrAppend(&ref.path, ref.path.empty() ? "" : ".", name);
    }
    return ref;
  }

  const google::protobuf::Reflection& reflection() const { return *owner->GetReflection(); }
  Message* Submessage() const { return reflection().MutableMessage(owner, field); }

  void SetString(const std::string& value) const { reflection().SetString(owner, field, value); }
  void SetStrings(const std::string& value, int count) const {
    reflection().ClearField(owner, field);
    for (int i = 0; i < count; ++i) reflection().AddString(owner, field, value);
  }
  void SetEnums(int value, int count) const {
    reflection().ClearField(owner, field);
    for (int i = 0; i < count; ++i) reflection().AddEnumValue(owner, field, value);
  }
  void SetNumber(int64_t value) const {
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return reflection().SetInt32(owner, field, static_cast<int32_t>(value));
      case FieldDescriptor::CPPTYPE_ENUM:
        return reflection().SetEnumValue(owner, field, static_cast<int>(value));
      default:
        return reflection().SetInt64(owner, field, value);
    }
  }

 private:
  void Descend() {
    if (!field->is_repeated()) {
      owner = Submessage();
      return;
    }
    if (reflection().FieldSize(*owner, field) == 0) reflection().AddMessage(owner, field);
    owner = reflection().MutableRepeatedMessage(owner, field, 0);
    absl::StrAppend(&path, "[0]");
  }
};

// Every field of a message that is not a message of ours itself, as paths.
inline void CollectFields(const Descriptor& type, const std::string& prefix,
                          std::set<std::string>* paths) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    const std::string path = prefix + field.name();
    const Descriptor* part = field.message_type();
    if (part != nullptr && part->file()->package() == "coordhub.v1") {
      CollectFields(*part, path + ".", paths);
    } else {
      paths->insert(path);
    }
  }
}

// One value of one field.
struct FieldValue {
  std::string name;
  std::function<void(const FieldRef&)> set;
  bool ok = false;
  // Follows the field's path in the error: "[0]".
  std::string element;
  // The metadata `limit`; empty: not looked at.
  std::string limit;
};

using FieldValues = std::vector<FieldValue>;

enum class Need { kOptional, kRequired };

inline constexpr char kBidi[] = "a\xe2\x80\xae b";  // right-to-left override
inline constexpr char kNoUtf8[] = "a\xff";
inline constexpr char kOverlong[] = "a\xc0\xaf";  // a slash in two bytes
inline constexpr char kSurrogate[] = "a\xed\xa0\x80";
inline constexpr char kUmlaut[] = "\xc3\xbc";  // two bytes

inline FieldValue Text(const std::string& name, const std::string& value, bool ok,
                       const std::string& limit = "") {
  return {.name = name,
          .set = [value](const FieldRef& ref) { ref.SetString(value); },
          .ok = ok,
          .limit = limit};
}

inline FieldValue Number(const std::string& name, int64_t value, bool ok,
                         const std::string& limit = "") {
  return {.name = name,
          .set = [value](const FieldRef& ref) { ref.SetNumber(value); },
          .ok = ok,
          .limit = limit};
}

inline void Append(FieldValues* values, FieldValues more) {
  for (FieldValue& value : more) values->push_back(std::move(value));
}

// What no text may hold.
inline FieldValues BadText() {
  return {Text("BidirectionalControl", kBidi, false),
          Text("Escape", "a\x1b[0m", false),
          Text("Nul", std::string("a\0b", 3), false),
          Text("CarriageReturn", "a\r\nb", false),
          Text("NoUtf8", kNoUtf8, false),
          Text("OverlongUtf8", kOverlong, false),
          Text("Surrogate", kSurrogate, false),
          Text("Delete", "a\x7f", false)};
}

inline FieldValues Sized(size_t max, const std::string& prefix = "") {
  const std::string at(max - prefix.size(), 'a');
  return {Text("AtLimit", prefix + at, true),
          Text("OneBeyond", prefix + at + "a", false, absl::StrCat(max))};
}

inline FieldValues Emptiness(Need need) {
  FieldValues values = {Text("Empty", "", need == Need::kOptional)};
  if (need == Need::kRequired) values.push_back(Text("Blank", "  ", false));
  return values;
}

inline FieldValues Line(size_t max, Need need = Need::kOptional) {
  FieldValues values = Sized(max);
  Append(&values, Emptiness(need));
  Append(&values, BadText());
  values.push_back(Text("Newline", "a\nb", false));
  values.push_back(Text("Tab", "a\tb", false));
  values.push_back(Text("OtherLetters", absl::StrCat("a", kUmlaut), true));
  return values;
}

inline FieldValues LongText(size_t max, Need need = Need::kOptional) {
  FieldValues values = Sized(max);
  Append(&values, Emptiness(need));
  Append(&values, BadText());
  values.push_back(Text("Lines", "a\n\tb\n", true));
  values.push_back(Text("BadSecondLine", "a\nb\x1b", false));
  return values;
}

inline FieldValues AbsolutePath(Need need = Need::kOptional) {
  FieldValues values = Sized(4096, "/");
  Append(&values, Emptiness(need));
  values.push_back(Text("Relative", "trees/42", false));
  values.push_back(Text("NoUtf8", absl::StrCat("/", kNoUtf8), false));
  values.push_back(Text("Newline", "/a\nb", false));
  return values;
}

// Names of [A-Za-z0-9._-] and `more`.
inline FieldValues Token(size_t max, const std::string& more) {
  FieldValues values = Sized(max);
  values.push_back(Text("Empty", "", true));
  values.push_back(Text("AllCharacters", "AZaz09._-" + more, true));
  for (const std::string bad : {" ", "/", "@", "\n", "\xc3\xbc", "\xff", "$"}) {
    values.push_back(Text(absl::StrCat("Character", bad[0] & 0xff), "a" + bad, false));
  }
  return values;
}

inline FieldValues AgentName(Need need = Need::kOptional) {
  FieldValues values = Sized(128);
  Append(&values, Emptiness(need));
  for (const std::string good : {"a", "conversation-42", "a/b/c/d", "A.b_c-9", "operator/a"}) {
    values.push_back(Text("Good" + absl::StrCat(values.size()), good, true));
  }
  for (const std::string bad : {"/a", "a/", "a//b", "a b", "hub:a", "a/./b", "a/..", ".", "a\n",
                                "\xc3\xbc", "a\xff", "operator"}) {
    values.push_back(Text("Bad" + absl::StrCat(values.size()), bad, false));
  }
  values.push_back(Text("TooDeep", "a/b/c/d/e", false, "4"));
  return values;
}

inline FieldValues TicketName(Need need = Need::kOptional) {
  FieldValues values = Emptiness(need);
  values.push_back(Text("First", "T-1", true));
  values.push_back(Text("Last", "T-999999999999999999", true));
  for (const std::string bad : {"T-", "T-0", "T-01", "T--1", "T-1 ", " T-1", "t-1", "17", "T-x",
                                "T-1\n", "T-9999999999999999999", "@a", "T-\xff"}) {
    values.push_back(Text("Bad" + absl::StrCat(values.size()), bad, false));
  }
  return values;
}

inline FieldValues RoundName() {
  FieldValues values = Emptiness(Need::kOptional);
  values.push_back(Text("First", "C-1", true));
  for (const std::string bad : {"C-", "C-0", "C-01", "T-1", "c-1", "1", "C-1\n", "C-\xff"}) {
    values.push_back(Text("Bad" + absl::StrCat(values.size()), bad, false));
  }
  return values;
}

inline FieldValues BranchName(Need need = Need::kOptional) {
  FieldValues values = Sized(255);
  Append(&values, Emptiness(need));
  Append(&values, BadText());
  for (const std::string good : {"a", "conversation-42", "a/b/c", "a.b", "\xc3\xbc", "@"}) {
    values.push_back(Text("Good" + absl::StrCat(values.size()), good, true));
  }
  for (const std::string bad : {"a b", "a..b", "-a", "/a", "a/", "a//b", "a.", "a~1", "a^", "a:b",
                                "a?", "a*", "a[", "a\\b", "a@{1}", "a\n"}) {
    values.push_back(Text("Bad" + absl::StrCat(values.size()), bad, false));
  }
  return values;
}

inline FieldValues GateName(Need need = Need::kOptional) {
  FieldValues values = Sized(64);
  Append(&values, Emptiness(need));
  for (const std::string bad : {"A", "a b", "a/b", "a\n", "\xc3\xbc", "\xff"}) {
    values.push_back(Text("Bad" + absl::StrCat(values.size()), bad, false));
  }
  return values;
}

inline FieldValues Committer() {
  FieldValues values = {Text("Empty", "", true), Text("Usual", "Ada L. <ada@example.org>", true),
                        Text("OneBeyond", std::string(251, 'a') + " <a@b>", false, "256")};
  for (const std::string bad :
       {"Ada", "<ada@example.org>", "Ada <a> b", "Ada<a@b>", "Ada <>", "Ada <a\n>", "Ada <<a>>"}) {
    values.push_back(Text("Bad" + absl::StrCat(values.size()), bad, false));
  }
  return values;
}

inline FieldValues WholeCommit() {
  return {Text("Empty", "", true), Text("Whole", std::string(40, 'a'), true),
          Text("Abbreviated", "0123abc", false), Text("TooLong", std::string(41, 'a'), false),
          Text("NoHex", std::string(40, 'g'), false)};
}

inline FieldValues CommitName() {
  FieldValues values = {Text("Empty", "", true),
                        Text("Shortest", "0123abc", true),
                        Text("Longest", std::string(64, 'F'), true),
                        Text("OneBeyond", std::string(65, 'F'), false, "64"),
                        Text("TooShort", "0123ab", false),
                        Text("NoHex", "0123abg", false),
                        Text("Blank", "       ", false)};
  return values;
}

// A repeated string whose elements are lines.
inline FieldValues Lines(int max_count, size_t max_bytes) {
  const auto entries = [](const std::string& name, const std::string& value, int count, bool ok,
                          const std::string& element, const std::string& limit) {
    return FieldValue{.name = name,
                      .set = [=](const FieldRef& ref) { ref.SetStrings(value, count); },
                      .ok = ok,
                      .element = element,
                      .limit = limit};
  };
  return {entries("None", "", 0, true, "", ""),
          entries("AsManyAsMayBe", "a", max_count, true, "", ""),
          entries("OneMore", "a", max_count + 1, false, "", absl::StrCat(max_count)),
          entries("LongestElement", std::string(max_bytes, 'a'), 1, true, "", ""),
          entries("TooLongAnElement", std::string(max_bytes + 1, 'a'), 1, false, "[0]",
                  absl::StrCat(max_bytes)),
          entries("EmptyElement", "", 1, false, "[0]", ""),
          entries("BlankElement", " ", 1, false, "[0]", ""),
          entries("NewlineInAnElement", "a\nb", 1, false, "[0]", ""),
          entries("BidiInAnElement", kBidi, 1, false, "[0]", ""),
          entries("NoUtf8InAnElement", kNoUtf8, 1, false, "[0]", "")};
}

// A repeated string whose elements are ids.
inline FieldValues Names(const std::string& good, const std::string& bad, int max_count) {
  const auto entries = [](const std::string& name, const std::string& value, int count, bool ok,
                          const std::string& element) {
    return FieldValue{.name = name,
                      .set = [=](const FieldRef& ref) { ref.SetStrings(value, count); },
                      .ok = ok,
                      .element = element};
  };
  return {entries("None", good, 0, true, ""), entries("AsManyAsMayBe", good, max_count, true, ""),
          entries("OneMore", good, max_count + 1, false, ""),
          entries("BadElement", bad, 1, false, "[0]"),
          entries("EmptyElement", "", 1, false, "[0]")};
}

inline FieldValues OneOfEnum(int last) {
  return {Number("Unspecified", 0, true), Number("First", 1, true), Number("Last", last, true),
          Number("OneBeyond", last + 1, false), Number("Negative", -1, false)};
}

inline FieldValues SomeOfEnum(int known, int max_count) {
  const auto entries = [](const std::string& name, int value, int count, bool ok,
                          const std::string& element) {
    return FieldValue{.name = name,
                      .set = [=](const FieldRef& ref) { ref.SetEnums(value, count); },
                      .ok = ok,
                      .element = element};
  };
  return {entries("None", known, 0, true, ""),
          entries("AsManyAsMayBe", known, max_count, true, ""),
          entries("OneMore", known, max_count + 1, false, ""),
          entries("Unspecified", 0, 1, false, "[0]"),
          entries("Unknown", 9999, 1, false, "[0]"),
          entries("Negative", -1, 1, false, "[0]")};
}

inline FieldValues Between(int64_t min, int64_t max) {
  return {Number("Least", min, true), Number("Most", max, true),
          Number("OneBelow", min - 1, false, absl::StrCat(min)),
          Number("OneAbove", max + 1, false, absl::StrCat(max)),
          Number("VeryNegative", std::numeric_limits<int32_t>::min(), false)};
}

inline FieldValues NotNegative() {
  return {Number("Zero", 0, true), Number("Most", std::numeric_limits<int32_t>::max(), true),
          Number("Negative", -1, false)};
}

inline FieldValues Fence() {
  return {Number("One", 1, true), Number("Most", std::numeric_limits<int64_t>::max(), true),
          Number("Zero", 0, false), Number("Negative", -1, false)};
}

inline FieldValue Span(const std::string& name, int64_t seconds, int32_t nanos, bool ok,
                       const std::string& limit = "") {
  return {.name = name,
          .set =
              [=](const FieldRef& ref) {
                auto* value = static_cast<google::protobuf::Duration*>(ref.Submessage());
                value->set_seconds(seconds);
                value->set_nanos(nanos);
              },
          .ok = ok,
          .limit = limit};
}

// In whole seconds.
inline FieldValues Duration(absl::Duration min, absl::Duration max) {
  const int64_t least = absl::ToInt64Seconds(min);
  const int64_t most = absl::ToInt64Seconds(max);
  return {Span("Least", least, 0, true),
          Span("Most", most, 0, true),
          least > 0 ? Span("OneBelow", least - 1, 999'999'999, false, absl::FormatDuration(min))
                    : Span("OneBelow", 0, -1, false, absl::FormatDuration(min)),
          Span("OneAbove", most, 1, false, absl::FormatDuration(max)),
          Span("Negative", -60, 0, false),
          Span("Endless", std::numeric_limits<int64_t>::max(), 0, false),
          Span("EndlesslyNegative", std::numeric_limits<int64_t>::min(), 0, false),
          Span("TooManyNanos", least, 1'000'000'000, false),
          Span("MixedSigns", most, -1, false)};
}

inline FieldValue Moment(const std::string& name, int64_t seconds, int32_t nanos, bool ok) {
  return {.name = name,
          .set =
              [=](const FieldRef& ref) {
                auto* value = static_cast<google::protobuf::Timestamp*>(ref.Submessage());
                value->set_seconds(seconds);
                value->set_nanos(nanos);
              },
          .ok = ok};
}

inline FieldValues Timestamp() {
  return {Moment("First", -62'135'596'800, 0, true),
          Moment("Last", 253'402'300'799, 999'999'999, true),
          Moment("OneBefore", -62'135'596'801, 0, false),
          Moment("OneAfter", 253'402'300'800, 0, false),
          Moment("NegativeNanos", 0, -1, false),
          Moment("TooManyNanos", 0, 1'000'000'000, false)};
}

// Whatever it holds.
inline FieldValues Anything() { return {}; }

}  // namespace coordhub::core
