import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { OpenshellSettings } from "../../../sandbox/policy.ts";
import type { PolicyDocument } from "../../../sandbox/policy-file/document.ts";
import { exportPolicy } from "../../../sandbox/policy-file/export.ts";
import { interpret } from "../../../sandbox/policy-file/interpret.ts";
import { readPolicy } from "../../../sandbox/policy-file/read.ts";
import { writePolicy } from "../../../sandbox/policy-file/write.ts";
import { policies } from "./policy-arbitrary.ts";

const FIXTURES = join(import.meta.dirname, "../../fixtures/openshell-policies");
const published = readdirSync(FIXTURES).map((name) => [
  name,
  readFileSync(join(FIXTURES, name), "utf8"),
]);

const DEFAULTS: OpenshellSettings = {
  isolation: "gvisor",
  strict: true,
  filesystem: { max_size_gb: 1, allowed_paths: [], readonly_paths: [] },
  network: { mode: "off" },
  execution: { max_cpu_seconds: 30, max_memory_mb: 512, allowed_languages: ["python"] },
};

/** The settings that somebody has who took over what an import printed. */
const importedFrom = (document: PolicyDocument): OpenshellSettings => {
  const { filesystem, network } = interpret(document).settings;
  return { ...DEFAULTS, filesystem: { ...DEFAULTS.filesystem, ...filesystem }, network };
};

/** The policy with every rule enforced, as an export writes it. */
const allEnforced = (document: PolicyDocument): PolicyDocument => {
  const copy = structuredClone(document);
  for (const { endpoints = [] } of Object.values(copy.network_policies ?? {})) {
    for (const endpoint of endpoints) {
      if (endpoint.protocol !== "tcp") endpoint.enforcement = "enforce";
    }
  }
  return copy;
};

describe("a policy on its way through", () => {
  it("reads back what it wrote, word for word", () => {
    fc.assert(
      fc.property(policies, (document) => {
        expect(readPolicy(writePolicy(document, ["a comment"]), "p")).toEqual(document);
      }),
      { numRuns: 400 },
    );
  });

  it("comes back whole from an import and an export, with what is not held here", () => {
    fc.assert(
      fc.property(policies, (document) => {
        const { document: exported } = exportPolicy(importedFrom(document), document);
        expect(exported).toEqual(allEnforced(document));
      }),
      { numRuns: 400 },
    );
  });

  it("means the same after an export and an import", () => {
    fc.assert(
      fc.property(policies, (document) => {
        const { document: exported } = exportPolicy(importedFrom(document), document);
        const [before, after] = [interpret(document), interpret(exported)];
        expect(after.settings).toEqual(before.settings);
        expect(after.open).toEqual(before.open);
        expect(after.rules).toEqual(before.rules);
      }),
      { numRuns: 400 },
    );
  });

  it("never opens after an export what the settings closed", () => {
    const network = fc.record({
      mode: fc.constantFrom("off" as const, "whitelist" as const),
      keep: fc.array(fc.nat()),
      blocked: fc.subarray([22, 80, 443]),
    });
    fc.assert(
      fc.property(policies, network, (document, { mode, keep, blocked }) => {
        const settings = importedFrom(document);
        const domains = settings.network.allowed_domains ?? [];
        const allowed_domains = domains.filter((_, index) => keep.includes(index));
        const left = { mode, allowed_domains, blocked_ports: blocked };
        const { document: exported } = exportPolicy({ ...settings, network: left }, document);
        expect(readPolicy(writePolicy(exported, []), "p")).toEqual(exported);
        for (const { host, port } of interpret(exported).open) {
          expect(mode).toBe("whitelist");
          expect(blocked).not.toContain(port);
          expect(allowed_domains.some((domain) => covers(domain, host))).toBe(true);
        }
      }),
      { numRuns: 400 },
    );
  });

  it("says what becomes of every key", () => {
    fc.assert(
      fc.property(policies, (document) => {
        const noted = interpret(document).findings.map(({ path }) => path);
        for (const leaf of leavesOf(document, "")) {
          const isNoted = noted.some((path) => isWithin(leaf, path) || isWithin(path, leaf));
          expect({ leaf, isNoted }).toEqual({ leaf, isNoted: true });
        }
      }),
      { numRuns: 200 },
    );
  });

  it.each(published)("takes a policy as it is published: %s", (_name, text) => {
    const document = readPolicy(text, "p");
    const { document: exported, findings } = exportPolicy(importedFrom(document), document);
    expect(exported).toEqual(allEnforced(document));
    expect(readPolicy(writePolicy(exported, []), "p")).toEqual(exported);
    expect(findings.length).toBeGreaterThan(0);
    expect(interpret(document).findings).toMatchSnapshot();
  });
});

const covers = (domain: string, host: string): boolean =>
  domain === host || (domain.startsWith("*.") && host.endsWith(domain.slice(1)));

const isWithin = (inner: string, outer: string): boolean =>
  inner === outer || (inner.startsWith(outer) && /^[.[]/.test(inner.slice(outer.length)));

/** The paths of all values that hold no further ones, printed as findings print them. */
const leavesOf = (value: unknown, path: string): readonly string[] => {
  if (Array.isArray(value)) {
    return value.flatMap((item, index) => leavesOf(item, `${path}[${index}]`));
  }
  if (typeof value !== "object" || value === null) return [path];
  return Object.entries(value).flatMap(([key, item]) => {
    const isPlain = /^[A-Za-z_][A-Za-z0-9_-]*$/.test(key);
    const step = isPlain ? (path === "" ? key : `.${key}`) : `[${JSON.stringify(key)}]`;
    return leavesOf(item, path + step);
  });
};
