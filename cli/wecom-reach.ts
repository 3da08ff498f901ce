import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createTrustingFetch, type Reach } from "../channels/wecom/trusting-fetch.ts";
import type { Settings } from "../config/schema.ts";
import { StartError } from "./errors.ts";

/** How the settings say that WeCom's API is reached. Throws StartError when `ca_file` cannot be used. */
export const wecomFetch = async (settings: Settings): Promise<typeof globalThis.fetch> =>
  createTrustingFetch(wecomReach(settings));

/** What is special about the way to WeCom. Throws StartError when `ca_file` cannot be used. */
export const wecomReach = ({ channels }: Settings): Reach => {
  const { ca_file, proxy_url } = channels.wechat_work ?? {};
  return { ca: ca_file === undefined ? undefined : readCertificates(ca_file), proxyUrl: proxy_url };
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
