// The echo bot that is usually written by hand: Bolt with its own HTTP receiver, as its pages show
// it. It stores nothing and knows no duplicates.
import { App } from "@slack/bolt";

const [, , baseUrl, signingSecret, port, endpoints] = process.argv;
const app = new App({
  signingSecret,
  endpoints,
  authorize: async () => ({ botToken: "xoxb-bench", botId: "B0BENCH", botUserId: "U0BENCH" }),
  clientOptions: { slackApiUrl: baseUrl },
});
app.message(async ({ message, say }) => {
  await say({ text: message.text, thread_ts: message.thread_ts ?? message.ts });
});
await app.start(Number(port));
console.log(`listens on http://127.0.0.1:${port}`);
