import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { lacks } from "../fakes/need-server.ts";
import { type PostgresServer, startPostgres } from "../fakes/postgres-server.ts";
import { smallDisk } from "../fakes/small-disk.ts";
import { startWecomGateway, type WecomGateway } from "../fakes/wecom-gateway.ts";

const deliverTo = (world: WecomGateway) => (inner: string) =>
  world.cloud.attempt(world.callbackUrl, world.cloud.callback(inner));
const textsSeenBy = (world: WecomGateway, user: string) =>
  world.cloud.seen(user).map(({ text }) => text);

describe.skipIf(lacks("postgresql"))("the gateway on PostgreSQL", () => {
  let server: PostgresServer;
  let world: WecomGateway;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.close());
  beforeEach(async () => {
    await server.start();
    world = await startWecomGateway({ storage: { url: await server.createDatabase() } });
  });
  afterEach(() => world?.close());

  it("answers in the response, and by message/send what takes longer", async () => {
    const deliver = deliverTo(world);
    expect(await deliver(world.cloud.text("echo", "at once"))).toMatchObject({
      passive: "at once",
    });
    let finish = () => {};
    const thinking = new Promise<void>((resolve) => {
      finish = resolve;
    });
    world.model.otherwise(async () => {
      await thinking;
      return { kind: "text", text: "after a while" };
    });
    const inner = world.cloud.text("wei", "take your time");
    expect(await deliver(inner)).toMatchObject({ status: 200, body: "" });
    finish();
    await world.cloud.waitForSeen("wei", 1);
    expect(await deliver(inner)).toMatchObject({ status: 200, body: "" });
    expect(world.cloud.seen("wei")).toMatchObject([{ via: "send", text: "after a while" }]);
    expect(world.cloud.seen("echo")).toHaveLength(1);
  });

  it("asks the platform to come again while the database is away, and answers when it is back", async () => {
    const deliver = deliverTo(world);
    let finish = () => {};
    const thinking = new Promise<void>((resolve) => {
      finish = resolve;
    });
    world.model.otherwise(async () => {
      await thinking;
      return { kind: "text", text: "thought through" };
    });
    // One turn is in the middle when the database goes.
    expect(await deliver(world.cloud.text("wei", "think"))).toMatchObject({ status: 200 });
    await world.model.arrived(1);
    await server.stop("SIGQUIT");
    const refused = world.cloud.text("echo", "while it is away");
    expect(await deliver(refused)).toMatchObject({ status: 503 });
    const ready = await fetch(`${world.gateway.url}/api/health/ready`);
    expect(ready.status).toBe(503);
    finish();

    await server.start();
    await vi.waitFor(async () => expect(await deliver(refused)).toMatchObject({ status: 200 }), {
      timeout: 30_000,
      interval: 100,
    });
    await world.cloud.waitForSeen("wei", 1, 20_000);
    await world.cloud.waitForSeen("echo", 1, 20_000);
    expect(textsSeenBy(world, "wei")).toEqual(["thought through"]);
    expect(textsSeenBy(world, "echo")).toEqual(["while it is away"]);
    expect(await world.gateway.stop("SIGTERM")).toBe(0);
  });
});

describe("the gateway on a full disk", () => {
  const disk = smallDisk(3 * 1024 * 1024);
  let world: WecomGateway | undefined;
  afterEach(async () => {
    await world?.close();
    world = undefined;
  });

  it("asks the platform to come again, and answers each message once when there is room", async (context) => {
    disk.need(context);
    world = await startWecomGateway({ storage: { url: `file:${disk.path}/data` } });
    const deliver = deliverTo(world);
    expect(await deliver(world.cloud.text("echo", "before"))).toMatchObject({ passive: "before" });
    disk.fill();
    const texts: string[] = [];
    let refused: string | undefined;
    for (let n = 0; n < 200 && refused === undefined; n++) {
      const inner = world.cloud.text("echo", `message ${n}`);
      texts.push(`message ${n}`);
      const { status } = await deliver(inner);
      if (status === 503) refused = inner;
      else expect(status).toBe(200);
    }
    expect(refused).toBeDefined();
    disk.free();
    expect(await deliver(refused ?? "")).toMatchObject({ status: 200 });
    await world.cloud.waitForSeen("echo", texts.length + 1, 20_000);
    expect(textsSeenBy(world, "echo").toSorted()).toEqual(["before", ...texts].toSorted());
    expect(await world.gateway.stop("SIGTERM")).toBe(0);
  });
});
