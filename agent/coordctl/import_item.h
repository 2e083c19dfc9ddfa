// One ticket as an import file states it.

#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordhub/v1/ticket.pb.h"

namespace coordhub::coordctl {

namespace pb = ::coordhub::v1;

struct ImportItem {
  int line = 0;          // where it begins in the file, from 1
  std::string local_id;  // others refer to it as `@<local_id>`; empty: nobody does
  pb::TicketSpec spec;   // dependencies and parent may be `@<local_id>`
};

// "line 7: why", as INVALID_ARGUMENT/INVALID_FIELD. Metadata: `field` = "line 7".
absl::Status BadLine(int line, const std::string& why);

// "T-17", as the hub writes it.
bool IsTicketId(const std::string& id);

// What the hub would refuse whatever tickets it has, told before anything is sent: the limits of
// TicketSpec's fields as the contract states them. Errors: as BadLine.
absl::Status CheckItem(const ImportItem& item);

// What a Markdown file has.
struct MarkdownList {
  std::vector<ImportItem> items;
  int ticked = 0;                // finished tasks that were left out
  std::vector<int> prose_lines;  // lines that belong to no item
};

// A Markdown list:
//
//   - Speed up the parser p1 #parser #perf
//     More lines, indented below the item, are the ticket's body.
//     - A part of it: nesting makes children
//   - [ ] An open task
//   - [x] A finished one: left out; what is nested in it moves up
//
// Items begin with -, *, + or a number. At the end of an item's line, words p0 to p4 set the
// priority and words #label (beginning with a letter) add labels, unless `plain`. A line without
// indentation that follows an item's text at once goes on with it, as Markdown has it. Headings,
// rules, comments and empty lines are skipped; all else between the items is prose, which is
// skipped too, but counted.
//
// Errors: as BadLine.
absl::StatusOr<MarkdownList> ParseMarkdownList(const std::string& text, bool plain);

// One JSON object a line: the fields of coordhub.v1.TicketSpec in protobuf's JSON, and `local_id`:
//
//   {"title": "Speed up the parser", "priority": 1, "labels": ["perf"], "local_id": "parser"}
//   {"title": "Measure it", "dependencies": [{"ticketId": "@parser"}, {"ticketId": "T-3"}]}
//
// Errors: as BadLine; the message names the field.
absl::StatusOr<std::vector<ImportItem>> ParseJsonLines(const std::string& text);

}  // namespace coordhub::coordctl
