import type { Log } from "../contract/log.ts";
import { SealError } from "../keys/errors.ts";
import type { ContentCipher } from "../store/content-cipher.ts";
import type { TenantScope } from "../store/scope.ts";
import { toHex } from "../to-hex.ts";
import type { Exchange } from "./exchange.ts";

/** What is sealed of a row. */
export interface Remembered extends Exchange {
  readonly workspaceId: string;
  readonly senderId: string;
  /** Personal data was found in what the person sent, even if it was redacted. */
  readonly isSensitive: boolean;
}

/** A row as far as it is needed to open it. */
export interface SealedRow {
  readonly id: Uint8Array;
  readonly content: Uint8Array;
}

/** Opens what a row holds; undefined when it is not what was sealed there, which counts as gone. */
export type OpenRow = (scope: TenantScope, row: SealedRow) => Promise<Remembered | undefined>;

/** Where in the store a row's sealed part belongs. */
export const placeOf = (id: Uint8Array): string => `memory/${toHex(id)}/content`;

/** Opens rows with this cipher; one that was damaged is logged, and in nobody's way. */
export const createOpenRow =
  (cipher: ContentCipher, log: Pick<Log, "warn">): OpenRow =>
  async (scope, { id, content }) => {
    try {
      return JSON.parse(String(await cipher.open(scope, placeOf(id), content))) as Remembered;
    } catch (cause) {
      if (!(cause instanceof SealError)) throw cause;
      log.warn({ err: cause, tenant: scope.tenantId }, "a row of the memory cannot be opened");
      return undefined;
    }
  };
