import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createSecureContext, rootCertificates, type SecureContext } from "node:tls";
import { SandboxError } from "../errors.ts";
import type { OpenshellSettings } from "../policy.ts";
import type { Authority } from "./authority.ts";
import { createBudget, createByteBucket, type TokenBucket } from "./bandwidth.ts";
import { createDestinations } from "./destination.ts";
import type { Egress, EgressLink } from "./egress.ts";
import { type ExtraTrust, furnish } from "./inside.ts";
import { openLink } from "./link.ts";
import type { Timeouts } from "./passage.ts";
import { createResolver } from "./resolver.ts";
import type { EndpointRules } from "./rules.ts";

export interface EgressOptions
  extends Pick<OpenshellSettings, "network" | "hosts" | "egress_ca_file"> {
  /** Where each link gets a folder of its own; a short path, since those of sockets are limited. */
  readonly folder: string;
  /** A tenant's rules about requests; default none. */
  readonly rules?: (tenantId: string) => readonly EndpointRules[];
  /** All addresses of a name; default the system's resolver. */
  readonly resolve?: (host: string) => Promise<readonly string[]>;
  readonly timeouts?: Partial<Timeouts>;
  /** Milliseconds; only differences mean something. */
  readonly nowMs?: () => number;
}

const TIMEOUTS: Timeouts = {
  resolveMs: 5_000,
  connectMs: 10_000,
  headMs: 10_000,
  idleMs: 300_000, // models think for minutes; the run's own wall clock ends sooner
};
const SYSTEM_ROOTS = "/etc/ssl/certs/ca-certificates.crt";
const TRUST_FILE = "egress-trust.pem";
const BYTES_PER_MEGABIT = 1_000_000 / 8;

/**
 * The egress proxy of a gateway. Every link is a folder with unix sockets; which socket a request
 * comes through says whose it is. Throws SandboxError when `egress_ca_file` cannot be used.
 */
export const createEgress = (options: EgressOptions): Egress => {
  const { network, hosts, folder, rules = () => [], nowMs = () => performance.now() } = options;
  const timeouts = { ...TIMEOUTS, ...options.timeouts };
  const resolve = options.resolve ?? createResolver();
  const { resolveMs: resolveTimeoutMs } = timeouts;
  const destinations = createDestinations({ network, hosts, resolve, resolveTimeoutMs, rules });
  mkdirSync(folder, { recursive: true });
  const added = options.egress_ca_file === undefined ? "" : readAuthorities(options.egress_ca_file);
  const trustFile = join(folder, TRUST_FILE);
  if (added !== "") {
    writeFileSync(trustFile, `${systemRoots()}\n${added}\n`);
    chmodSync(trustFile, 0o644); // linked into the folders of slots, whatever the umask is
  }

  let context: SecureContext | undefined;
  const trust = (): SecureContext => {
    context ??= createSecureContext({ ca: [systemRoots(), ...(added === "" ? [] : [added])] });
    return context;
  };

  const { egress_bandwidth_mbps: mbps = Infinity } = network;
  const tenants = new Map<string, TokenBucket>();
  const bucketOf = (tenantId: string): TokenBucket => {
    const bucket = tenants.get(tenantId) ?? createByteBucket(mbps * BYTES_PER_MEGABIT);
    tenants.set(tenantId, bucket);
    return bucket;
  };

  const extraTrust = (authority: Authority | undefined): ExtraTrust | undefined => {
    if (authority !== undefined) {
      const all = `${added}\n${authority.certificatePem}`;
      return { added: all, all: { pem: `${systemRoots()}\n${all}` } };
    }
    return added === "" ? undefined : { added, all: { file: trustFile } };
  };

  const links = new Set<EgressLink>();
  let isClosed = false;
  return {
    async open(slotId, tenantId, endsTls = false) {
      if (isClosed) throw new SandboxError("the egress proxy is closed");
      // Loaded where it is needed only: it takes longer than all the rest of the proxy.
      const authority =
        endsTls || rules(tenantId).some(({ tls }) => tls === "terminate")
          ? await (await import("./authority.ts")).createAuthority()
          : undefined;
      const wayOut = furnish(join(folder, slotId), destinations.names, extraTrust(authority));
      const link = await openLink({
        wayOut,
        shared: { destinations, timeouts, trust, ...(authority !== undefined && { authority }) },
        budgetFor: (run, signal) =>
          createBudget(
            [bucketOf(run.tenantId), createByteBucket(run.bytesPerSecond)],
            nowMs,
            (ms) => sleep(ms, undefined, { signal }),
          ),
        nowMs,
      });
      const close = async () => {
        links.delete(own);
        await link.close();
      };
      const own: EgressLink = { ...link, close };
      links.add(own);
      return own;
    },
    async close() {
      isClosed = true;
      await Promise.all([...links].map((link) => link.close()));
      rmSync(trustFile, { force: true });
    },
  };
};

const readAuthorities = (file: string): string => {
  const attempt = `openshell.egress_ca_file ${file}`;
  let pem: string;
  try {
    pem = readFileSync(file, "utf8");
  } catch (cause) {
    throw new SandboxError(`${attempt} cannot be read: name a PEM file`, { cause });
  }
  try {
    if (!pem.includes("-----BEGIN CERTIFICATE-----")) throw new Error("no certificate");
    createSecureContext({ ca: pem });
  } catch (cause) {
    throw new SandboxError(`${attempt} holds no certificate in PEM form`, { cause });
  }
  return pem;
};

/** What the machine trusts, as the sandbox does; Node's own list where the machine has none. */
const systemRoots = (): string =>
  existsSync(SYSTEM_ROOTS) ? readFileSync(SYSTEM_ROOTS, "utf8") : rootCertificates.join("\n");
