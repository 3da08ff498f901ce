// Claims about delivery, each a section; docs/speed.md says which are met:
//
// accept    32 at a time shall be stored durably at 8 times the rate of one commit per row, or more,
//           p99 under 4 ms where one commit per row shows a median under 0.3 ms.
// latency   from its arrival to the start of its turn a message loses a few milliseconds.
// backlog   with a million messages waiting, one more costs at most 1.3 times what it costs with none.
// overload  at twice what the gateway can do, the platform is told to try again, what is taken is
//           acknowledged within 5 s, and memory stays flat.
//
// Prints medians and worst rounds, and CPU beside rates. Run `npm start` once before (it builds), then:
//
//     node bench/delivery.mjs [section ...] [--rounds 5] [--scale 1] [--postgres URL] [--no-servers]
//
// `--scale 0.01` tries it out. A PostgreSQL and a Redis are started where they are installed, unless
// --no-servers; --postgres names a server instead, as a role that may create databases. Those are
// dropped at the end.
import { parseArgs } from "node:util";
import { machine } from "./delivery/measure.mjs";
import { startServers } from "./delivery/servers.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "5" },
    scale: { type: "string", default: "1" },
    postgres: { type: "string" },
    "no-servers": { type: "boolean", default: false },
  },
});

const SECTIONS = ["accept", "latency", "backlog", "overload"];
const wanted = positionals.length > 0 ? positionals : SECTIONS;
const unknown = wanted.find((name) => !SECTIONS.includes(name));
if (unknown !== undefined) throw new Error(`${unknown} is none of ${SECTIONS.join(", ")}`);

const servers = await startServers(values.postgres, values["no-servers"]);
console.log(machine());
try {
  for (const name of wanted) {
    const section = await import(`./delivery/${name}.mjs`);
    await section[name]({ rounds: Number(values.rounds), scale: Number(values.scale), servers });
  }
} finally {
  await servers.close();
}
