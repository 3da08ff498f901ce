import { describeSandboxDriver } from "../contract/sandbox-driver.ts";

await describeSandboxDriver("bubblewrap");
// Room for one: what waits for the last test's job makes way.
await describeSandboxDriver("bubblewrap", { warmPool: { memoryBytes: 10 << 20 } });
