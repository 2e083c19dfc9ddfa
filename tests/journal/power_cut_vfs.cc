#include "tests/journal/power_cut_vfs.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>

namespace coordhub::journal {
namespace {

constexpr size_t kSectorBytes = 512;

PowerCutVfs* instance = nullptr;

// The real file stands behind it in the same allocation.
struct OpenFile {
  sqlite3_file base;
  PowerCutVfs::File* tracked;  // null: not watched
};

sqlite3_vfs* RealVfs() { return sqlite3_vfs_find("unix"); }
OpenFile* Self(sqlite3_file* file) { return reinterpret_cast<OpenFile*>(file); }
sqlite3_file* Real(sqlite3_file* file) { return reinterpret_cast<sqlite3_file*>(Self(file) + 1); }
const sqlite3_io_methods& RealMethods(sqlite3_file* file) { return *Real(file)->pMethods; }

int Close(sqlite3_file* file) { return RealMethods(file).xClose(Real(file)); }

int Read(sqlite3_file* file, void* bytes, int size, sqlite3_int64 offset) {
  return RealMethods(file).xRead(Real(file), bytes, size, offset);
}

int Write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
  PowerCutVfs::Change change;
  change.offset = static_cast<size_t>(offset);
  change.bytes.assign(static_cast<const char*>(bytes), static_cast<size_t>(size));
  if (!instance->Admit(Self(file)->tracked, &change)) return SQLITE_IOERR_WRITE;
  return RealMethods(file).xWrite(Real(file), bytes, size, offset);
}

int Truncate(sqlite3_file* file, sqlite3_int64 size) {
  PowerCutVfs::Change change;
  change.truncates = true;
  change.offset = static_cast<size_t>(size);
  if (!instance->Admit(Self(file)->tracked, &change)) return SQLITE_IOERR_TRUNCATE;
  return RealMethods(file).xTruncate(Real(file), size);
}

void Apply(const PowerCutVfs::Change& change, std::string* content) {
  if (change.truncates) {
    content->resize(change.offset, '\0');
    return;
  }
  content->resize(std::max(content->size(), change.offset + change.bytes.size()), '\0');
  content->replace(change.offset, change.bytes.size(), change.bytes);
}

int Sync(sqlite3_file* file, int) {
  PowerCutVfs::File* tracked = Self(file)->tracked;
  if (!instance->Admit(tracked, nullptr)) return SQLITE_IOERR_FSYNC;
  if (tracked == nullptr) return SQLITE_OK;
  if (!tracked->synced) tracked->synced.emplace();
  for (const PowerCutVfs::Change& change : tracked->unsynced) Apply(change, &*tracked->synced);
  tracked->unsynced.clear();
  return SQLITE_OK;
}

int FileSize(sqlite3_file* file, sqlite3_int64* size) {
  return RealMethods(file).xFileSize(Real(file), size);
}
int Lock(sqlite3_file* file, int level) { return RealMethods(file).xLock(Real(file), level); }
int Unlock(sqlite3_file* file, int level) { return RealMethods(file).xUnlock(Real(file), level); }
int CheckReservedLock(sqlite3_file* file, int* result) {
  return RealMethods(file).xCheckReservedLock(Real(file), result);
}
int FileControl(sqlite3_file* file, int operation, void* argument) {
  return RealMethods(file).xFileControl(Real(file), operation, argument);
}
int SectorSize(sqlite3_file* file) { return RealMethods(file).xSectorSize(Real(file)); }
int DeviceCharacteristics(sqlite3_file* file) {
  return RealMethods(file).xDeviceCharacteristics(Real(file));
}
int ShmMap(sqlite3_file* file, int page, int size, int extend, void volatile** memory) {
  return RealMethods(file).xShmMap(Real(file), page, size, extend, memory);
}
int ShmLock(sqlite3_file* file, int offset, int count, int flags) {
  return RealMethods(file).xShmLock(Real(file), offset, count, flags);
}
void ShmBarrier(sqlite3_file* file) { RealMethods(file).xShmBarrier(Real(file)); }
int ShmUnmap(sqlite3_file* file, int remove) {
  return RealMethods(file).xShmUnmap(Real(file), remove);
}

// Version 2: without memory-mapped reads.
constexpr sqlite3_io_methods kMethods = {2,
                                         Close,
                                         Read,
                                         Write,
                                         Truncate,
                                         Sync,
                                         FileSize,
                                         Lock,
                                         Unlock,
                                         CheckReservedLock,
                                         FileControl,
                                         SectorSize,
                                         DeviceCharacteristics,
                                         ShmMap,
                                         ShmLock,
                                         ShmBarrier,
                                         ShmUnmap};

int Open(sqlite3_vfs*, const char* path, sqlite3_file* file, int flags, int* out_flags) {
  std::memset(file, 0, sizeof(OpenFile));
  const bool watched = (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) != 0;
  if (watched) Self(file)->tracked = instance->FileAt(path);
  const int rc = RealVfs()->xOpen(RealVfs(), path, Real(file), flags, out_flags);
  if (rc == SQLITE_OK) file->pMethods = &kMethods;
  return rc;
}

}  // namespace

PowerCutVfs::PowerCutVfs() : vfs_(*RealVfs()) {
  vfs_.zName = kName;
  vfs_.szOsFile = static_cast<int>(sizeof(OpenFile)) + RealVfs()->szOsFile;
  vfs_.xOpen = Open;
  vfs_.pNext = nullptr;
  instance = this;
  sqlite3_vfs_register(&vfs_, /*makeDflt=*/0);
}

PowerCutVfs::~PowerCutVfs() {
  sqlite3_vfs_unregister(&vfs_);
  instance = nullptr;
}

void PowerCutVfs::CutAt(int64_t operation) {
  files_.clear();
  operations_ = 0;
  cut_at_ = operation;
}

PowerCutVfs::File* PowerCutVfs::FileAt(const std::string& path) {
  const auto known = files_.find(path);
  if (known != files_.end()) return &known->second;
  File file;
  std::ifstream content(path, std::ios::binary);
  if (content.good())
    file.synced.emplace(std::istreambuf_iterator<char>(content), std::istreambuf_iterator<char>());
  return &files_.emplace(path, std::move(file)).first->second;
}

bool PowerCutVfs::Admit(File* file, const Change* change) {
  if (is_cut()) return false;
  ++operations_;
  if (file != nullptr && change != nullptr) file->unsynced.push_back(*change);
  return !is_cut();
}

std::map<std::string, std::string> PowerCutVfs::Image(std::mt19937* random) const {
  const auto chance = [random] { return (*random)() % 2 == 0; };
  // Of the writes since the last sync: any part of them, or, often in practice, none or all.
  const unsigned mode = (*random)() % 4;
  const auto reached = [&] { return mode == 0 ? false : mode == 1 ? true : chance(); };
  std::map<std::string, std::string> image;
  for (const auto& [path, file] : files_) {
    if (!file.synced && !chance()) continue;
    std::string content = file.synced.value_or("");
    for (const Change& change : file.unsynced) {
      if (change.truncates) {
        if (reached()) Apply(change, &content);
        continue;
      }
      for (size_t at = 0; at < change.bytes.size();) {
        const size_t offset = change.offset + at;
        const size_t size =
            std::min(kSectorBytes - offset % kSectorBytes, change.bytes.size() - at);
        if (reached()) Apply({false, offset, change.bytes.substr(at, size)}, &content);
        at += size;
      }
    }
    image[path] = std::move(content);
  }
  return image;
}

}  // namespace coordhub::journal
