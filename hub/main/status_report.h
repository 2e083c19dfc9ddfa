// The live status of a hub, for people and for programs.

#pragma once

#include <string>

#include "absl/time/time.h"
#include "agent/base/endpoint.h"
#include "coordhub/v1/hub_service.pb.h"

namespace coordhub::hub {

// A few lines for a terminal, times in `zone`. Pure.
std::string StatusText(const v1::GetHubResponse& hub, const base::EndpointFile& endpoint,
                       absl::TimeZone zone);

// One JSON object on one line:
// {"running":true,"pid":…,"version":…,"start_time":…,"draining":…,"endpoint":…,"tcp":…,"workspace":…,"repository":…,
//  "log_id":…,"head_revision":…,"compact_revision":…,"mirrored_revision":…,"mirror_problem":…,"write_refusal":…,
//  "active_agents":…,"tickets":{"OPEN":…}}. Pure.
std::string StatusJson(const v1::GetHubResponse& hub, const base::EndpointFile& endpoint);

}  // namespace coordhub::hub
