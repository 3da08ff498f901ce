import { once } from "node:events";
import { request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import Router from "@koa/router";
import Koa from "koa";
import { addApi } from "../../../cli/api/api.ts";
import { addHealthRoutes } from "../../../cli/health.ts";
import { type Settings, settingsSchema } from "../../../config/schema.ts";
import { createTenantIndex } from "../../../config/tenant.ts";
import {
  openSigningKey,
  type VerifyingKey,
  verifyingKey,
} from "../../../core/audit/signing-key.ts";
import { createAuditLog } from "../../../core/audit-log.ts";
import type { Skill } from "../../../core/contract/skill.ts";
import { type Counters, createCounters } from "../../../core/delivery/counters.ts";
import type { Lane } from "../../../core/delivery/schedule.ts";
import { createMemory, type Memory } from "../../../core/memory/memory.ts";
import { createApiKeys, type NewApiKey } from "../../../core/operators/api-keys.ts";
import type { Store } from "../../../core/store/store.ts";
import type { OperatedQueue } from "../../core/operators/operated-queue.ts";
import { type RecordedLog, recordedLog } from "../../fakes/log.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";
import { fakeSandbox } from "../../fakes/turn.ts";

/** What came back, the body parsed. */
export interface ApiResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: unknown;
}

export interface Asked {
  readonly key?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; text as it is. */
  readonly body?: unknown;
}

/** The operators' API on a port of its own, on the store of an operated queue. */
export interface ApiServer {
  readonly port: number;
  readonly router: Router;
  readonly counters: Counters;
  readonly memory: Memory;
  readonly log: RecordedLog;
  /** What certificates are signed with, for whoever proves one. */
  publicKey(): VerifyingKey;
  /** Lanes that were woken, in order. */
  readonly woken: readonly Lane[];
  ask(method: string, path: string, asked?: Asked): Promise<ApiResponse>;
  /** Makes a key as on the command line; its text. */
  key(wanted?: Partial<NewApiKey>): Promise<string>;
  close(): Promise<void>;
}

const SETTINGS = settingsSchema.parse({
  multi_tenant: {
    tenants: [
      {
        ...{ id: "sales", name: "Sales", max_api_budget_monthly_usd: 50 },
        bindings: [{ channel: "slack", workspace: "T1" }],
        ...{ allowed_skills: ["*"], blocked_skills: ["payroll"] },
        agents: [{ name: "helper" }, { name: "writer", skills: ["search", "payroll"] }],
        secrets: [{ name: "API_KEY", value: "PLANTED-secret", host: "api.test" }],
      },
      { id: "support", allowed_skills: ["payroll"], agents: [{ name: "PLANTED-agent" }] },
    ],
  },
});

const skillNamed = (name: string): Skill => ({
  ...{ name, description: `does ${name}`, instructions: "PLANTED", folder: `/skills/${name}` },
  files: new Map(),
  ...{ digest: "d1", risk: "low", egress: [], secrets: [], limits: {} },
});

const folder = temporaryFolder();

/** Tenants of these settings are `sales` and `support`. */
export const startApi = async (
  store: Store,
  at: OperatedQueue,
  server: Partial<Settings["server"]> = {},
): Promise<ApiServer> => {
  const now = () => new Date(at.clock);
  const auditLog = createAuditLog(store, at.process.cipher);
  const counters = createCounters();
  const log = recordedLog();
  const woken: Lane[] = [];
  const router = new Router();
  addHealthRoutes(router, {
    holdsLease: () => true,
    ...{ inbox: at.process.inbox, adapters: new Map(), sandbox: fakeSandbox().sandbox },
    isDraining: () => false,
  });
  const auditKey = () => openSigningKey(join(folder.path, "audit.key"));
  const memory = createMemory({ store, cipher: at.process.cipher, log, now });
  addApi(router, {
    ...{ store, cipher: at.process.cipher, auditLog, counters, memory, log, now },
    server: { host: "127.0.0.1", port: 0, trusted_proxies: [], ...server },
    wake: (lane) => woken.push(lane),
    auditKey,
    scrape: async () => "clawgate_test 1\n",
    settings: () => SETTINGS,
    tenants: () => createTenantIndex(SETTINGS),
    skills: () => new Map(["search", "payroll", "shell"].map((name) => [name, skillNamed(name)])),
  });
  const http = new Koa().use(router.routes()).listen(0, "127.0.0.1");
  await once(http, "listening");
  const { port } = http.address() as AddressInfo;
  const keys = createApiKeys({ store, auditLog, now });
  return {
    ...{ port, router, memory, counters, log, woken },
    publicKey: () => verifyingKey(auditKey().publicPem, "the gateway's"),
    key: async (wanted = {}) => {
      const made = await keys.create(
        { who: "cli" },
        { tenantId: "sales", label: "test", permissions: ["queue:view"], ...wanted },
      );
      if (made.kind !== "created") throw new Error(made.message);
      return made.text;
    },
    ask: async (method, path, { key, headers = {}, body } = {}) => {
      const outgoing = request({ host: "127.0.0.1", port, method, path, agent: false });
      if (key !== undefined) outgoing.setHeader("Authorization", `Bearer ${key}`);
      if (body !== undefined) outgoing.setHeader("Content-Type", "application/json");
      for (const [name, value] of Object.entries(headers)) outgoing.setHeader(name, value);
      outgoing.end(typeof body === "object" ? JSON.stringify(body) : body);
      const [incoming] = await once(outgoing, "response");
      let text = "";
      for await (const chunk of incoming) text += chunk;
      const isJson = `${incoming.headers["content-type"]}`.startsWith("application/json");
      return {
        status: incoming.statusCode,
        headers: incoming.headers,
        body: isJson && text !== "" ? JSON.parse(text) : text,
      };
    },
    close: async () => {
      await memory.close();
      http.closeAllConnections();
      http.close();
      await once(http, "close");
    },
  };
};
