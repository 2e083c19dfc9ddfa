#include "hub/loops/shared_state.h"

#include <sys/stat.h>
namespace coordhub::loops {

bool IsDirectory(const std::string& path) {
  struct stat info {};
  return !path.empty() && stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

bool IsRegularFile(const std::string& path) {
  struct stat info {};
  return !path.empty() && stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

int64_t UnfinishedTickets(const core::View& view) {
  int64_t count = 0;
  for (int state = v1::Ticket::State_MIN + 1; state <= v1::Ticket::State_MAX; ++state) {
    if (core::IsFinished(static_cast<v1::Ticket::State>(state))) continue;
    count += view.records.ticket_counts[static_cast<size_t>(state)];
  }
  return count;
}

}  // namespace coordhub::loops
