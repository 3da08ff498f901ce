import { Readable } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  hideSecrets,
  hideSecretsIn,
  placeCredentials,
  placeholderOf,
} from "../../../sandbox/egress/credentials.ts";

const key = { name: "API_KEY", secret: "s3cr et&=", host: "a.test" };
const longer = { name: "API_KEY_2", secret: "other", host: "a.test" };
const place = (target: string, headers: readonly (readonly [string, string])[] = []) =>
  placeCredentials({ target, headers }, [key, longer]);

describe("placing a credential", () => {
  it("puts secrets into header values, Basic ones too, and says which", () => {
    const basic = (pair: string) => `Basic ${Buffer.from(pair).toString("base64")}`;
    const result = place("/", [
      ["Authorization", `Bearer ${placeholderOf("API_KEY")}`],
      ["X-Basic", basic(`me:${placeholderOf("API_KEY_2")}`)],
      ["X-Other", basic("me:you")],
    ]);
    expect(result?.headers).toEqual([
      ["Authorization", "Bearer s3cr et&="],
      ["X-Basic", basic("me:other")],
      ["X-Other", basic("me:you")],
    ]);
    expect(result?.placed).toEqual([key, longer]);
  });

  it("puts secrets into query parameters, escaped, and not into the path", () => {
    const raw = placeholderOf("API_KEY");
    expect(place(`/${raw}?k=${raw}&x=a%20b`)?.target).toBe(`/${raw}?k=s3cr%20et%26%3D&x=a%20b`);
    expect(place(`/?k=${encodeURIComponent(raw)}`)?.target).toBe("/?k=s3cr%20et%26%3D");
    expect(place("/?k=%ff&plain")).toEqual({ target: "/?k=%ff&plain", headers: [], placed: [] });
  });

  it("leaves the placeholder of a credential that is not given", () => {
    const stranger = `x ${placeholderOf("API")} ${placeholderOf("API_KEY_3")}`;
    expect(place("/", [["X", stranger]])?.headers).toEqual([["X", stranger]]);
  });

  it("refuses a secret that would end the header", () => {
    const bad = { name: "K", secret: "a\r\nHost: evil", host: "a.test" };
    const headers = [["X", placeholderOf("K")]] as const;
    expect(placeCredentials({ target: "/", headers }, [bad])).toBeUndefined();
  });
});

describe("hiding secrets", () => {
  const stream = async (chunks: readonly Buffer[]) => {
    const out: Buffer[] = [];
    for await (const chunk of hideSecretsIn([key, longer])(Readable.from(chunks))) out.push(chunk);
    return out;
  };

  it("finds them however the body is cut", async () => {
    const text = `<${key.secret}>s3cr s3cr e${key.secret}${longer.secret}s3`;
    const hidden = hideSecrets(text, [key, longer]);
    expect(hidden).not.toContain(key.secret);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(text.length), { maxLength: 30 }), async (cuts) => {
        const edges = [0, ...cuts].sort((left, right) => left - right);
        const chunks = edges.map((from, index) => Buffer.from(text.slice(from, edges[index + 1])));
        expect(Buffer.concat(await stream(chunks)).toString()).toBe(hidden);
      }),
    );
  });

  it("leaves every other byte alone, and holds nothing back that cannot be a secret's beginning", async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    expect(Buffer.concat(await stream([bytes]))).toEqual(bytes);
    expect((await stream([Buffer.from("data: 1\n\n"), Buffer.from("data: 2\n\n")])).length).toBe(2);
  });
});
