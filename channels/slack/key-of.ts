import { createHash } from "node:crypto";

const WORD = /^[\w.:-]{1,128}$/;

/**
 * What Slack names something by, as part of an id of ours: as it is, or its hash where it is long,
 * a secret such as an address, or holds what no store takes.
 */
export const keyOf = (name: string): string =>
  WORD.test(name) ? name : createHash("sha256").update(name).digest("base64url");
