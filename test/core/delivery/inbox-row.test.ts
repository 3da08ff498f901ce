import { expect, it } from "vitest";
import { openMessage, sealMessage } from "../../../core/delivery/inbox-row.ts";
import { type TenantScope, tenantScope } from "../../../core/store/scope.ts";
import { textMessage } from "../../fakes/messages.ts";

const scope: TenantScope = tenantScope("sales");
const message = textMessage("m1");
const row = { channel: message.channel, key: message.id, message: Buffer.alloc(0) };
const opened = (plain: string) =>
  openMessage(
    { of: () => Promise.reject(new Error("unused")), open: async () => Buffer.from(plain) },
    scope,
    row,
  );

it("opens what it sealed", async () => {
  let sealed = "";
  const bytes = Buffer.alloc(0);
  const seal = (_place: string, plain: Uint8Array | string) => {
    sealed = String(plain);
    return bytes;
  };
  sealMessage({ scope, seal, fingerprint: () => bytes, tag: () => bytes }, message);
  expect(await opened(sealed)).toEqual(message);
});

it("opens what earlier versions sealed, who wrote instants as text", async () => {
  expect(await opened(JSON.stringify(message))).toEqual(message);
});
