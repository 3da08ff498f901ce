import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { startWecomGateway, type WecomGateway } from "../fakes/wecom-gateway.ts";

let world: WecomGateway;
beforeEach(async () => {
  world = await startWecomGateway();
});
afterEach(() => world.close());

const deliver = (inner: string) =>
  world.cloud.attempt(world.callbackUrl, world.cloud.callback(inner));
const messageRecords = () => world.gateway.audit().filter((record) => record.action === "message");

describe("kill -9", () => {
  it("right after the 200 loses nothing: the message is answered after the restart, once", async () => {
    world.model.script({ kind: "hang" });
    const inner = world.cloud.text("wei", "do not forget me");
    expect(await deliver(inner)).toMatchObject({ status: 200, body: "" });
    await world.gateway.stop("SIGKILL");
    await world.gateway.start();
    await world.cloud.waitForSeen("wei", 1);
    expect(await deliver(inner)).toMatchObject({ status: 200, body: "" });
    expect(world.cloud.seen("wei")).toMatchObject([{ via: "send", text: "ok" }]);
  });

  it("in the middle of a skill leaves no sandbox behind and answers after the restart", async (context) => {
    await world.needSandbox(context);
    world.model.script({ kind: "calls", calls: [{ name: "spinner", arguments: { text: "go" } }] });
    await deliver(world.cloud.text("wei", "go"));
    await world.model.arrived(1);
    await world.gateway.stop("SIGKILL");
    await world.gateway.start();
    await world.cloud.waitForSeen("wei", 1, 20_000);
    expect(world.cloud.seen("wei")).toHaveLength(1);
  });

  it("right after a passive reply does not send it again", async () => {
    const inner = world.cloud.text("echo", "only once");
    expect(await deliver(inner)).toMatchObject({ passive: "only once" });
    await world.gateway.stop("SIGKILL");
    await world.gateway.start();
    expect(await deliver(inner)).toMatchObject({ passive: "only once" });
    expect(world.cloud.sendCalls).toEqual([]);
    expect(world.cloud.seen("echo")).toHaveLength(1);
  });

  it("while message/send is unanswered does not show the answer twice", async () => {
    let finish = () => {};
    const thinking = new Promise<void>((resolve) => {
      finish = resolve;
    });
    world.model.otherwise(async () => {
      await thinking;
      return { kind: "text", text: "seen once" };
    });
    world.cloud.failNext("send", { hang: "shown" });
    await deliver(world.cloud.text("wei", "go"));
    finish();
    await world.cloud.waitForSeen("wei", 1);
    await world.gateway.stop("SIGKILL");
    await world.gateway.start();
    await vi.waitFor(() => expect(world.cloud.sendCalls).toHaveLength(2), { timeout: 30_000 });
    expect(world.cloud.seen("wei")).toHaveLength(1);
  });
});

describe("SIGTERM", () => {
  it("lets the running turn finish and its answer go out, then ends with 0, however often it comes", async () => {
    world.model.otherwise(async () => {
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      return { kind: "text", text: "finished" };
    });
    await deliver(world.cloud.text("wei", "go"));
    // A terminal sends Ctrl-C to all of its processes, and npm hands it on once more.
    world.gateway.tell("SIGINT");
    world.gateway.tell("SIGINT");
    expect(await world.gateway.stop("SIGTERM")).toBe(0);
    expect(world.cloud.seen("wei")).toMatchObject([{ text: "finished" }]);
    expect(messageRecords()).toHaveLength(1);
  });

  it("takes nothing new while it drains", async () => {
    const port = Number(new URL(world.gateway.url).port);
    await world.gateway.stop("SIGTERM");
    const socket = connect(port, "127.0.0.1");
    const [error] = await once(socket, "error");
    expect((error as NodeJS.ErrnoException).code).toBe("ECONNREFUSED");
  });
});

describe("a start that fails", () => {
  it("takes no waiting message up, says what to do, and loses nothing", async () => {
    world.model.script({ kind: "hang" });
    await deliver(world.cloud.text("wei", "wait for me"));
    await world.model.arrived(1);
    await world.gateway.stop("SIGKILL");

    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const file = join(world.gateway.folder, "settings.json");
    const settings = JSON.parse(readFileSync(file, "utf8"));
    const { port } = taken.address() as AddressInfo;
    writeFileSync(file, JSON.stringify({ ...settings, server: { port } }));
    await expect(world.gateway.start()).rejects.toThrow(new RegExp(`ended with 2[^]*${port}`));
    taken.close();
    expect(world.model.requests).toHaveLength(1);

    writeFileSync(file, JSON.stringify(settings));
    await world.gateway.start();
    await world.cloud.waitForSeen("wei", 1);
    expect(world.cloud.seen("wei")).toMatchObject([{ via: "send", text: "ok" }]);
  });
});

describe("a second gateway on the same data folder", () => {
  it("refuses to start and says why", async () => {
    const output = () => world.gateway.output;
    await expect(world.gateway.start()).rejects.toThrow(/another gateway already runs/);
    expect(output()).toContain("another gateway already runs");
  });
});
