import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createTrustingFetch } from "../channels/wecom/trusting-fetch.ts";
import type { Settings } from "../config/schema.ts";
import { StartError } from "./errors.ts";

/** How the settings say that WeCom's API is reached. Throws StartError when `ca_file` cannot be used. */
export const wecomFetch = async (settings: Settings): Promise<typeof globalThis.fetch> => {
  return createTrustingFetch({
    ca: wecomCa(settings),
    proxyUrl: settings.channels.wechat_work?.proxy_url,
  });
};

/** PEM of authorities that are trusted beside the usual ones. Throws StartError when `ca_file` cannot be used. */
export const wecomCa = ({ channels }: Settings): string | undefined => {
  const { ca_file } = channels.wechat_work ?? {};
  return ca_file === undefined ? undefined : readCertificates(ca_file);
};

const readCertificates = (path: string): string => {
  try {
    const pem = readFileSync(path, "utf8");
    new X509Certificate(pem); // throws what is no certificate
    return pem;
  } catch {
    throw new StartError(
      `channels.wechat_work.ca_file: ${path} cannot be read as certificates; it must be a PEM file`,
    );
  }
};
