#include <algorithm>
#include <charconv>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/base/text.h"
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

// The file's name before an error about one of its lines.
absl::Status InFile(const absl::Status& status, const std::string& file) {
  if (status.ok()) return status;
  const std::string field = base::MetadataOf(status, "field");
  const std::string message(status.message());
  return base::MakeFieldError((file == "-" ? "standard input" : file) + ", " + field,
                              message.substr(std::min(field.size() + 2, message.size())));
}

std::string NameOf(const Options& options) {
  return options.file == "-" ? "standard input" : options.file;
}

// "3 lines" or "1 line", and the first of them.
std::string Lines(const std::vector<int>& numbers) {
  static constexpr size_t kShown = 5;
  const std::vector<int> shown(numbers.begin(), numbers.begin() + std::min(numbers.size(), kShown));
  return absl::StrCat(numbers.size(), numbers.size() == 1 ? " line" : " lines",
                      " of prose, which no ticket is made of (",
                      numbers.size() == 1 ? "line " : "lines ", absl::StrJoin(shown, ", "),
                      numbers.size() > kShown ? ", \u2026" : "", ")");
}

absl::StatusOr<std::vector<ImportItem>> ReadMarkdown(Context& context, const Options& options,
                                                     const std::string& content) {
  COORDHUB_ASSIGN_OR_RETURN(MarkdownList list, ParseMarkdownList(content, options.plain));
  if (options.strict && !list.prose_lines.empty()) {
    return BadLine(list.prose_lines[0], "neither a list item nor a line indented below one");
  }
  const auto note = [&](const std::string& what) {
    context.err() << "coordctl: " << base::TerminalSafe(NameOf(options)) << ": " << what << "\n";
  };
  if (!list.prose_lines.empty()) note("skipped " + Lines(list.prose_lines));
  if (list.ticked > 0) {
    note(absl::StrCat("left out ", list.ticked, list.ticked == 1 ? " task" : " tasks",
                      " marked [x]"));
  }
  return std::move(list.items);
}

absl::StatusOr<ImportPlan> ReadPlan(Context& context, const Options& options) {
  COORDHUB_ASSIGN_OR_RETURN(const std::string content,
                            ReadInput(context, options.file, kMaxFileBytes, "FILE"));
  auto items =
      IsJson(options, content) ? ParseJsonLines(content) : ReadMarkdown(context, options, content);
  if (!items.ok()) return InFile(items.status(), options.file);
  if (items->empty()) {
    context.err() << "coordctl: " << base::TerminalSafe(NameOf(options))
                  << ": nothing to import: it has no "
                  << (IsJson(options, content) ? "JSON lines" : "list items") << "\n";
  }
  for (ImportItem& item : *items) {
    for (const std::string& label : options.labels) item.spec.add_labels(label);
  }
  const std::string salt = options.again ? context.host().ids->NewUid() : "";
  auto plan = ImportPlan::Make(*std::move(items), salt);
  if (!plan.ok()) return InFile(plan.status(), options.file);
  return plan;
}

// One run of an import.
class Importer {
 public:
  Importer(Context* context, const Options* options, const ImportPlan* plan)
      : context_(*context), options_(*options), plan_(*plan) {}

  absl::Status Run(const agent::Client& client) {
    start_ = context_.host().clock->Mono();
    COORDHUB_ASSIGN_OR_RETURN(const pb::GetHubResponse hub, client.GetHub({}));
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
      context_.err()
          << "coordctl: " << there_already_
          << " of them were there already, from an import of the same file; to make them "
             "anew use --again\n";
    }
  }

 private:
  // A refusal speaks of `tickets[3]`; people think in lines.
  absl::Status Stopped(const absl::Status& status, int batch) {
    const std::string field = base::MetadataOf(status, "field");
    size_t index = 0;
    static constexpr std::string_view kPrefix = "tickets[";
    if (field.compare(0, kPrefix.size(), kPrefix) == 0) {
      std::from_chars(field.data() + kPrefix.size(), field.data() + field.size(), index);
      index = std::min(plan_.BatchBegin(batch) + index, plan_.size() - 1);
      context_.err() << "coordctl: the hub refuses line " << plan_.items()[index].line << " of "
                     << SafeBlock(options_.file, "");
    }
    if (!ids_.empty()) {
      context_.err() << "coordctl: " << ids_.size() << " of " << plan_.size()
                     << " tickets were imported; repeat the command to go on\n";
    }
    return status;
  }

  void ShowProgress() {
    const bool slow = context_.host().clock->Mono() - start_ > kShowProgressAfter;
    if (!slow || !context_.host().err_is_terminal) return;
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
  base::MonoTime start_;
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
  COORDHUB_ASSIGN_OR_RETURN(const ImportPlan plan, ReadPlan(context, options));
  if (options.dry_run) {
    PrintPlan(context, plan);
    return ExitCode::kOk;
  }
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.Connect());
  Importer importer(&context, &options, &plan);
  COORDHUB_RETURN_IF_ERROR(importer.Run(client));
  importer.Print();
  return ExitCode::kOk;
}

}  // namespace

void AddTicketImport(CLI::App* ticket, Context* context) {
  CLI::App* command = AddCommand(
      ticket, "import",
      "Make many tickets from a Markdown list or JSON lines. Nothing is made if a line is "
      "bad. What broke off can be repeated: nothing is made twice",
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
                    "Make them even if the same file was imported before");
  OnRun(command, context, [options](Context& c) { return Import(c, *options); });
}

}  // namespace coordhub::coordctl
