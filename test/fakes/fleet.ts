import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type ChainReport, chainedTenants, verifyChain } from "../../core/audit/verify.ts";
import { conversationOf } from "../../core/delivery/lane.ts";
import { openStore } from "../../core/store/open-store.ts";
import { answerCrowd, type Question } from "./crowd.ts";
import { freePort } from "./free-port.ts";
import { type GatewayProcess, gatewayProcess, type StartOptions } from "./gateway-process.ts";
import { type OpenAiServer, startOpenAiServer } from "./openai-server.ts";
import type { PostgresServer } from "./postgres-server.ts";
import type { RedisServer } from "./redis-server.ts";
import { storeRows } from "./store-rows.ts";
import { wecomAppOf } from "./wecom-app.ts";
import { startWecomCloud, type WecomCloud } from "./wecom-cloud.ts";

const CALLBACK = "/api/wechat/callback";
// Each process takes it from its environment.
const PORT = "$" + "{PORT}";
// The real one hangs up after 5 s and comes again after about 5 s. On a machine that is busy with
// other tests a gateway may need longer to start and to answer; two retries after a crash still fit
// into the 20 s in which it waits for redeliveries.
const CUT_OFF_MS = 15_000;
const RETRY_AFTER_MS = 8_000;

export interface FleetOptions {
  /** Embedded storage when absent. */
  readonly postgres?: PostgresServer | undefined;
  readonly redis?: RedisServer | undefined;
  /** `--role` of each process; default one process that does everything. */
  readonly roles?: readonly string[];
  /** Whose build each of them runs, as the folder of a checkout; default this one. */
  readonly checkouts?: readonly string[];
}

/** Processes of the built gateway on one store, between stand-ins of WeCom and of a model server. */
export interface Fleet {
  readonly cloud: WecomCloud;
  /** Answers as a crowd's questions ask for. */
  readonly model: OpenAiServer;
  /** In the order of `roles`; none is started yet. */
  readonly processes: readonly GatewayProcess[];
  /** Starts all that do not run. */
  start(how?: StartOptions): Promise<void>;
  /** Where one of the processes takes callbacks; stays the same over its restarts. */
  callbackUrl(process: number): string;
  /**
   * Delivers each as the platform would, all at once, with two retries, to the processes
   * given in turns. Resolves when the last has ended; how many were acknowledged.
   */
  ask(questions: readonly Question[], processes?: readonly number[]): Promise<number>;
  /** Rows of inbox and outbox by table and state, e.g. `{ "inbox done": 100 }`. */
  states(): Promise<Readonly<Record<string, number>>>;
  /** The users whose replies travel in responses, as long as the store does not say that they arrived. */
  inResponses(): Promise<ReadonlySet<string>>;
  /** What came of checking every tenant's audit log. */
  auditLogs(): Promise<readonly ChainReport[]>;
  /** Resolves when so many messages are stored (any number if undefined) and nothing is left to do for them. */
  quiet(messages: number | undefined, timeoutMs: number): Promise<void>;
  /** Warnings and errors in the logs, each kind once with how often it came; to be shown when a test fails. */
  complaints(): string;
  /** What a user saw, put together. */
  seen(user: string): string;
  close(): Promise<void>;
}

/** Prepares a fleet. Users with an even last digit are in another tenant than the others. */
export const createFleet = async (options: FleetOptions): Promise<Fleet> => {
  const { postgres, redis, roles = ["gateway,worker"], checkouts = [] } = options;
  const [cloud, model] = await Promise.all([startWecomCloud(), startOpenAiServer()]);
  answerCrowd(model);
  const databaseUrl = await postgres?.createDatabase();
  const ports: number[] = [];
  for (const _role of roles) ports.push(await freePort());
  const base = gatewayProcess(settingsOf(cloud, model, databaseUrl, redis && databaseOf(redis)));
  const processes = roles.map((role, index) => {
    const checkout = checkouts[index];
    const environment = { PORT: String(ports[index]) };
    return base.beside({ role, environment, ...(checkout !== undefined && { checkout }) });
  });
  const callbackUrl = (process: number) => `http://127.0.0.1:${ports[process]}${CALLBACK}`;

  const { query, states } = storeRows(
    base.folder,
    postgres && databaseUrl !== undefined ? { postgres, url: databaseUrl } : undefined,
  );

  const complaints = () => complaintsIn(processes.map(({ output }) => output).join("\n"));

  /** What a person needs who looks for the reason that something is left. */
  const findings = async (): Promise<string> => {
    const now = `now: ${Date.now()}`;
    const rows = (await Promise.all(UNDONE.map(query))).flat().map((row) => JSON.stringify(row));
    const ends = processes.map(({ output }) => output.trimEnd().split("\n").slice(-5).join("\n"));
    return [now, ...rows, complaints(), ...ends].join("\n");
  };

  const auditLogs = async (): Promise<readonly ChainReport[]> => {
    const store = await openStore({ url: databaseUrl ?? `file:${join(base.folder, "data")}` });
    try {
      const reports: ChainReport[] = [];
      for (const tenant of await chainedTenants(store)) {
        reports.push(await verifyChain(store, tenant, { keys: [], checkpoints: [] }));
      }
      return reports;
    } finally {
      await store.close();
    }
  };

  return {
    cloud,
    model,
    processes,
    start: async (how) => {
      await Promise.all(processes.map((process) => process.start(how)));
    },
    callbackUrl,
    ask: async (questions, to = [0]) => {
      const deliveries = questions.map(({ user, text }, index) =>
        cloud.deliver(
          (attempt) => callbackUrl(to[(index + attempt) % to.length] ?? 0),
          cloud.text(user, text),
          { cutOffMs: CUT_OFF_MS, retryAfterMs: RETRY_AFTER_MS },
        ),
      );
      const ended = await Promise.all(deliveries);
      return ended.filter((attempts) => attempts.at(-1)?.status === 200).length;
    },
    states,
    inResponses: async () => new Set((await query(IN_RESPONSES)).map(({ lane }) => userOf(lane))),
    auditLogs,
    quiet: async (messages, timeoutMs) => {
      const until = Date.now() + timeoutMs;
      for (;;) {
        const rows = await states();
        const ended = (rows["inbox done"] ?? 0) + (rows["inbox dead"] ?? 0);
        if (ended === (messages ?? ended) && LEFT.every((state) => rows[state] === undefined))
          return;
        if (Date.now() > until) {
          throw new Error(`not quiet: ${JSON.stringify(rows)}\n${await findings()}`);
        }
        await delay(500);
      }
    },
    complaints,
    seen: (user) =>
      cloud
        .seen(user)
        .map(({ text }) => text)
        .join(""),
    close: async () => {
      await Promise.all(processes.map((process) => process.remove()));
      await base.remove();
      await Promise.all([cloud.close(), model.close()]);
    },
  };
};

// What one fleet leaves behind in Redis must not keep another one's workers busy.
const REDIS_DATABASES = 16;
let fleetsOnRedis = 0;
const databaseOf = ({ url }: RedisServer): string =>
  new URL(String(fleetsOnRedis++ % REDIS_DATABASES), url).href;

const settingsOf = (
  { app, apiBaseUrl }: WecomCloud,
  model: OpenAiServer,
  databaseUrl: string | undefined,
  redisUrl: string | undefined,
) => {
  const asking = { llm_config: { provider: "stand-in", model: "m" } };
  const everyone = { channel: "wechat_work", workspace: app.corpId };
  const even = Array.from({ length: 500 }, (_, index) => ({
    ...everyone,
    conversation: `${app.agentId}/person${index * 2}`,
  }));
  return {
    server: { host: "127.0.0.1", port: PORT },
    ...(databaseUrl !== undefined && { storage: { url: databaseUrl } }),
    ...(redisUrl !== undefined && { queue: { redis_url: redisUrl } }),
    channels: {
      wechat_work: wecomAppOf(app, { webhook_path: CALLBACK, api_base_url: apiBaseUrl }),
    },
    multi_tenant: {
      tenants: [
        { id: "odd", bindings: [everyone], ...asking },
        { id: "even", bindings: even, ...asking },
      ],
    },
    models: { providers: { "stand-in": { kind: "vllm", base_url: model.baseUrl } } },
    // No skill is used, and without a driver no self-test keeps the machine busy.
    openshell: { isolation: "firecracker" },
  };
};

const complaintsIn = (output: string): string => {
  const times = new Map<string, number>();
  for (const line of output.split("\n")) {
    const entry = parsed(line);
    if (entry && Number(entry.level) < 40) continue;
    const { err, reason } = entry ?? {};
    const cause = (err as { readonly message?: string } | undefined)?.message ?? reason ?? "";
    const text = entry ? `${entry.msg}: ${cause}` : line;
    times.set(text, (times.get(text) ?? 0) + 1);
  }
  return [...times].map(([text, count]) => `${count} x ${text}`).join("\n");
};

const parsed = (line: string): Readonly<Record<string, unknown>> | undefined => {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined; // what a person reads at the start
  }
};

/** Of whom it is the lane; in WeCom a conversation is named `application/user`. */
const userOf = (lane: unknown): string => {
  const { conversationId } = conversationOf(String(lane));
  return conversationId.slice(conversationId.indexOf("/") + 1);
};

const IN_RESPONSES = "SELECT lane FROM outbox WHERE via = 'inline' AND state = 'pending'";

const LEFT = ["inbox pending", "inbox answered", "outbox pending"];

const UNDONE = [
  "SELECT id, tenant_id, state, attempts, owner, stop, received_at FROM inbox WHERE state IN ('pending', 'answered')",
  "SELECT inbox_id, part, via, state, attempts, unsure, owner, due_at, reason FROM outbox WHERE state = 'pending'",
  "SELECT * FROM processes",
];
