import type { Slot, SlotSpec } from "../driver.ts";
import type { EngineProcess } from "../engine-process.ts";
import { SandboxError } from "../errors.ts";
import type { SlotResources } from "./slot-resources.ts";

/** A booted sandbox, as an engine keeps it. */
export interface BootedSlot {
  readonly resources: Pick<SlotResources, "id" | "release">;
  readonly engine: EngineProcess;
  /** Aborts when the sandbox is of no use any more although its process lives. */
  readonly broken?: AbortSignal;
}

/** The slots of one driver. */
export interface Slots<T extends BootedSlot> {
  prepare(spec: SlotSpec): Promise<Slot>;
  /** Hands a slot out for its one job. Throws SandboxError the second time. */
  use(slot: Slot): T;
  destroy(slot: Slot): Promise<void>;
}

/** `boot` leaves nothing behind when it fails; `release` gives back what an engine took besides. */
export const createSlots = <T extends BootedSlot>(
  boot: (spec: SlotSpec) => Promise<T>,
  release: (booted: T) => void = () => {},
): Slots<T> => {
  const slots = new Map<string, T>();
  const used = new Set<string>();
  return {
    async prepare(spec) {
      const booted = await boot(spec);
      const { id } = booted.resources;
      const ended = new AbortController();
      // Whatever ended it: an engine without its process is of no use any more.
      booted.engine.exit.finally(() => ended.abort()).catch(() => {});
      booted.broken?.addEventListener("abort", () => ended.abort());
      if (booted.broken?.aborted) ended.abort();
      slots.set(id, booted);
      return { id, spec, ended: ended.signal };
    },
    use({ id }) {
      const booted = slots.get(id);
      if (booted === undefined || used.has(id)) throw new SandboxError("slot is not prepared");
      used.add(id);
      return booted;
    },
    async destroy({ id }) {
      const booted = slots.get(id);
      if (booted === undefined) return;
      await booted.resources.release();
      booted.engine.release();
      release(booted);
      slots.delete(id);
      used.delete(id);
    },
  };
};
