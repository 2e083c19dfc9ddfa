#include "tests/journal/power_cut_disk.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace coordhub::journal {
namespace {

constexpr size_t kSectorBytes = 512;

PowerCutDisk* active = nullptr;

[[noreturn]] void NotModelled(const char* what) {
  std::fprintf(stderr, "power_cut_disk: %s is not modelled\n", what);
  std::abort();
}

void ApplyWrite(size_t offset, const std::string& bytes, std::string* content) {
  content->resize(std::max(content->size(), offset + bytes.size()), '\0');
  content->replace(offset, bytes.size(), bytes);
}

}  // namespace

PowerCutDisk::PowerCutDisk(std::string directory) : directory_(std::move(directory)) {
  if (active != nullptr) NotModelled("a second disk");
  Add(directory_, /*is_directory=*/true);
  Scan(directory_, kRoot);
  active = this;
}

void PowerCutDisk::Stop() {
  if (active == this) active = nullptr;
}

PowerCutDisk* PowerCutDisk::recording() { return active; }

PowerCutDisk::Node PowerCutDisk::Add(const std::string& path, bool is_directory) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) NotModelled(path.c_str());
  const Node node = static_cast<Node>(is_directory_.size());
  is_directory_.push_back(is_directory);
  // The number of one that is gone may come again.
  nodes_.insert_or_assign({info.st_dev, info.st_ino}, node);
  return node;
}

void PowerCutDisk::Scan(const std::string& path, Node directory) {
  Names& names = names_[directory];
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    const std::string below = entry.path().string();
    const Node node = Add(below, entry.is_directory());
    names.synced[entry.path().filename().string()] = node;
    if (entry.is_directory()) {
      Scan(below, node);
    } else {
      std::ifstream file(below, std::ios::binary);
      files_[node].synced.assign(std::istreambuf_iterator<char>(file), {});
    }
  }
}

PowerCutDisk::Node PowerCutDisk::NodeOf(int fd) const {
  struct stat info {};
  if (fstat(fd, &info) != 0) return kNone;
  const auto found = nodes_.find({info.st_dev, info.st_ino});
  return found == nodes_.end() ? kNone : found->second;
}

std::pair<PowerCutDisk::Node, std::string> PowerCutDisk::PlaceOf(int directory,
                                                                 const char* path) const {
  const std::string whole = path;
  const size_t slash = whole.find_last_of('/');
  const std::string parent =
      slash == std::string::npos ? "." : whole.substr(0, std::max<size_t>(slash, 1));
  struct stat info {};
  if (fstatat(directory, parent.c_str(), &info, 0) != 0) return {kNone, ""};
  const auto found = nodes_.find({info.st_dev, info.st_ino});
  if (found == nodes_.end()) return {kNone, ""};
  return {found->second, slash == std::string::npos ? whole : whole.substr(slash + 1)};
}

void PowerCutDisk::OnMade(int directory, const char* path, bool is_directory) {
  const auto [place, name] = PlaceOf(directory, path);
  if (place == kNone) return;
  struct stat info {};
  if (fstatat(directory, path, &info, AT_SYMLINK_NOFOLLOW) != 0) NotModelled(path);
  const Node node = static_cast<Node>(is_directory_.size());
  is_directory_.push_back(is_directory);
  nodes_.insert_or_assign({info.st_dev, info.st_ino}, node);
  operations_.push_back({Operation::kLink, place, 0, name, "", node});
}

void PowerCutDisk::OnWrite(int fd, off_t offset, const void* bytes, size_t size) {
  const Node node = NodeOf(fd);
  if (node == kNone) return;
  operations_.push_back({Operation::kWrite, node, static_cast<size_t>(offset),
                         std::string(static_cast<const char*>(bytes), size), ""});
}

void PowerCutDisk::OnTruncate(int fd, off_t size) {
  const Node node = NodeOf(fd);
  if (node == kNone) return;
  operations_.push_back({Operation::kTruncate, node, static_cast<size_t>(size), "", ""});
}

void PowerCutDisk::OnSync(int fd) {
  const Node node = NodeOf(fd);
  if (node != kNone) operations_.push_back({Operation::kSync, node, 0, "", ""});
}

void PowerCutDisk::OnRename(int from_directory, const char* from, int to_directory,
                            const char* to) {
  const auto [place, name] = PlaceOf(from_directory, from);
  const auto [new_place, new_name] = PlaceOf(to_directory, to);
  if (place == kNone && new_place == kNone) return;
  if (place != new_place) NotModelled("a rename between directories");
  operations_.push_back({Operation::kRename, place, 0, name, new_name});
}

void PowerCutDisk::OnUnlink(int directory, const char* path) {
  const auto [place, name] = PlaceOf(directory, path);
  if (place != kNone) operations_.push_back({Operation::kUnlink, place, 0, name, ""});
}

std::string PowerCutDisk::ContentAfter(const Content& content, std::mt19937* random) {
  // Of the writes since the last sync: any part of them, or, often in practice, none or all.
  const unsigned mode = (*random)() % 4;
  const auto reached = [&] { return mode == 0 ? false : mode == 1 || (*random)() % 2 == 0; };
  std::string bytes = content.synced;
  for (const Operation* change : content.unsynced) {
    if (change->kind == Operation::kTruncate) {
      if (reached()) bytes.resize(change->offset, '\0');
      continue;
    }
    for (size_t at = 0; at < change->bytes.size();) {
      const size_t offset = change->offset + at;
      const size_t size = std::min(kSectorBytes - offset % kSectorBytes, change->bytes.size() - at);
      if (reached()) ApplyWrite(offset, change->bytes.substr(at, size), &bytes);
      at += size;
    }
  }
  return bytes;
}

void PowerCutDisk::Apply(const Operation& change, std::string* content) {
  if (change.kind == Operation::kTruncate) {
    content->resize(change.offset, '\0');
  } else {
    ApplyWrite(change.offset, change.bytes, content);
  }
}

void PowerCutDisk::Apply(const Operation& change, std::map<std::string, Node>* names) {
  if (change.kind == Operation::kLink) {
    (*names)[change.bytes] = change.linked;
    return;
  }
  const auto named = names->find(change.bytes);
  if (named == names->end()) return;  // its first name was lost
  if (change.kind == Operation::kRename) (*names)[change.to] = named->second;
  names->erase(change.bytes);
}

std::map<std::string, PowerCutDisk::Node> PowerCutDisk::NamesAfter(const Names& names,
                                                                   std::mt19937* random) {
  // None, all, the first few (as a file system with a journal of its own has it), or any.
  const unsigned mode = (*random)() % 4;
  const size_t first = (*random)() % (names.unsynced.size() + 1);
  std::map<std::string, Node> now = names.synced;
  for (size_t i = 0; i < names.unsynced.size(); ++i) {
    const bool any = (*random)() % 2 == 0;
    if (mode == 1 || (mode == 2 && i < first) || (mode == 3 && any)) {
      Apply(*names.unsynced[i], &now);
    }
  }
  return now;
}

template <class State>
void PowerCutDisk::Take(const Operation& operation, State* state) {
  if (operation.kind != Operation::kSync) {
    state->unsynced.push_back(&operation);
    return;
  }
  for (const Operation* change : state->unsynced) Apply(*change, &state->synced);
  state->unsynced.clear();
}

void PowerCutDisk::Restore(size_t count, std::mt19937* random, const std::string& target) const {
  std::map<Node, Content> files = files_;
  std::map<Node, Names> names = names_;
  for (size_t i = 0; i < count; ++i) {
    const Operation& operation = operations_[i];
    if (is_directory_[static_cast<size_t>(operation.node)]) {
      Take(operation, &names[operation.node]);
    } else {
      Take(operation, &files[operation.node]);
    }
  }
  std::vector<std::pair<Node, std::string>> open = {{kRoot, target}};
  while (!open.empty()) {
    const auto [directory, path] = open.back();
    open.pop_back();
    std::filesystem::create_directory(path);
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    for (const auto& [name, node] : NamesAfter(names[directory], random)) {
      const std::string below = path + "/" + name;
      if (is_directory_[static_cast<size_t>(node)]) {
        open.emplace_back(node, below);
        continue;
      }
      std::ofstream(below, std::ios::binary) << ContentAfter(files[node], random);
      std::filesystem::permissions(
          below, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    }
  }
}

}  // namespace coordhub::journal
