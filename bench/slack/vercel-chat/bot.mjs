// An echo bot on Vercel's Chat SDK with its Slack adapter, as their pages show it, with the state in
// memory. It is measured only where its packages are installed, in this folder and nowhere else:
//
//     npm install --prefix bench/slack/vercel-chat --no-save --no-package-lock \
//       chat@4.41.1 @chat-adapter/slack@4.41.1 @chat-adapter/state-memory@4.41.0
import { createServer } from "node:http";
import { createSlackAdapter } from "@chat-adapter/slack";
import { createMemoryState } from "@chat-adapter/state-memory";
import { Chat } from "chat";

const [, , apiUrl, signingSecret, port, path] = process.argv;
const slack = createSlackAdapter({ botToken: "xoxb-bench", signingSecret, apiUrl });
const bot = new Chat({
  userName: "bench",
  adapters: { slack },
  state: createMemoryState(),
  logger: "silent",
});
bot.onDirectMessage(async (thread, message) => {
  await thread.post(message.text);
});

/** Its handlers take and give what a browser's `fetch` does. */
const answer = async (incoming, response) => {
  const chunks = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const { method, headers } = incoming;
  const request = new Request(`http://127.0.0.1:${port}${path}`, {
    method,
    headers,
    body: Buffer.concat(chunks),
  });
  const { status, body } = await bot.webhooks.slack(request, { waitUntil: () => {} });
  const bytes = body === null ? "" : Buffer.from(await new Response(body).arrayBuffer());
  response.writeHead(status, { "content-length": Buffer.byteLength(bytes) }).end(bytes);
};

createServer((incoming, response) => {
  answer(incoming, response).catch(() => response.writeHead(500).end());
}).listen(Number(port), "127.0.0.1", () => console.log(`listens on http://127.0.0.1:${port}`));
