#include "hub/journal/manifest.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/base/atomic_file.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "hub/journal/errors.h"
#include "hub/journal/file_system.h"
#include "hub/journal/sqlite_journal.h"

namespace coordhub::journal {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxManifestBytes = 1 << 20;

std::string PathOf(const std::string& directory) {
  return absl::StrCat(directory, "/manifest.json");
}

// A name that a backup may have; nothing else is ever copied from one.
bool IsKnownName(const std::string& name) {
  constexpr absl::string_view kPrefix = "snapshots/";
  constexpr absl::string_view kSuffix = ".snapshot";
  constexpr size_t kDigits = 20;
  if (name == "journal.sqlite3") return true;
  return name.size() == kPrefix.size() + kDigits + kSuffix.size() &&
         absl::StartsWith(name, kPrefix) && absl::EndsWith(name, kSuffix) &&
         std::all_of(name.begin() + kPrefix.size(), name.end() - kSuffix.size(),
                     [](char c) { return c >= '0' && c <= '9'; });
}

// Fields of an object, as the types that they must have; nullopt for anything else.
std::optional<int64_t> IntField(const Json& object, const char* key) {
  const auto it = object.find(key);
  if (it == object.end() || !it->is_number_integer()) return std::nullopt;
  return it->get<int64_t>();
}

std::optional<std::string> TextField(const Json& object, const char* key) {
  const auto it = object.find(key);
  if (it == object.end() || !it->is_string()) return std::nullopt;
  return it->get<std::string>();
}

std::optional<Manifest::File> ParseFile(const Json& object) {
  if (!object.is_object()) return std::nullopt;
  const auto name = TextField(object, "name");
  const auto size = IntField(object, "size_bytes");
  const auto sha256 = TextField(object, "sha256");
  if (!name || !size || !sha256 || !IsKnownName(*name)) return std::nullopt;
  return Manifest::File{*name, *size, *sha256};
}

// Nullopt when `text` is no manifest. Of a newer format only the first two fields are read.
std::optional<Manifest> Parse(const std::string& text) {
  const Json object = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return std::nullopt;
  const auto format = IntField(object, "format");
  const auto written_by = TextField(object, "written_by");
  if (!format || !written_by) return std::nullopt;
  Manifest manifest;
  manifest.format = *format;
  manifest.written_by = *written_by;
  if (manifest.format > kFormatVersion) return manifest;
  const auto log_id = TextField(object, "log_id");
  const auto revision = IntField(object, "revision");
  const auto compact_revision = IntField(object, "compact_revision");
  const auto files = object.find("files");
  if (!log_id || !revision || !compact_revision || files == object.end() || !files->is_array()) {
    return std::nullopt;
  }
  manifest.log_id = *log_id;
  manifest.revision = *revision;
  manifest.compact_revision = *compact_revision;
  for (const Json& entry : *files) {
    const auto file = ParseFile(entry);
    if (!file) return std::nullopt;
    manifest.files.push_back(*file);
  }
  return manifest;
}

absl::Status CheckListedFile(const std::string& directory, const Manifest::File& file) {
  const std::string path = absl::StrCat(directory, "/", file.name);
  COORDHUB_ASSIGN_OR_RETURN(const bool is_there, Exists(path));
  if (!is_there) return Damaged(path, "the backup's file is missing");
  if (FileSize(path) != file.size_bytes) {
    return Damaged(path,
                   absl::StrCat("the file has ", FileSize(path), " bytes, not ", file.size_bytes));
  }
  COORDHUB_ASSIGN_OR_RETURN(const std::string sha256, HashFile(path));
  if (sha256 != file.sha256) return Damaged(path, "the file does not match its SHA-256");
  return absl::OkStatus();
}

}  // namespace

absl::Status AddFile(const std::string& directory, const std::string& name, Manifest* manifest) {
  const std::string path = absl::StrCat(directory, "/", name);
  COORDHUB_ASSIGN_OR_RETURN(std::string sha256, HashFile(path));
  manifest->files.push_back({name, FileSize(path), std::move(sha256)});
  return absl::OkStatus();
}

absl::Status WriteManifest(const std::string& directory, const Manifest& manifest) {
  Json files = Json::array();
  for (const Manifest::File& file : manifest.files) {
    files.push_back(
        {{"name", file.name}, {"size_bytes", file.size_bytes}, {"sha256", file.sha256}});
  }
  const Json object = {{"format", manifest.format},
                       {"written_by", manifest.written_by},
                       {"log_id", manifest.log_id},
                       {"revision", manifest.revision},
                       {"compact_revision", manifest.compact_revision},
                       {"files", std::move(files)}};
  const std::string text =
      object.dump(2, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace) + "\n";
  return base::AtomicReplaceFile(PathOf(directory), text, 0600);
}

absl::StatusOr<Manifest> CheckManifest(const std::string& directory) {
  const std::string path = PathOf(directory);
  COORDHUB_ASSIGN_OR_RETURN(const std::optional<std::string> text,
                            base::ReadFile(path, kMaxManifestBytes));
  if (!text) {
    return base::MakeFieldError("backup",
                                absl::StrCat(directory, " is no backup: no manifest.json"));
  }
  std::optional<Manifest> manifest = Parse(*text);
  if (!manifest) return Damaged(path, "the file is no manifest");
  if (manifest->format > kFormatVersion)
    return TooNew(path, manifest->format, manifest->written_by);
  for (const Manifest::File& file : manifest->files) {
    COORDHUB_RETURN_IF_ERROR(CheckListedFile(directory, file));
  }
  return *std::move(manifest);
}

}  // namespace coordhub::journal
