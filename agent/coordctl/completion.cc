#include "agent/coordctl/completion.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace coordhub::coordctl {
namespace {

// What may stand for a value.
//   "": nothing, it is a flag    "text": anything    "file", "directory"
//   "ticket", "agent", "gate": ask the hub    "branch": ask git
//   else: the words themselves, separated by spaces
using Kind = std::string;

struct Option {
  std::vector<std::string> names;  // with their hyphens
  std::string description;
  Kind kind;
};

struct Node {
  std::string path;  // "ticket list"; the root's is empty
  std::string description;
  std::vector<std::string> children;  // names
  std::vector<Option> options;
  Kind positional;
};

// The words of a type such as "TEXT:{auto,always,never}".
Kind ChoicesOf(const std::string& type) {
  const size_t open = type.find('{');
  const size_t close = type.rfind('}');
  if (open == std::string::npos || close == std::string::npos) return "";
  return absl::StrReplaceAll(type.substr(open + 1, close - open - 1), {{",", " "}});
}

Kind KindOf(const CLI::Option& option) {
  if (Kind choices = ChoicesOf(option.get_type_name()); !choices.empty()) return choices;
  const std::string name = option.get_name(/*positional=*/option.get_positional());
  const auto ends_with = [&name](const std::string& end) {
    return name.size() >= end.size() &&
           name.compare(name.size() - end.size(), end.size(), end) == 0;
  };
  if (name == "TICKET" || name == "--ticket" || name == "--parent") return "ticket";
  if (name == "AGENT" || name == "--holder" || name == "--assignee" || name == "--agent") {
    return "agent";
  }
  if (name == "GATE" || name == "--gate") return "gate";
  if (ends_with("FILE") || ends_with("file") || name == "--operator-token" || name == "--bundle") {
    return "file";
  }
  if (name == "BRANCH" || name == "OTHER" || name == "--branch") return "branch";
  if (name == "DIRECTORY" || name == "--worktree") return "directory";
  return "text";
}

Node MakeNode(const CLI::App& app, const std::string& path) {
  Node node;
  node.path = path;
  node.description = app.get_description();
  for (const CLI::App* child : app.get_subcommands([](const CLI::App*) { return true; })) {
    node.children.push_back(child->get_name());
  }
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) {
      if (node.positional.empty()) node.positional = KindOf(*option);
      continue;
    }
    Option made;
    for (const std::string& name : option->get_lnames()) made.names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) made.names.push_back("-" + name);
    made.description = option->get_description();
    const bool is_flag = option->get_items_expected_max() == 0;
    if (!is_flag) made.kind = KindOf(*option);
    node.options.push_back(std::move(made));
  }
  return node;
}

void Collect(const CLI::App& app, const std::string& path, std::vector<Node>* nodes) {
  nodes->push_back(MakeNode(app, path));
  for (const CLI::App* child : app.get_subcommands([](const CLI::App*) { return true; })) {
    Collect(*child, path.empty() ? child->get_name() : path + " " + child->get_name(), nodes);
  }
}

std::vector<Node> Tree(const CLI::App& root) {
  std::vector<Node> nodes;
  Collect(root, "", &nodes);
  // The root's options may stand anywhere.
  const std::vector<Option> global = nodes[0].options;
  for (size_t i = 1; i < nodes.size(); ++i) {
    for (const Option& option : global) {
      if (option.names[0] != "--help") nodes[i].options.push_back(option);
    }
  }
  return nodes;
}

// A word for a shell, in single quotes.
std::string Quote(const std::string& text) {
  return "'" + absl::StrReplaceAll(text, {{"'", "'\\''"}, {"\n", " "}}) + "'";
}

// The first sentence, for the list that zsh shows.
std::string Brief(const std::string& description) {
  return description.substr(0, description.find(". "));
}

// "a | b) echo words ;;" for each, in a function of the path.
std::string CaseFunction(const std::string& name, const std::vector<Node>& nodes,
                         std::string (*words)(const Node&)) {
  std::string out = absl::StrCat(name, "() {\n  case \"$1\" in\n");
  for (const Node& node : nodes) {
    const std::string said = words(node);
    if (!said.empty()) {
      absl::StrAppend(&out, "    ", Quote(node.path), ") echo ", Quote(said), " ;;\n");
    }
  }
  return absl::StrCat(out, "  esac\n}\n");
}

// What kind of value the option $2 takes after the commands $1; nothing for flags.
std::string ValueFunction(const std::vector<Node>& nodes) {
  std::string out = "_coordctl_value() {\n  case \"$1:$2\" in\n";
  for (const Node& node : nodes) {
    for (const Option& option : node.options) {
      if (option.kind.empty()) continue;
      const std::string patterns =
          absl::StrJoin(option.names, " | ", [&](std::string* to, const std::string& name) {
            to->append(Quote(node.path + ":" + name));
          });
      absl::StrAppend(&out, "    ", patterns, ") echo ", Quote(option.kind), " ;;\n");
    }
  }
  return absl::StrCat(out, "  esac\n}\n");
}

std::string Children(const Node& node) { return absl::StrJoin(node.children, " "); }

std::string OptionNames(const Node& node) {
  std::vector<std::string> names;
  for (const Option& option : node.options) names.push_back(option.names[0]);
  return absl::StrJoin(names, " ");
}

std::string Positional(const Node& node) { return node.positional; }

constexpr char kBash[] = R"bash(
# The words that a kind of value stands for.
_coordctl_reply() {
  local IFS=$'\n'
  case "$1" in
    text | '') COMPREPLY=() ;;
    file)
      COMPREPLY=($(compgen -f -- "$2"))
      compopt -o filenames 2>/dev/null
      ;;
    directory)
      COMPREPLY=($(compgen -d -- "$2"))
      compopt -o filenames 2>/dev/null
      ;;
    ticket) COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" --timeout 1s ticket list 2>/dev/null | cut -f1)" -- "$2")) ;;
    agent) COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" --timeout 1s agent list 2>/dev/null | cut -f1)" -- "$2")) ;;
    branch) COMPREPLY=($(compgen -W "$(git for-each-ref --format='%(refname:short)' refs/heads 2>/dev/null)" -- "$2")) ;;
    gate) COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" --timeout 1s gate list 2>/dev/null | cut -f1)" -- "$2")) ;;
    *) COMPREPLY=($(compgen -W "${1// /$'\n'}" -- "$2")) ;;
  esac
}

_coordctl() {
  local current=${COMP_WORDS[COMP_CWORD]} path='' word awaited='' index
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=${COMP_WORDS[index]}
    if [[ $word == '=' ]]; then
      continue
    elif [[ -n $awaited ]]; then
      awaited=''
    elif [[ $word == -* ]]; then
      [[ -n $(_coordctl_value "$path" "$word") ]] && awaited=$word
    elif [[ " $(_coordctl_commands "$path") " == *" $word "* ]]; then
      path=${path:+$path }$word
    fi
  done
  [[ $current == '=' ]] && current=''
  if [[ -n $awaited ]]; then
    _coordctl_reply "$(_coordctl_value "$path" "$awaited")" "$current"
  elif [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$(_coordctl_options "$path")" -- "$current"))
  elif [[ -n $(_coordctl_commands "$path") ]]; then
    COMPREPLY=($(compgen -W "$(_coordctl_commands "$path")" -- "$current"))
  else
    _coordctl_reply "$(_coordctl_positional "$path")" "$current"
  fi
}
complete -F _coordctl coordctl
)bash";

constexpr char kZsh[] = R"zsh(
# Offers the words that a kind of value stands for.
_coordctl_offer() {
  local -a found
  case "$1" in
    text | '') _message 'text' ;;
    file) _files ;;
    directory) _files -/ ;;
    ticket)
      found=(${(f)"$("${words[1]}" --timeout 1s ticket list 2>/dev/null | awk -F'\t' '{ print $1 ":" $7 }')"})
      _describe -t tickets 'ticket' found
      ;;
    agent)
      found=(${(f)"$("${words[1]}" --timeout 1s agent list 2>/dev/null | cut -f1)"})
      _describe -t agents 'agent' found
      ;;
    branch)
      found=(${(f)"$(git for-each-ref --format='%(refname:short)' refs/heads 2>/dev/null)"})
      _describe -t branches 'branch' found
      ;;
    gate)
      found=(${(f)"$("${words[1]}" --timeout 1s gate list 2>/dev/null | cut -f1)"})
      _describe -t gates 'gate' found
      ;;
    *)
      found=(${(s: :)1})
      _describe -t values 'value' found
      ;;
  esac
}

_coordctl() {
  local current=${words[CURRENT]} path_='' word awaited='' index
  local -a reply
  for ((index = 2; index < CURRENT; index++)); do
    word=${words[index]}
    if [[ -n $awaited ]]; then
      awaited=''
    elif [[ $word == -*=* ]]; then
      continue
    elif [[ $word == -* ]]; then
      [[ -n $(_coordctl_value "$path_" "$word") ]] && awaited=$word
    elif [[ " $(_coordctl_commands "$path_") " == *" $word "* ]]; then
      path_=${path_:+$path_ }$word
    fi
  done
  if [[ -n $awaited ]]; then
    _coordctl_offer "$(_coordctl_value "$path_" "$awaited")"
  elif [[ $current == --*=* ]]; then
    compset -P '*='
    _coordctl_offer "$(_coordctl_value "$path_" "${current%%=*}")"
  elif [[ $current == -* ]]; then
    _coordctl_describe_options "$path_"
    _describe -t options 'option' reply
  elif [[ -n $(_coordctl_commands "$path_") ]]; then
    _coordctl_describe_commands "$path_"
    _describe -t commands 'command' reply
  else
    _coordctl_offer "$(_coordctl_positional "$path_")"
  fi
}
compdef _coordctl coordctl
)zsh";

// "name:description" for zsh's _describe, in which a colon of the name would be quoted.
std::string Described(const std::string& name, const std::string& description) {
  return Quote(absl::StrCat(name, ":", Brief(description)));
}

std::string DescribeCommands(const std::vector<Node>& nodes) {
  std::string out = "_coordctl_describe_commands() {\n  case \"$1\" in\n";
  for (const Node& node : nodes) {
    if (node.children.empty()) continue;
    absl::StrAppend(&out, "    ", Quote(node.path), ") reply=(");
    const std::string prefix = node.path.empty() ? "" : node.path + " ";
    for (const std::string& child : node.children) {
      const auto it = std::find_if(nodes.begin(), nodes.end(), [&](const Node& candidate) {
        return candidate.path == prefix + child;
      });
      absl::StrAppend(&out, "\n      ", Described(child, it->description));
    }
    absl::StrAppend(&out, ") ;;\n");
  }
  return absl::StrCat(out, "  esac\n}\n");
}

std::string DescribeOptions(const std::vector<Node>& nodes) {
  std::string out = "_coordctl_describe_options() {\n  case \"$1\" in\n";
  for (const Node& node : nodes) {
    absl::StrAppend(&out, "    ", Quote(node.path), ") reply=(");
    for (const Option& option : node.options) {
      absl::StrAppend(&out, "\n      ", Described(option.names[0], option.description));
    }
    absl::StrAppend(&out, ") ;;\n");
  }
  return absl::StrCat(out, "  esac\n}\n");
}

std::string Data(const std::vector<Node>& nodes) {
  return absl::StrCat(CaseFunction("_coordctl_commands", nodes, Children),
                      CaseFunction("_coordctl_options", nodes, OptionNames),
                      CaseFunction("_coordctl_positional", nodes, Positional),
                      ValueFunction(nodes));
}

}  // namespace

std::string BashCompletion(const CLI::App& root) {
  return absl::StrCat("# Completion of coordctl for bash: source <(coordctl completion bash)\n",
                      Data(Tree(root)), kBash);
}

std::string ZshCompletion(const CLI::App& root) {
  const std::vector<Node> nodes = Tree(root);
  return absl::StrCat(
      "#compdef coordctl\n# Completion of coordctl for zsh: source <(coordctl completion zsh)\n",
      Data(nodes), DescribeCommands(nodes), DescribeOptions(nodes), kZsh);
}

}  // namespace coordhub::coordctl
