import { expect, it, vi } from "vitest";
import { startUpkeep } from "../../../core/memory/upkeep.ts";

it("looks at every tenant's memory at the start and once an hour, also of tenants that came since", () => {
  vi.useFakeTimers();
  try {
    const tenants = [{ id: "sales" }];
    const looked: string[] = [];
    const memory = {
      indexSoon: ({ tenantId }: { tenantId: string }) => void looked.push(tenantId),
    };
    const stop = startUpkeep(memory, () => tenants);
    expect(looked.splice(0)).toEqual(["sales"]);
    tenants.push({ id: "legal" });
    vi.advanceTimersByTime(60 * 60_000);
    expect(looked.splice(0)).toEqual(["sales", "legal"]);
    stop();
    vi.advanceTimersByTime(60 * 60_000);
    expect(looked).toEqual([]);
  } finally {
    vi.useRealTimers();
  }
});
