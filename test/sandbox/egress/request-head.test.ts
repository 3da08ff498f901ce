import { describe, expect, it } from "vitest";
import { readRequestHead, type Via } from "../../../sandbox/egress/request-head.ts";

const read = (url: string, rawHeaders: readonly string[], via: Via = { kind: "proxy" }) =>
  readRequestHead({ method: "GET", url, rawHeaders }, via);
const host = ["Host", "a.test"];

describe("the head of a request", () => {
  it("gives host, port and target, and drops what is about the connection", () => {
    const headers = [
      ...host,
      "Connection",
      "x-drop, close",
      "X-Drop",
      "1",
      "Upgrade-Insecure",
      "1",
    ];
    expect(read("http://A.TEST/p?q", headers)).toEqual({
      ok: true,
      host: "a.test",
      port: 80,
      target: "/p?q",
      headers: [["Upgrade-Insecure", "1"]],
    });
    expect(read("http://a.test:8080?q", ["Host", "a.test:8080"])).toMatchObject({
      port: 8080,
      target: "/?q",
    });
    expect(read("http://a.test", [])).toMatchObject({ ok: true, target: "/" });
  });

  it.each([
    ["a second Host", [...host, "Host", "b.test"]],
    ["the same Host twice", [...host, ...host]],
    ["two lengths", [...host, "Content-Length", "1", "content-length", "1"]],
    ["a length and chunks", [...host, "Content-Length", "1", "Transfer-Encoding", "chunked"]],
    ["a length that is none", [...host, "Content-Length", "+1"]],
    ["a list of lengths", [...host, "Content-Length", "1, 1"]],
    ["another coding", [...host, "Transfer-Encoding", "gzip, chunked"]],
    ["two codings", [...host, "Transfer-Encoding", "chunked", "Transfer-Encoding", "chunked"]],
    ["a coding with a blank", [...host, "Transfer-Encoding", "\x0bchunked"]],
    ["a name with a blank", [...host, "X Y", "1"]],
    ["a name with a colon", [...host, "X:", "1"]],
    ["an empty name", [...host, "", "1"]],
    ["a value with a line", [...host, "X", "1\r\nY: 2"]],
    ["a value with a NUL", [...host, "X", "\0"]],
    ["a dropped Host", [...host, "Connection", "close, Host"]],
    ["a dropped length", [...host, "Content-Length", "1", "Connection", "content-length"]],
  ])("is refused with %s", (_what, headers) => {
    expect(read("http://a.test/", headers)).toMatchObject({ ok: false, status: 400 });
  });

  it.each([
    ["http://a.test/", ["Host", "b.test"]],
    ["http://a.test:81/", ["Host", "a.test"]],
    ["http://a.test/", ["Host", "a.test:81"]],
    ["http://a.test/", ["Host", ""]],
    ["http://a.test/", ["Host", "a.test, b.test"]],
    ["http://a.test/", [...host, "Upgrade", "websocket"]],
  ])("is refused for %s with %j", (url, headers) => {
    expect(read(url, headers)).toMatchObject({ ok: false, status: 403, host: "a.test" });
  });

  it.each([
    ...["/", "*", "https://a.test/", "ftp://a.test/", "http:/a.test/", "http:a.test", "//a.test/"],
    ...["http://a.test:0/", "http://a.test:x/", "http://user@a.test/", "http://user:pw@a.test/"],
    ...[
      "http://a.test/\u00e9",
      "http://a.test/#x",
      "http:///",
      "http://a.test\\@b.test/",
      "a.test:80",
    ],
    ...["http://a%2etest/", "http://a.test%00/"],
  ])("is refused for the URL %s", (url) => {
    expect(read(url, host)).toMatchObject({ ok: false });
  });

  it("needs a Host where there is no URL, and inside TLS the tunnel's own", () => {
    const terminated = { kind: "terminated", host: "a.test", port: 443 } as const;
    expect(read("/p", [], { kind: "direct" })).toMatchObject({ ok: false, status: 400 });
    expect(read("/p", host, { kind: "direct" })).toMatchObject({ ok: true, port: 80 });
    expect(read("/p", host, terminated)).toMatchObject({ ok: true, port: 443 });
    expect(read("/p", ["Host", "a.test:443"], terminated)).toMatchObject({ ok: true });
    expect(read("/p", ["Host", "b.test"], terminated)).toMatchObject({ ok: false, status: 403 });
    expect(read("/p", ["Host", "a.test:444"], terminated)).toMatchObject({
      ok: false,
      status: 403,
    });
    expect(read("http://a.test/p", host, terminated)).toMatchObject({ ok: false, status: 400 });
  });

  it("does not pass TRACE on", () => {
    const trace = { method: "TRACE", url: "http://a.test/", rawHeaders: host };
    expect(readRequestHead(trace, { kind: "proxy" })).toMatchObject({ ok: false, status: 403 });
  });
});
