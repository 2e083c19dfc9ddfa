// One function for each command; each in a file of its own.

#pragma once

#include "agent/coordctl/command.h"

namespace coordhub::coordctl {

void AddAgentRegister(CLI::App* agent, Context* context);
void AddAgentList(CLI::App* agent, Context* context);
void AddAgentShow(CLI::App* agent, Context* context);
void AddAgentHold(CLI::App* agent, Context* context);
void AddAgentLeave(CLI::App* agent, Context* context);

void AddTicketCreate(CLI::App* ticket, Context* context);
void AddTicketImport(CLI::App* ticket, Context* context);
void AddTicketList(CLI::App* ticket, Context* context);
void AddTicketShow(CLI::App* ticket, Context* context);
void AddTicketNext(CLI::App* ticket, Context* context);
void AddTicketClaim(CLI::App* ticket, Context* context);
void AddTicketRenew(CLI::App* ticket, Context* context);
void AddTicketProgress(CLI::App* ticket, Context* context);
void AddTicketComplete(CLI::App* ticket, Context* context);
void AddTicketFail(CLI::App* ticket, Context* context);
void AddTicketRelease(CLI::App* ticket, Context* context);
void AddTicketCancel(CLI::App* ticket, Context* context);
void AddTicketReopen(CLI::App* ticket, Context* context);
void AddTicketComment(CLI::App* ticket, Context* context);
void AddTicketUpdate(CLI::App* ticket, Context* context);

void AddLoopList(CLI::App* loop, Context* context);
void AddLoopStep(CLI::App* loop, Context* context);
void AddLoopPause(CLI::App* loop, Context* context);
void AddLoopResume(CLI::App* loop, Context* context);

void AddWorktreeAdd(CLI::App* worktree, Context* context);
void AddWorktreeList(CLI::App* worktree, Context* context);
void AddWorktreeRemove(CLI::App* worktree, Context* context);

void AddOperationList(CLI::App* operation, Context* context);
void AddOperationShow(CLI::App* operation, Context* context);
void AddOperationCancel(CLI::App* operation, Context* context);

void AddRoundOpen(CLI::App* round, Context* context);
void AddRoundReady(CLI::App* round, Context* context);
void AddRoundWithdraw(CLI::App* round, Context* context);
void AddRoundStatus(CLI::App* round, Context* context);
void AddRoundPlan(CLI::App* round, Context* context);
void AddRoundIntegrate(CLI::App* round, Context* context);
void AddRoundList(CLI::App* round, Context* context);
void AddRoundLog(CLI::App* round, Context* context);
void AddRoundCancel(CLI::App* round, Context* context);

void AddConflicts(CLI::App* root, Context* context);
void AddGateSet(CLI::App* gate, Context* context);
void AddGateList(CLI::App* gate, Context* context);
void AddGateDelete(CLI::App* gate, Context* context);
void AddGateRun(CLI::App* gate, Context* context);
void AddGateLog(CLI::App* gate, Context* context);

void AddStatus(CLI::App* root, Context* context);
void AddDebug(CLI::App* root, Context* context);
void AddMaintain(CLI::App* root, Context* context);
void AddTop(CLI::App* root, Context* context);
void AddWatch(CLI::App* root, Context* context);
void AddMe(CLI::App* root, Context* context);

// `hub` alone shows the status.
void AddHub(CLI::App* root, Context* context);
void AddHubCompact(CLI::App* hub, Context* context);
void AddHubBackup(CLI::App* hub, Context* context);
void AddHubVerify(CLI::App* hub, Context* context);
void AddHubDrain(CLI::App* hub, Context* context);

void AddCompletion(CLI::App* root, Context* context);

}  // namespace coordhub::coordctl
