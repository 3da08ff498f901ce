import { once } from "node:events";
import type { Server } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createApi } from "../../../channels/wecom/api.ts";
import { createTrustingFetch, type Reach } from "../../../channels/wecom/trusting-fetch.ts";
import { selfSigned } from "../../fakes/certificate.ts";
import { startHttpProxy } from "../../fakes/http-proxy.ts";

const { cert, key } = selfSigned("localhost");
const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

const listening = async (server: Server): Promise<number> => {
  servers.push(server);
  server.listen(0, "localhost");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
};

/** A private installation below a path: says which path it was asked for, and with what. */
const installation = () =>
  listening(
    createServer({ cert, key }, async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { url, headers } = request;
      const type = headers["content-type"];
      const body = Buffer.concat(chunks).toString("latin1");
      response.end(JSON.stringify({ errcode: 0, url, type, body }));
    }),
  );

const callAt = async (port: number, reach: Reach, form?: FormData) => {
  const fetch = await createTrustingFetch(reach);
  const call = createApi({ baseUrl: `https://localhost:${port}/wx/`, fetch, timeoutMs: 5_000 });
  const request = { path: "/cgi-bin/gettoken", query: { corpid: "c" }, ...(form && { form }) };
  return call(request, new AbortController().signal);
};

describe("a private installation", () => {
  it("is reached under its path when its authority is named", async () => {
    const result = await callAt(await installation(), { ca: cert });
    expect(result).toMatchObject({
      kind: "answered",
      body: { url: "/wx/cgi-bin/gettoken?corpid=c" },
    });
  });

  it("is not trusted without that", async () => {
    const result = await callAt(await installation(), {});
    expect(result).toMatchObject({ kind: "unreachable", reason: "DEPTH_ZERO_SELF_SIGNED_CERT" });
  });

  it("is not trusted when another authority is named", async () => {
    const result = await callAt(await installation(), { ca: selfSigned("localhost").cert });
    expect(result.kind).not.toBe("answered");
  });

  it("gets files whole", async () => {
    const form = new FormData();
    form.append("media", new Blob(["bytes of it"]), "報表.csv");
    const result = await callAt(await installation(), { ca: cert }, form);
    if (result.kind !== "answered") return expect.unreachable();
    expect(result.body.type).toMatch(/^multipart\/form-data; boundary=/);
    expect(result.body.body).toContain("bytes of it");
  });

  it("is reached through a proxy", async () => {
    const proxy = await startHttpProxy();
    const port = await installation();
    const result = await callAt(port, { ca: cert, proxyUrl: proxy.url });
    expect(result).toMatchObject({ kind: "answered" });
    expect(proxy.asked).toMatchObject([{ host: `localhost:${port}` }]);
    await proxy.close();
  });
});
