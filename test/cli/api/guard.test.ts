import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { expect, it } from "vitest";
import { ApiError } from "../../../cli/api/errors.ts";
import { createGuard } from "../../../cli/api/guard.ts";
import { settingsSchema } from "../../../config/schema.ts";
import type { ApiKey } from "../../../core/operators/api-keys.ts";
import { recordedAudit } from "../../fakes/turn.ts";

const KEY: ApiKey = {
  ...{ id: "1", tenantId: "sales", label: "x" },
  permissions: ["*"],
  createdAt: new Date(0),
};

it("attack: guesses made all at once are no more tries than guesses made one by one", async () => {
  const answers: ((key: ApiKey | undefined) => void)[] = [];
  const guard = createGuard({
    server: settingsSchema.parse({}).server,
    store: { read: () => Promise.reject(new Error("a tenant's key needs no look")) },
    tenants: () => ({ get: () => undefined }),
    keys: { verify: () => new Promise((resolve) => void answers.push(resolve)) },
    auditLog: recordedAudit(),
    onRejected: () => {},
    now: () => new Date(0),
  });
  const guess = async (): Promise<number> => {
    const request = new IncomingMessage(new Socket());
    request.headers = { host: "127.0.0.1", authorization: "Bearer a-guess" };
    try {
      await guard(request, "queue:view");
      return 200;
    } catch (cause) {
      if (cause instanceof ApiError) return cause.status;
      throw cause;
    }
  };
  const ten = Array.from({ length: 10 }, guess);
  const eleventh = guess();
  // All of them wait for the store, and the eleventh is right.
  expect(answers).toHaveLength(11);
  for (const [at, answer] of answers.entries()) answer(at === 10 ? KEY : undefined);
  expect(await Promise.all(ten)).toEqual([...Array<number>(9).fill(401), 429]);
  expect(await eleventh).toBe(429);
});
