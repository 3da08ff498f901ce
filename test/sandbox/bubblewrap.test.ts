import { describeSandboxDriver } from "../contract/sandbox-driver.ts";

await describeSandboxDriver("bubblewrap");
