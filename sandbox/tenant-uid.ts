import { createHash } from "node:crypto";

const FIRST = 100_000;
const COUNT = 2_000_000_000;

/** The user id that a tenant's jobs run as: always the same one, far from the machine's own users. */
export const tenantUid = (tenantId: string): number =>
  FIRST + (createHash("sha256").update(tenantId).digest().readUInt32BE() % COUNT);
