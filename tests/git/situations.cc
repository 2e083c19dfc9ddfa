#include "tests/git/situations.h"

namespace coordhub::git {

const char kBeginning[] = R"(
  git init -q ../other && (cd ../other && echo o > o && git add o && git commit -q -m other)
  git init -q .
  printf 'one\ntwo\nthree\nfour\nfive\n' > a.txt; printf 'b\n' > b.txt
  mkdir -p dir/sub && echo c > dir/c.txt && echo d > dir/sub/d.txt
  printf '#!/bin/sh\n' > run.sh && chmod +x run.sh && ln -s a.txt link
  printf '*.log\nbuild/\n' > .gitignore
  git add -A && git commit -q -m beginning
)";

const std::vector<Situation>& Situations() {
  static const auto& all = *new std::vector<Situation>{
      {"Clean", "true"},
      {"Modified", "echo x >> a.txt"},
      {"Staged", "echo x >> a.txt; git add a.txt"},
      {"StagedAndModified", "echo x >> a.txt; git add a.txt; echo y >> a.txt"},
      {"Deleted", "rm a.txt dir/c.txt"},
      {"StagedDeletion", "git rm -q a.txt"},
      {"DeletedFromTheIndexOnly", "git rm -q --cached a.txt",
       "git shows the deletion and the file as two"},
      {"DirectoryDeleted", "rm -r dir"},
      {"Untracked", "echo x > new; echo y > dir/new"},
      {"UntrackedDirectory", "mkdir new; for i in $(seq 50); do echo $i > new/$i; done"},
      {"UntrackedDirectoriesNested",
       "mkdir -p x/y/z dir/p/q; echo 1 > x/y/z/f; echo 1 > dir/p/q/f"},
      {"EmptyDirectories", "mkdir -p empty/inside dir/empty"},
      {"DirectoryOfIgnoredFiles", "mkdir logs; echo 1 > logs/a.log"},
      {"DirectoryOfIgnoredAndOther", "mkdir logs; echo 1 > logs/a.log; echo 1 > logs/a.txt"},
      {"IgnoredFile", "echo 1 > x.log"},
      {"IgnoredDirectory", "mkdir -p build/deep; echo 1 > build/deep/f"},
      {"TrackedInIgnoredDirectory",
       "mkdir build; echo 1 > build/kept; git add -f build/kept; git commit -q -m k; echo 2 > "
       "build/kept; echo 3 > build/other"},
      {"IgnoreNegated",
       "printf 'out/*\\n!out/keep\\n' >> .gitignore; mkdir out; echo 1 > out/x; "
       "echo 1 > out/keep"},
      {"IgnoreDeeper", "echo '*.tmp' > dir/.gitignore; echo 1 > dir/x.tmp; echo 1 > x.tmp"},
      {"ExcludeOfTheRepository", "echo secret >> .git/info/exclude; echo 1 > secret"},
      {"ExcludesFile",
       "echo '*.mine' > ../mine; git config core.excludesFile \"$PWD/../mine\"; "
       "echo 1 > a.mine"},
      {"StagedRename", "git mv a.txt z.txt"},
      {"StagedRenameWithChange", "git mv a.txt z.txt; echo more >> z.txt; git add z.txt"},
      {"RenameTooDifferent", "git mv b.txt z.txt; seq 100 > z.txt; git add z.txt"},
      {"RenameThenModified", "git mv a.txt z.txt; echo more >> z.txt"},
      {"UnstagedRename", "mv a.txt z.txt"},
      {"RenameFoundInTheWorktree", "mv a.txt z.txt; git add -N z.txt",
       "git finds renames to files that are intended to be added"},
      {"RenamesTurnedOff", "git config status.renames false; git mv a.txt z.txt",
       "status.renames is not asked"},
      {"CopiesTurnedOn",
       "git config status.renames copies; cp a.txt z.txt; echo x >> a.txt; git add -A"},
      {"RenamedDirectory", "git mv dir folder"},
      {"IntendedToAdd", "echo 1 > new; git add -N new"},
      {"Executable", "chmod +x a.txt; chmod -x run.sh"},
      {"ExecutableNotAsked", "git config core.fileMode false; chmod +x a.txt"},
      {"SymlinkChanged", "ln -sf b.txt link"},
      {"FileBecameSymlink", "rm a.txt; ln -s b.txt a.txt"},
      {"FileBecameDirectory", "rm a.txt; mkdir a.txt; echo 1 > a.txt/f",
       "git shows the deletion and the directory as two"},
      {"DirectoryBecameFile", "rm -r dir; echo 1 > dir"},
      {"Touched", "touch a.txt; touch -d '2001-01-01' b.txt"},
      {"Rewritten", "cp a.txt t; cat t > a.txt; rm t"},
      {"ManyUntracked", "for i in $(seq 500); do echo $i > f$i; done"},
      {"StrangeNames",
       "touch -- 'with space' $'new\\nline' $'tab\\t' '\"quoted\"' 'ü' '-dash' '!! x'"},
      {"Conflict",
       "git switch -q -c x; echo x > b.txt; git commit -qam x; git switch -q -; echo y > b.txt; "
       "git commit -qam y; git merge -q x || true"},
      {"ConflictOfDeletion",
       "git switch -q -c x; git rm -q b.txt; git commit -qm x; git switch -q -; echo y > b.txt; "
       "git commit -qam y; git merge -q x || true"},
      {"ConflictOfAdditions",
       "git switch -q -c x; echo x > n; git add n; git commit -qm x; git switch -q -; echo y > n; "
       "git add n; git commit -qm y; git merge -q x || true"},
      {"RebaseUnderWay",
       "git switch -q -c x; echo x > b.txt; git commit -qam x; git switch -q -; echo y > b.txt; "
       "git commit -qam y; git switch -q x; git rebase -q main || true"},
      {"CherryPickUnderWay",
       "git switch -q -c x; echo x > b.txt; git commit -qam x; git switch -q -; echo y > b.txt; "
       "git commit -qam y; git cherry-pick x || true"},
      {"DetachedHead", "git switch -q --detach; echo x >> a.txt"},
      {"OrphanBranch", "git switch -q --orphan fresh; echo 1 > new; git add new"},
      {"OrphanWithEverythingStaged", "git checkout -q --orphan fresh"},
      {"SoftReset", "echo x > n; git add n; git commit -qm n; git reset -q --soft HEAD~1"},
      {"MixedReset", "echo x > n; git add n; git commit -qm n; git reset -q HEAD~1"},
      {"Stashed", "echo x >> a.txt; echo n > n; git stash -q"},
      {"BranchMovedUnderTheWorktree",
       "echo x >> a.txt; git commit -qam x; git update-ref refs/heads/main HEAD~1"},
      {"LineEndsConverted", "git config core.autocrlf true; printf 'b\\r\\n' > b.txt"},
      {"LineEndsNotConverted", "printf 'b\\r\\n' > b.txt"},
      {"LineEndsByAttribute",
       "echo '*.txt text eol=crlf' > .gitattributes; printf 'b\\r\\n' > b.txt"},
      {"Filter",
       "git config filter.low.clean 'tr A-Z a-z'; echo 'b.txt filter=low' > "
       ".gitattributes; echo B > b.txt",
       "filters that are programs do not run"},
      {"Encoding",
       "echo 'u.txt working-tree-encoding=UTF-16' > .gitattributes; printf "
       "'\\377\\376a\\0' > u.txt; git add -A; git commit -qm u; touch -d 2001-01-01 u.txt"},
      {"UntrackedAll", "git config status.showUntrackedFiles all; mkdir n; touch n/1 n/2 n/3",
       "status.showUntrackedFiles is not asked"},
      {"UntrackedNone", "git config status.showUntrackedFiles no; touch n; echo x >> a.txt",
       "status.showUntrackedFiles is not asked"},
      {"NestedRepository", "git init -q nested; echo 1 > nested/f"},
      {"NestedRepositoryWithCommits", "git clone -q ../other nested; echo 1 > nested/f"},
      {"NestedRepositoryEmpty", "mkdir deep; git init -q deep/nested",
       "a repository without files is passed over"},
      {"SubmoduleAdded", "git submodule add -q ../other sub"},
      {"SubmoduleClean", "git submodule add -q ../other sub; git commit -qm sub"},
      {"SubmoduleModified",
       "git submodule add -q ../other sub; git commit -qm sub; echo x >> sub/o"},
      {"SubmoduleWithUntracked",
       "git submodule add -q ../other sub; git commit -qm sub; echo x > sub/new"},
      {"SubmoduleWithCommits",
       "git submodule add -q ../other sub; git commit -qm sub; git -C sub commit -q --allow-empty "
       "-m more"},
      {"SubmoduleNotAsked",
       "git submodule add -q ../other sub; git commit -qm sub; git config submodule.sub.ignore "
       "all; echo x >> sub/o",
       "settings of submodules are not asked"},
      {"SubmoduleRemoved", "git submodule add -q ../other sub; git commit -qm sub; git rm -q sub"},
      {"SkipWorktree", "git update-index --skip-worktree a.txt; echo x >> a.txt"},
      {"AssumeUnchanged", "git update-index --assume-unchanged a.txt; echo x >> a.txt"},
      {"SparseCheckout", "git sparse-checkout set dir/sub; echo x >> dir/sub/d.txt; echo 1 > n"},
      {"SparseIndex",
       "git sparse-checkout set --cone --sparse-index dir/sub; echo x >> "
       "dir/sub/d.txt",
       "a sparse index cannot be read"},
      {"SplitIndex", "git update-index --split-index; echo x >> a.txt; git add a.txt",
       "a split index cannot be read"},
      {"IndexOfVersion4", "git update-index --index-version 4; echo x >> a.txt"},
      {"UntrackedCache", "git update-index --untracked-cache; mkdir n; touch n/1"},
      {"LinkedWorktree",
       "git worktree add -q ../linked -b conversation-1; echo x >> "
       "../linked/a.txt; echo 1 > ../linked/new"},
      {"LinkedWorktreeLocked", "git worktree add -q --lock ../linked; rm ../linked/a.txt"},
      {"LinkedWorktreeInside", "git worktree add -q inside -b x; echo 1 > inside/new"},
      {"LinkedWorktreeDetached", "git worktree add -q --detach ../linked; echo 1 > ../linked/n"},
      {"LinkedWorktreeSparse",
       "git worktree add -q ../linked; git -C ../linked sparse-checkout set dir; echo 1 > "
       "../linked/n"},
      {"Collected", "echo x >> a.txt; git commit -qam x; git gc -q; echo y >> b.txt"},
      {"CaseOfANameChanged", "git mv b.txt B.txt"},
  };
  return all;
}

}  // namespace coordhub::git
