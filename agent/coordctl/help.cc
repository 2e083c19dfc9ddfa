#include "agent/coordctl/help.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace coordhub::coordctl {
namespace {

constexpr size_t kLineWidth = 98;
constexpr size_t kNameWidth = 32;
constexpr size_t kLongType = 56;

class HelpFormatter final : public CLI::Formatter {
 public:
  HelpFormatter() { column_width(kNameWidth); }

  std::string make_description(const CLI::App* app) const override {
    return WrapWords(CLI::Formatter::make_description(app), kLineWidth) + "\n";
  }

  std::string make_subcommand(const CLI::App* sub) const override {
    const std::string description = sub->get_description();
    const std::string brief = description.substr(0, description.find(". "));
    return Entry(sub->get_name(), brief);
  }

  std::string make_option_opts(const CLI::Option* option) const override {
    if (option->get_type_name().size() <= kLongType) {
      return CLI::Formatter::make_option_opts(option);
    }
    return " CHOICE ...";
  }

  std::string make_option_desc(const CLI::Option* option) const override {
    std::string description = option->get_description();
    const std::string type = option->get_type_name();
    if (type.size() > kLongType) {
      const size_t open = type.find('{') + 1;
      absl::StrAppend(
          &description, ": ",
          absl::StrReplaceAll(type.substr(open, type.rfind('}') - open), {{",", ", "}}));
    }
    return WrapWords(description, kLineWidth - kNameWidth);
  }

 private:
  static std::string Entry(const std::string& name, const std::string& description) {
    std::stringstream out;
    CLI::detail::format_help(out, "  " + name, WrapWords(description, kLineWidth - kNameWidth),
                             kNameWidth);
    return out.str();
  }
};

}  // namespace

std::shared_ptr<CLI::Formatter> MakeHelpFormatter() { return std::make_shared<HelpFormatter>(); }

std::string WrapWords(const std::string& text, size_t width) {
  std::string out;
  size_t used = 0;
  for (const absl::string_view word :
       absl::StrSplit(text, absl::ByAnyChar(" \n"), absl::SkipEmpty())) {
    if (used > 0 && used + 1 + word.size() > width) {
      out += '\n';
      used = 0;
    }
    if (used > 0) out += ' ';
    absl::StrAppend(&out, word);
    used += word.size() + (used > 0 ? 1 : 0);
  }
  return out;
}

}  // namespace coordhub::coordctl
