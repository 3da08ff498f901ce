import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type GatewayProcess, gatewayProcess } from "../fakes/gateway-process.ts";
import { startWecomCloud, type WecomCloud } from "../fakes/wecom-cloud.ts";

// `LOAD_SECONDS=20 npx vitest run test/e2e/wecom-load.test.ts` is the whole run, for a machine with
// two cores of its own; otherwise the machine may be a busy one, so the time asserted is the
// platform's need (its cut-off is at 5 s), not our promise.
const WHOLE = process.env.LOAD_SECONDS !== undefined;
const SECONDS = Number(process.env.LOAD_SECONDS ?? 3);
const PER_SECOND = 300;
const ACKNOWLEDGED_MS = WHOLE ? 250 : 2_500;
const CALLBACK = "/api/wechat/callback";

let cloud: WecomCloud;
let gateway: GatewayProcess;

beforeAll(async () => {
  cloud = await startWecomCloud();
  const { app } = cloud;
  gateway = gatewayProcess({
    channels: {
      wechat_work: {
        ...{ corp_id: app.corpId, agent_id: app.agentId, secret: app.secret, token: app.token },
        ...{ encoding_aes_key: app.encodingAesKey, webhook_path: CALLBACK },
        api_base_url: cloud.apiBaseUrl,
      },
    },
    multi_tenant: {
      tenants: [
        {
          ...{ id: "load", llm_config: { provider: "echo" } },
          bindings: [{ channel: "wechat_work", workspace: app.corpId }],
        },
      ],
    },
  });
  await gateway.start();
});

afterAll(async () => {
  await gateway?.remove();
  await cloud?.close();
});

const quantile = (values: readonly number[], q: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * q)] ?? 0;

it(
  `answers ${PER_SECOND} messages a second once each, a tenth of which the platform delivers twice`,
  async () => {
    const count = PER_SECOND * SECONDS;
    // So few of one person that all of them could be sent within a minute.
    const people = Math.ceil(count / 10);
    const times: number[] = [];
    // How many ended how: 503 = told to come again; unanswered = nothing whole within 5 s.
    const ends: Record<string, number> = {};
    const deliver = async (inner: string): Promise<void> => {
      // A repetition is sealed anew, and none follows a refusal: each is one delivery.
      const [attempt] = await cloud.deliver(gateway.url + CALLBACK, inner, { attempts: 1 });
      const end = attempt?.status ?? "unanswered";
      ends[end] = (ends[end] ?? 0) + 1;
      times.push(attempt?.ms ?? 0);
    };
    const startedAt = performance.now();
    const deliveries: Promise<void>[] = [];
    for (let index = 0; index < count; index++) {
      // At its time, however long earlier ones take: the platform does not wait for us.
      const aheadMs = (index * 1000) / PER_SECOND - (performance.now() - startedAt);
      if (aheadMs > 0) await delay(aheadMs);
      const inner = cloud.text(`user${index % people}`, `message ${index}`);
      deliveries.push(deliver(inner));
      if (index % 10 === 0) deliveries.push(deliver(inner));
    }
    await Promise.all(deliveries);

    expect(ends).toEqual({ 200: deliveries.length });
    for (let person = 0; person < people; person++) {
      const expected = Array.from({ length: count }, (_, index) => index)
        .filter((index) => index % people === person)
        .map((index) => `message ${index}`);
      const seen = await cloud.waitForSeen(`user${person}`, expected.length, 60_000);
      expect(seen.map(({ text }) => text).sort()).toEqual(expected.sort());
    }
    const [p50, p99] = [quantile(times, 0.5), quantile(times, 0.99)];
    const late = times.filter((ms) => ms > 250).length;
    console.log(
      `${times.length} callbacks in ${((performance.now() - startedAt) / 1000).toFixed(1)} s: ` +
        `acknowledged after ${p50.toFixed(1)} ms (p50), ${p99.toFixed(1)} ms (p99), ${late} after 250 ms`,
    );
    expect(p99).toBeLessThan(ACKNOWLEDGED_MS);
  },
  SECONDS * 1000 + 120_000,
);
