import type Router from "@koa/router";
import type { Settings } from "../../config/schema.ts";
import type { TenantIndex } from "../../config/tenant.ts";
import type { SigningKey } from "../../core/audit/signing-key.ts";
import type { AuditLog } from "../../core/audit-log.ts";
import type { Log } from "../../core/contract/log.ts";
import type { Skill } from "../../core/contract/skill.ts";
import type { Counters } from "../../core/delivery/counters.ts";
import type { Lane } from "../../core/delivery/schedule.ts";
import type { Memory } from "../../core/memory/memory.ts";
import { createApiKeys } from "../../core/operators/api-keys.ts";
import { createQueue } from "../../core/operators/queue.ts";
import { createRejectionRecorder } from "../../core/rejections.ts";
import { createReviews } from "../../core/reviews/reviews.ts";
import type { ContentCipher } from "../../core/store/content-cipher.ts";
import type { Store } from "../../core/store/store.ts";
import { createGuard } from "./guard.ts";
import { createRoutes } from "./routes.ts";
import { addApiRoutes } from "./serve.ts";

export interface ApiParts {
  readonly server: Settings["server"];
  readonly store: Store;
  readonly cipher: ContentCipher;
  readonly auditLog: AuditLog;
  /** What certificates are signed with. Throws where it cannot be had. */
  readonly auditKey: () => SigningKey;
  readonly counters: Counters;
  /** The text of one scrape of the metrics. */
  readonly scrape: () => Promise<string>;
  readonly memory: Memory;
  /** There may be work in this lane now. */
  readonly wake: (lane: Lane) => void;
  readonly settings: () => Settings;
  readonly tenants: () => Pick<TenantIndex, "get">;
  /** Those that could be loaded. */
  readonly skills: () => ReadonlyMap<string, Skill>;
  readonly log: Log;
  readonly now: () => Date;
}

/** Adds the operators' API, all of it behind keys. */
export const addApi = (router: Router, parts: ApiParts): void => {
  const { auditLog, log, now } = parts;
  const keys = createApiKeys(parts);
  const onRejected = createRejectionRecorder(auditLog, log, now, "api");
  const guard = createGuard({ ...parts, keys, onRejected });
  const routes = createRoutes({
    ...parts,
    keys,
    queue: createQueue(parts),
    reviews: createReviews(parts),
  });
  addApiRoutes(router, routes, { guard, log });
};
