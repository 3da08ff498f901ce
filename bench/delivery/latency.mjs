// How long a message that comes alone waits until its turn begins: at a steady rate, far from what
// the machine can take.
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { cpuUs, createFigures, figure, quantile, row } from "./measure.mjs";
import { createPlace, newMessages, openDelivery } from "./parts.mjs";

const PER_SECOND = 100;
const TICK_MS = 5;

/** Sends at its rate, and resolves when all turns have begun: times from `received`, in milliseconds. */
const measured = async (delivery, count) => {
  const messages = newMessages(count);
  const receivedAt = new Map();
  const stored = [];
  const begun = [];
  let allBegun = () => {};
  const onPoint = ({ point, messageId }) => {
    const at = performance.now();
    if (point === "received") receivedAt.set(messageId, at);
    if (point === "stored") stored.push(at - receivedAt.get(messageId));
    if (point === "running" && begun.push(at - receivedAt.get(messageId)) === count) allBegun();
  };
  subscribe("clawgate.message", onPoint);
  const cpuBefore = cpuUs();
  const startedAt = performance.now();
  await new Promise((resolve, reject) => {
    allBegun = resolve;
    let sent = 0;
    const timer = setInterval(() => {
      const due = Math.floor(((performance.now() - startedAt) / 1000) * PER_SECOND);
      while (sent < Math.min(due, count)) delivery.receive(messages[sent++]).catch(reject);
      if (sent === count) clearInterval(timer);
    }, TICK_MS);
  });
  unsubscribe("clawgate.message", onPoint);
  return {
    stored: quantile(stored, 0.5),
    p50: quantile(begun, 0.5),
    p99: quantile(begun, 0.99),
    cpuUs: (cpuUs() - cpuBefore) / count,
  };
};

export const latency = async ({ rounds, scale, servers }) => {
  const count = Math.ceil(1_000 * scale);
  const ways = [["in-process, SQLite"]];
  for (const createDatabase of servers.databases) {
    ways.push(["in-process, PostgreSQL", createDatabase]);
    if (servers.redis) ways.push(["bull, PostgreSQL", createDatabase, servers.redis.url]);
  }
  const opened = [];
  for (const [name, createDatabase, redisUrl] of ways) {
    const takesAtOnce = redisUrl === undefined;
    const process = await openDelivery(await createPlace(createDatabase), { takesAtOnce });
    opened.push({ name, process, delivery: process.work(redisUrl) });
  }
  const figures = createFigures();
  for (const { delivery } of opened) await measured(delivery, Math.ceil(count / 4)); // warm-up
  for (let round = 0; round < rounds; round++) {
    for (const { name, delivery } of opened) figures.add(name, await measured(delivery, count));
  }
  for (const { delivery, process } of opened) {
    await delivery.drain();
    await process.close();
  }
  console.log(
    `\nlatency: ${rounds} rounds of ${count} at ${PER_SECOND} per s; median (worst round)`,
  );
  row("", ["stored p50 ms", "begun p50 ms", "begun p99 ms", "CPU us each"]);
  for (const name of figures.names()) {
    const { stored, p50, p99, cpuUs: cpu } = figures.of(name);
    row(name, [figure(stored, 2), figure(p50, 2), figure(p99, 2), figure(cpu, 0)]);
  }
};
