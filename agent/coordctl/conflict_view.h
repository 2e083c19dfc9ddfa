// Conflicts as text.

#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "agent/coordctl/context.h"
#include "agent/coordctl/hot_files.h"
#include "coordhub/v1/repository_service.pb.h"

namespace coordhub::coordctl {

// Which branches conflict: rows and columns by number, the rows with their names; in each cell the
// number of files, `?` where nobody can tell, `~` where it comes from uncommitted work. Empty where
// the terminal is not wide enough.
std::string ConflictMatrix(const Context& context, const std::vector<pb::Conflict>& conflicts);

// Columns: branch, the other one, files, kind, age, whose work it is, paths; `uncommitted` and what
// cannot be told stand with the kind.
Table ConflictTable(const Context& context, const std::vector<pb::Conflict>& conflicts,
                    absl::Time now);

// Whether the two merge; if not, the files and their hunks.
std::string MergeText(const Context& context, const std::string& ours, const std::string& theirs,
                      const pb::PreviewMergeResponse& merge);

// Columns: file, conflicts on it that opened, pairs of branches, age of the last.
Table HotFileTable(const Context& context, const std::vector<HotFile>& files, absl::Time now);
// One object: `fromRevision`, `files`. Ends with a newline.
std::string HotFileJson(const std::vector<HotFile>& files, int64_t from_revision, bool pretty);

}  // namespace coordhub::coordctl
