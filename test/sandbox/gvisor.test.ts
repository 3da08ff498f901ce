import { describeSandboxDriver } from "../contract/sandbox-driver.ts";

await describeSandboxDriver("gvisor");
// Room for one: what waits for the last test's job makes way.
await describeSandboxDriver("gvisor", { warmPool: { memoryBytes: 80 << 20 } });
