// A journal of the release 0.1.0, as its own file format: two commits of two events, after one that
// was compacted and pinned; a snapshot at 4. Its checksums were also computed by a script that
// follows FORMAT.md and nothing else. Never changed.

#pragma once

#include <gtest/gtest.h>

#include "agent/base/sha256.h"
#include "hub/journal/file_system.h"
#include "tests/journal/harness.h"
#include "tests/journal/raw_database.h"

namespace coordhub::journal {

inline constexpr char kFormat1[] = R"(
PRAGMA application_id = 1667790178;
PRAGMA user_version = 1;
CREATE TABLE meta(id INTEGER PRIMARY KEY CHECK(id = 1), format INTEGER NOT NULL, written_by TEXT NOT NULL,
                  log_id TEXT NOT NULL, restored INTEGER NOT NULL, compact_revision INTEGER NOT NULL,
                  compact_checksum BLOB NOT NULL, checksum BLOB NOT NULL) STRICT;
INSERT INTO meta VALUES(1,1,'0.1.0','910a2dec89025cc1beeb8da1658eec67',0,2,X'b68cebda407834ea',X'495422b26983239d');
CREATE TABLE events(revision INTEGER PRIMARY KEY, commit_revision INTEGER NOT NULL, event BLOB NOT NULL,
                    private BLOB, checksum BLOB NOT NULL) STRICT;
INSERT INTO events VALUES(3,4,X'6576656e74203320',X'707269766174652033',X'8599059d6c51372e');
INSERT INTO events VALUES(4,4,X'6576656e74203420',NULL,X'8e337fe6f4976d35');
INSERT INTO events VALUES(5,6,X'6576656e74203520',X'707269766174652035',X'58c5d9cb145ab95d');
INSERT INTO events VALUES(6,6,X'6576656e74203620',NULL,X'8932093c826d78ff');
CREATE TABLE pinned(revision INTEGER PRIMARY KEY, commit_revision INTEGER NOT NULL, event BLOB NOT NULL,
                    private BLOB, previous BLOB NOT NULL, checksum BLOB NOT NULL) STRICT;
INSERT INTO pinned VALUES(1,2,X'6576656e74203120',X'707269766174652031',X'0000000000000000',X'5fef3e2b2958e551');
INSERT INTO pinned VALUES(2,2,X'6576656e74203220',NULL,X'5fef3e2b2958e551',X'b68cebda407834ea');
)";

inline constexpr char kLayout1Snapshot4[] =
    "43485542534e4150010000008e337fe6f4976d352e0000000a203931306132646563383930323563"
    "63316265656238646131363538656563363710041a0864696765737420340f000000120d0a090a07"
    "6163746f72203018040f000000120d0a090a076163746f7220311804ffffffff0200000000000000"
    "3771d1e50f973200581441fcca7d9a6129aaa5b90d35b66ca9026ea430e2949b";

// Puts it into an empty state directory.
inline void MakeFormat1(const JournalOnDisk& disk) {
  ASSERT_TRUE(PrepareStateDirectory(disk.state_dir()).ok());
  ASSERT_TRUE(PrepareStateDirectory(disk.state_dir() + "/snapshots").ok());
  RunSql(disk.database(), kFormat1);
  WriteBytes(disk.snapshot(4), base::HexDecode(kLayout1Snapshot4).value());
}

}  // namespace coordhub::journal
