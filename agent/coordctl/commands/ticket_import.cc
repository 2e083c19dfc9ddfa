#include <algorithm>
#include <charconv>
#include <ostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/base/text.h"
#include "agent/client/retry_policy.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/import_plan.h"
#include "agent/coordctl/json_output.h"
#include "agent/coordctl/views.h"

namespace coordhub::coordctl {
namespace {

constexpr size_t kMaxFileBytes = 256 << 20;
// An import that takes longer shows how far it is.
constexpr absl::Duration kShowProgressAfter = absl::Seconds(2);

const char kFormats[] =
    "Markdown: each list item is a ticket, nested items are its children, lines below an item its\n"
    "body; ticked tasks are left out, prose between the lists is skipped. At the end of an item's\n"
    "line p0 to p4 is its priority and #word a label:\n"
    "\n"
    "  - Speed up the parser p1 #perf\n"
    "    It reads 200 MB/s.\n"
    "    - [ ] Measure it\n"
    "\n"
    "JSON lines: one object a line; `title` is required, others refer to a local_id as @id:\n"
    "\n"
    "  {\"title\": \"Speed it up\", \"body\": \"...\", \"priority\": 1, \"labels\": [\"perf\"],\n"
    "   \"paths\": [\"src/**\"], \"local_id\": \"parser\", \"parent_ticket_id\": \"T-3\",\n"
    "   \"dependencies\": [{\"ticket_id\": \"@other\"}], \"assignee_agent_id\": "
    "\"conversation-4\",\n"
    "   \"not_before\": \"2025-08-01T12:00:00Z\", \"max_attempts\": 3}   (on one line)\n"
    "\n";

struct Options {
  std::string file;
  std::string format = "auto";
  std::vector<std::string> labels;
  bool plain = false;
  bool dry_run = false;
  bool again = false;
  bool strict = false;
};

bool EndsWith(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

bool IsJson(const Options& options, const std::string& content) {
  if (options.format != "auto") return options.format == "jsonl";
  for (const char* extension : {".jsonl", ".ndjson", ".json"}) {
    if (EndsWith(options.file, extension)) return true;
  }
  const size_t first = content.find_first_not_of(" \t\r\n");
  return !EndsWith(options.file, ".md") && first != std::string::npos && content[first] == '{';
}

std::string NameOf(const Options& options) {
  return options.file == "-" ? "standard input" : options.file;
}

// The file's name before an error about one of its lines.
absl::Status InFile(const absl::Status& status, const Options& options) {
  if (base::ReasonOf(status) != pb::ERROR_REASON_INVALID_FIELD) return status;
  const std::string field = base::MetadataOf(status, "field");
  const std::string message(status.message());
  return base::MakeFieldError(NameOf(options) + ", " + field,
                              message.substr(std::min(field.size() + 2, message.size())));
}

// The same status with words added to its message.
absl::Status WithNote(const absl::Status& status, const std::string& note) {
  absl::Status noted(status.code(), absl::StrCat(status.message(), note));
  status.ForEachPayload([&noted](absl::string_view url, const absl::Cord& payload) {
    noted.SetPayload(url, payload);
  });
  return noted;
}

// What is told beside the result, on standard error. With --json an error has to stand there alone,
// so there it waits until all is well.
class Notes {
 public:
  explicit Notes(Context* context) : context_(*context) {}

  void Add(const std::string& text) {
    text_ += "coordctl: " + text + "\n";
    if (!context_.json()) Tell();
  }
  void Tell() { context_.err() << std::exchange(text_, ""); }

 private:
  Context& context_;
  std::string text_;
};

// "3 lines" or "1 line", and the first of them.
std::string Lines(const std::vector<int>& numbers) {
  static constexpr size_t kShown = 5;
  const std::vector<int> shown(numbers.begin(), numbers.begin() + std::min(numbers.size(), kShown));
  return absl::StrCat(numbers.size(), numbers.size() == 1 ? " line" : " lines",
                      " of prose, which no ticket is made of (",
                      numbers.size() == 1 ? "line " : "lines ", absl::StrJoin(shown, ", "),
                      numbers.size() > kShown ? ", \u2026" : "", ")");
}

absl::StatusOr<std::vector<ImportItem>> ReadMarkdown(const Options& options,
                                                     const std::string& content, Notes* notes) {
  COORDHUB_ASSIGN_OR_RETURN(MarkdownList list, ParseMarkdownList(content, options.plain));
  if (options.strict && !list.prose_lines.empty()) {
    return BadLine(list.prose_lines[0], "neither a list item nor a line indented below one");
  }
  const std::string name = base::TerminalSafe(NameOf(options));
  if (!list.prose_lines.empty()) {
    notes->Add(absl::StrCat(name, ": skipped ", Lines(list.prose_lines)));
  }
  if (list.ticked > 0) {
    notes->Add(absl::StrCat(name, ": left out ", list.ticked, list.ticked == 1 ? " task" : " tasks",
                            " marked [x]"));
  }
  return std::move(list.items);
}

absl::StatusOr<ImportPlan> ReadPlan(Context& context, const Options& options, Notes* notes) {
  COORDHUB_ASSIGN_OR_RETURN(const std::string content,
                            ReadInput(context, options.file, kMaxFileBytes, "FILE"));
  auto items =
      IsJson(options, content) ? ParseJsonLines(content) : ReadMarkdown(options, content, notes);
  if (!items.ok()) return InFile(items.status(), options);
  if (items->empty()) {
    notes->Add(absl::StrCat(base::TerminalSafe(NameOf(options)), ": nothing to import: it has no ",
                            IsJson(options, content) ? "JSON lines" : "list items"));
  }
  for (ImportItem& item : *items) {
    for (const std::string& label : options.labels) item.spec.add_labels(label);
    if (options.labels.empty()) continue;
    if (const absl::Status good = CheckItem(item); !good.ok()) return InFile(good, options);
  }
  const std::string salt = options.again ? context.host().ids->NewUid() : "";
  auto plan = ImportPlan::Make(*std::move(items), salt);
  if (!plan.ok()) return InFile(plan.status(), options);
  return plan;
}

// How many parents a ticket has above it; stops counting beyond `max`.
absl::StatusOr<int> CountParents(const agent::Client& client, std::string ticket_id, int max) {
  for (int parents = 0;; ++parents) {
    pb::GetTicketRequest request;
    request.set_ticket_id(ticket_id);
    COORDHUB_ASSIGN_OR_RETURN(const pb::GetTicketResponse response, client.GetTicket(request));
    ticket_id = response.ticket().parent_ticket_id();
    if (ticket_id.empty() || parents > max) return parents;
  }
}

// That the tickets which the file refers to are there, and leave room for what goes below them.
absl::Status CheckOutside(const agent::Client& client, const ImportPlan& plan) {
  for (const auto& [ticket_id, reference] : plan.outside()) {
    const int room = ImportPlan::kMaxParents - reference.levels;
    const absl::StatusOr<int> parents =
        CountParents(client, ticket_id, reference.levels == 0 ? -1 : room);
    if (base::ReasonOf(parents.status()) == pb::ERROR_REASON_TICKET_NOT_FOUND) {
      return BadLine(reference.line, "there is no ticket " + ticket_id);
    }
    COORDHUB_RETURN_IF_ERROR(parents.status());
    if (reference.levels > 0 && *parents > room) {
      return BadLine(reference.line, absl::StrCat("with what is below it here, ", ticket_id,
                                                  " would be one of "
                                                  "more than ",
                                                  ImportPlan::kMaxParents, " parents"));
    }
  }
  return absl::OkStatus();
}

// One run of an import.
class Importer {
 public:
  Importer(Context* context, const Options* options, const ImportPlan* plan, Notes* notes)
      : context_(*context), options_(*options), plan_(*plan), notes_(*notes) {}

  absl::Status Run(const agent::Client& client) {
    start_ = context_.host().clock->Mono();
    COORDHUB_ASSIGN_OR_RETURN(const pb::GetHubResponse hub, client.GetHub({}));
    caller_ = client.credentials().session_token.empty() ? "" : hub.caller();
    for (int batch = 0; batch < plan_.batches(); ++batch) {
      auto response = client.BatchCreateTickets(plan_.Request(batch, ids_));
      if (!response.ok()) {
        EndProgress();
        return Stopped(response.status(), batch);
      }
      if (response->revision() <= hub.workspace().head_revision()) {
        there_already_ += response->tickets().size();
      }
      for (pb::Ticket& ticket : *response->mutable_tickets()) {
        ids_.push_back(ticket.ticket_id());
        tickets_.push_back(std::move(ticket));
      }
      ShowProgress();
    }
    EndProgress();
    return absl::OkStatus();
  }

  void Print() {
    if (context_.json()) {
      context_.out() << ToJsonArray(tickets_, context_.host().out_is_terminal);
    } else if (!context_.terminal()) {
      context_.out() << TicketTable(context_, tickets_).Render();
    } else if (!tickets_.empty()) {
      context_.out() << "Imported " << tickets_.size() << " tickets, "
                     << tickets_.front().ticket_id() << " to " << tickets_.back().ticket_id()
                     << "\n";
    }
    if (there_already_ > 0) {
      notes_.Add(absl::StrCat(there_already_,
                              " of them were there already, from an import of the same lines; to "
                              "make them anew use --again"));
    }
  }

 private:
  // A refusal speaks of `tickets[3]`; people think in lines.
  absl::Status Stopped(const absl::Status& status, int batch) {
    const int line = LineOf(status, batch);
    std::string note;
    if (line > 0) absl::StrAppend(&note, "; this is line ", line, " of ", NameOf(options_));
    if (!ids_.empty()) {
      absl::StrAppend(&note, "; ", ids_.size(), " of ", plan_.size(), " tickets were imported");
    }
    return WithNote(status, note + WhatNow(status));
  }

  // The line that the refusal of a batch is about; 0: unknown.
  int LineOf(const absl::Status& status, int batch) const {
    static constexpr std::string_view kPrefix = "tickets[";
    const std::string field = base::MetadataOf(status, "field");
    const auto outside = plan_.outside().find(base::MetadataOf(status, "ticket_id"));
    if (outside != plan_.outside().end()) return outside->second.line;
    if (field.compare(0, kPrefix.size(), kPrefix) != 0) return 0;
    size_t index = 0;
    std::from_chars(field.data() + kPrefix.size(), field.data() + field.size(), index);
    index = std::min(plan_.BatchBegin(batch) + index, plan_.size() - 1);
    return plan_.items()[index].line;
  }

  std::string WhatNow(const absl::Status& status) const {
    static const agent::RetryPolicy kWorthRepeating = {.retry_disk_full = true};
    // What was sent is remembered as its sender's.
    const std::string as = caller_.empty() ? "" : " as " + caller_;
    if (kWorthRepeating.Retryable(status) || absl::IsDeadlineExceeded(status)) {
      return absl::StrCat("; repeat the command", as, " to go on");
    }
    const bool of_the_file = absl::IsInvalidArgument(status) || absl::IsNotFound(status) ||
                             absl::IsFailedPrecondition(status);
    if (!of_the_file || ids_.empty()) return "";
    return absl::StrCat("; mend the file and repeat the command", as,
                        ": what is there already is not made again");
  }

  void ShowProgress() {
    const bool slow = context_.host().clock->Mono() - start_ > kShowProgressAfter;
    if (!slow || !context_.host().err_is_terminal || context_.json()) return;
    context_.err() << "\r" << ids_.size() << " of " << plan_.size() << " tickets" << std::flush;
    showing_ = true;
  }

  void EndProgress() {
    if (showing_) context_.err() << "\n";
    showing_ = false;
  }

  Context& context_;
  const Options& options_;
  const ImportPlan& plan_;
  Notes& notes_;
  base::MonoTime start_;
  std::string caller_;            // the agent who imports; empty: the operator
  std::vector<std::string> ids_;  // in the order of the plan
  std::vector<pb::Ticket> tickets_;
  int64_t there_already_ = 0;
  bool showing_ = false;
};

// Shows what would be sent, without asking the hub.
void PrintPlan(Context& context, const ImportPlan& plan) {
  if (context.json()) {
    std::vector<pb::TicketSpec> specs;
    for (const ImportItem& item : plan.items()) specs.push_back(item.spec);
    context.out() << ToJsonArray(specs, context.host().out_is_terminal);
    return;
  }
  Table table = context.NewTable({"LINE", "PRI", "PARENT", "LABELS", "TITLE"});
  for (const ImportItem& item : plan.items()) {
    std::string labels;
    for (const std::string& label : item.spec.labels()) {
      absl::StrAppend(&labels, labels.empty() ? "" : ",", label);
    }
    table.Add({{absl::StrCat(item.line)},
               {absl::StrCat("p", item.spec.has_priority() ? item.spec.priority() : 2)},
               {item.spec.parent_ticket_id()},
               {labels},
               {item.spec.title()}});
  }
  context.out() << table.Render();
}

absl::StatusOr<ExitCode> Import(Context& context, const Options& options) {
  Notes notes(&context);
  COORDHUB_ASSIGN_OR_RETURN(const ImportPlan plan, ReadPlan(context, options, &notes));
  if (options.dry_run) {
    PrintPlan(context, plan);
    notes.Tell();
    return ExitCode::kOk;
  }
  // What was sent is known again by its sender, so that is better no agent, who may have ended by
  // the time that the rest is to follow, and of whom less is remembered.
  context.set_client_id("import:" + plan.window());
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.ConnectToImport());
  if (const absl::Status good = CheckOutside(client, plan); !good.ok()) {
    return InFile(good, options);
  }
  Importer importer(&context, &options, &plan, &notes);
  COORDHUB_RETURN_IF_ERROR(importer.Run(client));
  importer.Print();
  notes.Tell();
  return ExitCode::kOk;
}

}  // namespace

void AddTicketImport(CLI::App* ticket, Context* context) {
  CLI::App* command = AddCommand(
      ticket, "import",
      "Make many tickets from a Markdown list or JSON lines. Nothing is made if a line is bad, or "
      "refers to a ticket that is not there. What broke off can be repeated: nothing is made "
      "twice. "
      "They are the operator's tickets, unless an agent is named (--as NAME)",
      "coordctl ticket import plan.md\n"
      "coordctl ticket import --dry-run plan.md\n"
      "git log --reverse --format='- %s' | coordctl ticket import --plain -\n"
      "jq -c '.[]' plan.json | coordctl ticket import --format jsonl -");
  command->footer(kFormats + command->get_footer());
  auto options = std::make_shared<Options>();
  command->add_option("FILE", options->file, "The file; - is standard input")->required();
  AddChoice(command, "--format", &options->format, {"auto", "markdown", "jsonl"},
            "Default: auto, by the file's name or first character");
  AddListOption(command, "--label,-l", &options->labels,
                "Give every ticket this label, too; may be repeated");
  command->add_flag("--plain", options->plain,
                    "Markdown: p0 to p4 and #label at the end of a line belong to the title");
  command->add_flag("--strict", options->strict,
                    "Markdown: refuse lines that belong to no list item instead of skipping them");
  command->add_flag("--dry-run", options->dry_run, "Only show what would be made");
  command->add_flag("--again", options->again,
                    "Make them even if the same lines were imported before");
  OnRun(command, context, [options](Context& c) { return Import(c, *options); });
}

}  // namespace coordhub::coordctl
