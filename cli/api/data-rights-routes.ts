import { z } from "zod";
import type { TenantIndex } from "../../config/tenant.ts";
import type { SigningKey } from "../../core/audit/signing-key.ts";
import type { AuditLog } from "../../core/audit-log.ts";
import { certify } from "../../core/data-rights/certificate.ts";
import { createConsents } from "../../core/data-rights/consents.ts";
import { erasePerson } from "../../core/data-rights/erase-person.ts";
import { exportPerson } from "../../core/data-rights/export-person.ts";
import { createLegalHolds } from "../../core/memory/legal-holds.ts";
import type { Memory } from "../../core/memory/memory.ts";
import type { ContentCipher } from "../../core/store/content-cipher.ts";
import { tenantScope } from "../../core/store/scope.ts";
import type { Store } from "../../core/store/store.ts";
import { personExportView } from "../memory-view.ts";
import { parseStoredPerson, personName, STORED_PERSON_FORM } from "../person-name.ts";
import { checked } from "./checked.ts";
import { ApiError } from "./errors.ts";
import { knownTenant } from "./known-tenant.ts";
import type { Call, Route } from "./route.ts";

export interface DataRightsRouteParts {
  readonly store: Store;
  readonly cipher: ContentCipher;
  readonly auditLog: AuditLog;
  readonly memory: Pick<Memory, "allOf" | "eraseMost" | "eraserOf">;
  readonly tenants: () => Pick<TenantIndex, "get">;
  /** What certificates are signed with. Throws where it cannot be had. */
  readonly auditKey: () => SigningKey;
  readonly now: () => Date;
}

/** What the routes of a person's rights do; as `clawgate memory export` and `erase` with `--user`. */
export const dataRightsHandlers = (parts: DataRightsRouteParts) => {
  const consents = createConsents(parts);
  const holds = createLegalHolds(parts);

  const asked = async (call: Call) => {
    const { id } = await knownTenant(parts, call, "memory:manage");
    const { user: person } = checked("body", personBody, call.body);
    return { scope: tenantScope(id), person, who: call.operator.who };
  };

  const exportData: Route["handle"] = async (call) => {
    const { scope, person, who } = await asked(call);
    const data = await exportPerson({ ...parts, consents, holds }, who, scope, person);
    return { status: 200, body: personExportView(scope.tenantId, personName(person), data) };
  };

  const erase: Route["handle"] = async (call) => {
    const { scope, person, who } = await asked(call);
    // Before anything is gone: without it there would be no certificate.
    const key = parts.auditKey();
    const erased = await erasePerson({ ...parts, holds }, who, scope, person);
    if (erased.kind === "erased") return { status: 200, body: certify(erased.erasure, key) };
    const message = "a legal hold keeps this person's data, so nothing was erased";
    throw new ApiError(409, "LEGAL_HOLD", message);
  };

  return { exportData, erase };
};

/** What both routes take: in the body, since an address may be written into many a log on its way. */
export const personBody = z.strictObject({
  user: z.string(STORED_PERSON_FORM).transform((text, context) => {
    const person = parseStoredPerson(text);
    if (person) return person;
    context.addIssue(STORED_PERSON_FORM);
    return z.NEVER;
  }),
});
