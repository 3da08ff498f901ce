import { expect, it } from "vitest";
import { isSafe } from "../../../channels/discord/gateway-url.ts";

it.each([
  ["wss://gateway.discord.gg", "https://discord.com/api", true],
  ["wss://gateway-us-east1-b.discord.gg", "wss://gateway.discord.gg", true],
  ["wss://proxy.example/gateway", "https://proxy.example/api", true],
  ["ws://proxy.example/gateway", "http://proxy.example/api", false],
  ["ws://127.0.0.1:5/gateway", "http://localhost:4/api", true],
  ["ws://127.0.0.1:5/gateway", "https://discord.com/api", false],
  ["https://gateway.discord.gg", "https://discord.com/api", false],
])("the token may go to %s beside %s: %s", (url, trusted, isAllowed) => {
  expect(isSafe(url, trusted)).toBe(isAllowed);
});
