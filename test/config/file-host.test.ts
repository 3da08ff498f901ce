import { describe, expect, it } from "vitest";
import { foldFileHost, isFileHost } from "../../config/file-host.ts";
import { load, problemsOf } from "./workspace.ts";

const wecom = (block: object) => ({
  channels: { wechat_work: { bots: [{ bot_id: "aib1", secret: "s" }], ...block } },
});
const hostsOf = (block: object) => load(wecom(block)).settings.channels.wechat_work?.file_hosts;

describe("channels.wechat_work.file_hosts", () => {
  it("is Tencent's object store where nothing is said", () => {
    expect(hostsOf({})).toEqual(["*.myqcloud.com"]);
    const bucket = "ww-aibot-img-1258476243.cos.ap-guangzhou.myqcloud.com";
    expect(isFileHost(["*.myqcloud.com"], bucket)).toBe(true);
  });

  it("may be empty: then files come from api_base_url alone", () => {
    expect(hostsOf({ file_hosts: [] })).toEqual([]);
  });

  it("is folded to the form in which hosts are compared", () => {
    const written = ["Files.EXAMPLE.com", "*.Example.NET", "文件庫.example.com"];
    expect(hostsOf({ file_hosts: written })).toEqual([
      "files.example.com",
      "*.example.net",
      "xn--5nqu69aq8e.example.com",
    ]);
  });

  it.each([
    ...["", "*", "*.com", "*.", "files", "localhost", "a.localhost", "nas.local", "db.internal"],
    ...["10.0.0.1", "8.8.8.8", "２.2.2.2", "0x7f.1", "127.1", "[::1]", "::1", "*.168.0.1"],
    ...["https://a.example.com", "a.example.com:443", "a.example.com/f", "u@a.example.com"],
    ...["a.example.com.", " a.example.com", "a.*.example.com", "**.example.com", "a..example.com"],
    ...["a%2eexample.com", "a\\.example.com", "a.example.com?", "-a.example.com", "a\u00ad b.com"],
  ])("attack: is not %j, which is no name of a public host", (entry) => {
    expect(foldFileHost(entry)).toBeUndefined();
    expect(problemsOf(wecom({ file_hosts: ["a.example.com", entry] }))).toMatchObject([
      { path: "channels.wechat_work.file_hosts[1]" },
    ]);
  });
});
