import type { DepartmentNeeds } from "../../config/department-needs.ts";
import type { TenantIndex } from "../../config/tenant.ts";
import type { AuditLog, AuditRecord } from "../../core/audit-log.ts";
import type { Receive } from "../../core/contract/channel.ts";
import type { Log } from "../../core/contract/log.ts";
import { createInProcessSchedule } from "../../core/delivery/in-process.ts";
import { createRunningTurns, type RunningTurns } from "../../core/delivery/running-turns.ts";
import type { Schedule } from "../../core/delivery/schedule.ts";
import { createDispatcher } from "../../core/dispatcher.ts";
import type { Pipeline } from "../../core/pipeline.ts";
import type { Store } from "../../core/store/store.ts";
import { type FakeChannel, fakeChannel } from "./channel.ts";
import { deliveryProcess } from "./delivery-process.ts";
import type { RecordedLog } from "./log.ts";
import { recordedAudit, tenantWith } from "./turn.ts";

/** One process's way of a message through the store, at work, with stand-ins at the edges only. */
export interface CoreGateway {
  readonly channel: FakeChannel;
  readonly receive: Receive;
  readonly log: RecordedLog;
  readonly records: readonly AuditRecord[];
  /** Takes over what the settings say. */
  apply(tenants: TenantIndex): void;
  /** Ends it at once: running turns are given back. */
  stop(): Promise<void>;
}

export interface CoreGatewayOptions {
  readonly store: Store;
  /** Where the master key is. */
  readonly folder: string;
  readonly pipeline: (parts: PipelineNeeds) => Pipeline;
  /** Default: everybody is in tenant `sales`. */
  readonly tenants?: TenantIndex;
  /** Default: nothing does. */
  readonly asksForDepartments?: DepartmentNeeds;
  /** Default: one that is called `test`. */
  readonly channels?: readonly FakeChannel[];
  /** Default: as the schedule says. */
  readonly isFull?: Schedule["isFull"];
  readonly lookEveryMs?: number;
  readonly isWorker?: boolean;
}

export interface PipelineNeeds {
  readonly turns: RunningTurns;
  readonly auditLog: AuditLog;
  readonly log: Log;
  /** There may be work in this lane now. */
  readonly wake: Schedule["wake"];
}

/** Whose tenant is named by their role, also within one conversation; that of people without one. */
export const tenantByRole = (otherwise: string): TenantIndex => ({
  get: () => undefined,
  resolve: ({ roles: [id = otherwise] }) => ({ kind: "tenant", tenant: tenantWith([], { id }) }),
});

const sales: TenantIndex = {
  get: () => tenantWith(),
  resolve: () => ({ kind: "tenant", tenant: tenantWith() }),
};

export const coreGateway = async (options: CoreGatewayOptions): Promise<CoreGateway> => {
  const { store, folder, pipeline, channels = [fakeChannel()], lookEveryMs = 0 } = options;
  const { isWorker = true } = options;
  let { tenants = sales } = options;
  const now = () => new Date();
  const stopping = new AbortController();
  const { signal } = stopping;
  const auditLog = recordedAudit();
  const adapters = new Map(channels.map((channel) => [channel.name, channel]));
  const { inbox, outbox, log, lease } = await deliveryProcess({
    ...{ store, folder, now, adapters, signal, schedule: () => sends },
    takesAtOnce: isWorker,
  });
  const turns = createRunningTurns({ inbox, log, signal, lookEveryMs });
  const rules = pipeline({ turns, auditLog, log, wake: (lane) => schedule.wake(lane) });
  const dispatcher = createDispatcher({
    ...{ inbox, outbox, turns, adapters, auditLog, log, now, signal },
    schedule: () => ({
      wake: schedule.wake,
      isFull: options.isFull ?? schedule.isFull,
    }),
    isWorker,
    rules: () => ({
      ...{ tenants, pipeline: rules },
      ...(options.asksForDepartments && { asksForDepartments: options.asksForDepartments }),
    }),
  });
  const onError = (_lane: unknown, err: unknown) => log.error({ err }, "step failed");
  const settings = { concurrency: 16, perTenant: 8, retryAfterMs: 20, onError, now };
  const sends = createInProcessSchedule({
    ...{ ...settings, step: outbox.step, source: outbox.lanes },
  });
  const schedule = createInProcessSchedule({
    ...{ ...settings, step: dispatcher.step, source: inbox.pendingLanes },
  });
  return {
    channel: channels[0] ?? fakeChannel(),
    receive: dispatcher.receive,
    log,
    records: auditLog.records,
    apply: (next) => {
      tenants = next;
    },
    stop: async () => {
      stopping.abort();
      await schedule.drain();
      await sends.drain();
      await lease.release();
    },
  };
};
