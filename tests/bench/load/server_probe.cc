#include "tests/bench/load/server_probe.h"

#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

#include "tests/bench/load/load.h"

namespace coordhub::bench {

double ProcessorSeconds(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  const size_t name_end = text.rfind(')');  // the name may have blanks in it
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(text.substr(name_end + 1));
  std::string skipped;
  for (int i = 3; i < 14; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

int64_t ResidentBytes(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/statm");
  int64_t total = 0;
  int64_t resident = 0;
  file >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

void AwaitQuiet(int pid) {
  constexpr double kLookSeconds = 0.2;
  constexpr double kQuietShare = 0.05;
  constexpr int kMaxLooks = 100;
  double before = ProcessorSeconds(pid);
  for (int i = 0; i < kMaxLooks; ++i) {
    WaitUntilNs(NowNs() + static_cast<int64_t>(kLookSeconds * 1e9));
    const double now = ProcessorSeconds(pid);
    if (now - before < kQuietShare * kLookSeconds) return;
    before = now;
  }
}

}  // namespace coordhub::bench
