import { isIP } from "node:net";
import { z } from "zod";
import { ESCAPE_PASSWORD, isUrlWithPassword, localPath, text, textLike, url } from "./marks.ts";

const isAddressRange = (value: string): boolean => {
  const [address = "", bits, ...rest] = value.split("/");
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return (
    bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
  );
};

/** The listener. */
export const serverSchema = z
  .strictObject({
    host: text().default("127.0.0.1").describe("Address to listen on."),
    port: z
      .int()
      .min(0)
      .max(65535)
      .default(18789)
      .describe("Port to listen on; 0 takes a free one."),
    public_url: url(["https", "http"])
      .optional()
      .describe(
        "Address of the gateway for platforms and people: the HTTP API answers to its host, Slack's installation comes back to it, and `doctor` tries it.",
      ),
    trusted_proxies: z
      .array(textLike("IP address or range, e.g. 10.0.0.0/8", isAddressRange))
      .default([])
      .describe(
        "Proxies that end TLS in front of the gateway; without `tls` only they, and this machine, may connect.",
      ),
    tls: z
      .strictObject({
        cert_file: localPath(text()).describe("PEM file with the certificate chain."),
        key_file: localPath(text()).describe("PEM file with the private key."),
      })
      .optional()
      .describe(
        "Certificate of the listener. Beyond loopback this or a trusted proxy is required.",
      ),
  })
  .describe("The listener.");

const isStorageUrl = (value: string): boolean =>
  /^file:./.test(value) || (/^postgres(ql)?:\/\//.test(value) && isUrlWithPassword(value));

const STORAGE_URL = "`file:` and a folder, or a `postgres://` URL";

/** Where state is kept. */
export const storageSchema = z
  .strictObject({
    url: localPath(
      textLike(STORAGE_URL, isStorageUrl, STORAGE_URL + ESCAPE_PASSWORD).meta({
        mayHoldPassword: true,
      }),
    )
      .default("file:./data")
      .describe(
        "`file:` and a folder (embedded SQLite, one gateway), or `postgres://…` (PostgreSQL 15 or newer, any number of them).",
      ),
    migrate_url: url(["postgres", "postgresql"], { password: true })
      .optional()
      .describe(
        "PostgreSQL URL of the role that owns the tables and may change them; absent = `url` names it, and the gateway itself works as the role `clawgate_app`.",
      ),
    key_file: localPath(text())
      .optional()
      .describe(
        "File with the master keys that wrap the tenants' keys, made at the first start; absent = `master.key` in an embedded store's folder, `./data/master.key` with PostgreSQL. Back it up apart from the database.",
      ),
    audit_key_file: localPath(text())
      .optional()
      .describe(
        "File with the key that signs checkpoints of the audit log, made at the first start; absent = `audit-signing.key` beside the key file.",
      ),
    audit_checkpoint_file: localPath(text())
      .optional()
      .describe(
        "File that checkpoints of the audit log are appended to, to be kept elsewhere too; absent = `audit-checkpoints.jsonl` beside the key file.",
      ),
    audit_retention_days: z
      .int()
      .min(180)
      .max(36_500)
      .optional()
      .describe("Days after which audit records are removed, at least 180; absent = never."),
  })
  .describe("Where state is kept.");

/** How work is scheduled. */
export const queueSchema = z
  .strictObject({
    redis_url: url(["redis", "rediss"], { password: true })
      .optional()
      .describe(
        "Redis, through which replicas share the conversations out; absent = each works on what it took in.",
      ),
  })
  .describe("How work is scheduled.");
