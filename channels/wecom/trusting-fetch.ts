import { rootCertificates } from "node:tls";
import type { Fetch } from "./api.ts";

/** How a private installation of WeCom is reached. */
export interface Reach {
  /** PEM of authorities that are trusted beside the usual ones. */
  readonly ca?: string | undefined;
  /** The HTTP proxy that every call goes through. */
  readonly proxyUrl?: string | undefined;
}

/** A fetch for it; the built-in one where nothing special is asked for. */
export const createTrustingFetch = async ({ ca, proxyUrl }: Reach): Promise<Fetch> => {
  if (ca === undefined && proxyUrl === undefined) return globalThis.fetch;
  const { Agent, ProxyAgent, fetch } = await import("undici");
  const tls = ca === undefined ? {} : { ca: [...rootCertificates, ca] };
  const dispatcher =
    proxyUrl === undefined
      ? new Agent({ connect: tls })
      : new ProxyAgent({ uri: proxyUrl, requestTls: tls, proxyTls: tls });
  // The same function as the built-in one, declared a second time by its package.
  const same = fetch as unknown as (input: unknown, init: object) => Promise<Response>;
  return async (input, init = {}) => same(input, { ...(await withoutForm(init)), dispatcher });
};

/** The package knows its own FormData only; a form becomes the bytes that it stands for. */
const withoutForm = async (init: RequestInit): Promise<RequestInit> => {
  if (!(init.body instanceof FormData)) return init;
  const encoded = new Response(init.body);
  const contentType = encoded.headers.get("content-type") ?? "";
  const body = new Uint8Array(await encoded.arrayBuffer());
  return { ...init, body, headers: { ...init.headers, "content-type": contentType } };
};
