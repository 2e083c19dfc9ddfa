// How --help looks.

#pragma once

#include <memory>

#include "CLI/CLI.hpp"

namespace coordhub::coordctl {

// Lines that fit a terminal, subcommands with the first sentence of their descriptions, and long
// lists of choices below their option.
std::shared_ptr<CLI::Formatter> MakeHelpFormatter();

// The words of `text` in lines of at most `width` bytes, where words are no longer.
std::string WrapWords(const std::string& text, size_t width);

}  // namespace coordhub::coordctl
