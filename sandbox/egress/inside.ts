import { chmodSync, linkSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { WayOut } from "../driver.ts";
import { FORWARDER, INSIDE } from "./forwarder.ts";
import { NODE_PRELOAD } from "./node-preload.ts";

/** What a sandbox has to trust beside the system's own roots. */
export interface ExtraTrust {
  /** PEM of what is added. */
  readonly added: string;
  /** All that is trusted: PEM, or a file of the same file system that holds it. */
  readonly all: { readonly pem: string } | { readonly file: string };
}

const FORWARDER_FILE = "forwarder.py";
const PRELOAD_FILE = "node-preload.cjs";
const ADDED_FILE = "added-ca.pem";
const ALL_FILE = "ca-certificates.pem";
const WGET_FILE = "wgetrc";
const proxyUrl = `http://${INSIDE.proxyHost}:${INSIDE.proxyPort}`;

/** Makes the folder that lies at /run/openshell inside, without its sockets, and says how to use it. */
export const furnish = (
  folder: string,
  names: readonly string[],
  trust: ExtraTrust | undefined,
): WayOut => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  chmodSync(folder, 0o755); // whatever the umask is: the job's user has to walk in and read
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), 0o644);
  };
  write(FORWARDER_FILE, FORWARDER);
  write(PRELOAD_FILE, NODE_PRELOAD);
  if (trust !== undefined) {
    write(ADDED_FILE, trust.added);
    write(WGET_FILE, `ca_certificate = ${INSIDE.folder}/${ALL_FILE}\n`);
    if ("pem" in trust.all) write(ALL_FILE, trust.all.pem);
    else linkSync(trust.all.file, join(folder, ALL_FILE));
  }
  return {
    folder,
    path: INSIDE.folder,
    forwarder: ["/usr/bin/python3", "-I", "-S", `${INSIDE.folder}/${FORWARDER_FILE}`],
    env: {
      http_proxy: proxyUrl,
      https_proxy: proxyUrl,
      HTTP_PROXY: proxyUrl,
      HTTPS_PROXY: proxyUrl,
      no_proxy: "",
      NO_PROXY: "",
      NODE_OPTIONS: `--require=${INSIDE.folder}/${PRELOAD_FILE}`,
      ...(trust !== undefined && trustVariables),
    },
    hosts: names
      .filter((name) => name !== "localhost")
      .map((name) => `${INSIDE.directHost} ${name}\n`)
      .join(""),
  };
};

const all = `${INSIDE.folder}/${ALL_FILE}`;
const trustVariables = {
  SSL_CERT_FILE: all,
  CURL_CA_BUNDLE: all,
  REQUESTS_CA_BUNDLE: all,
  GIT_SSL_CAINFO: all,
  // Node adds to its own roots; the few that it lacks are read faster than all.
  NODE_EXTRA_CA_CERTS: `${INSIDE.folder}/${ADDED_FILE}`,
  WGETRC: `${INSIDE.folder}/${WGET_FILE}`,
};
