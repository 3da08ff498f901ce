import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { describeSandboxDriver } from "../contract/sandbox-driver.ts";
import { installFakeOpenshell } from "../fakes/openshell-cli/install.ts";

const folder = mkdtempSync(join(tmpdir(), "clawgate-os-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const fake = installFakeOpenshell(folder);

await describeSandboxDriver("openshell", { strict: false, openshellGateway: fake.options });
