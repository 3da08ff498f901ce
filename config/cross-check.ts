import { checkChannels } from "./cross-check/channels.ts";
import { checkDlp } from "./cross-check/dlp.ts";
import { checkModels } from "./cross-check/models.ts";
import { checkModeration } from "./cross-check/moderation.ts";
import { checkMonitoring } from "./cross-check/monitoring.ts";
import { checkOpenshell } from "./cross-check/openshell.ts";
import { checkRoles } from "./cross-check/roles.ts";
import { checkTenants } from "./cross-check/tenants.ts";
import { checkTls } from "./cross-check/tls.ts";
import type { Draft } from "./draft.ts";
import type { Report } from "./report.ts";

/** Checks what one key alone cannot tell: references, duplicates, contradictions. */
export const crossCheck = (draft: Draft, report: Report): void => {
  checkChannels(draft, report);
  checkTenants(draft, report);
  checkModels(draft, report);
  checkRoles(draft, report);
  checkTls(draft, report);
  checkOpenshell(draft, report);
  checkDlp(draft, report);
  checkModeration(draft, report);
  checkMonitoring(draft, report);
};
