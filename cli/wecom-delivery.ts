import { type Posted, postCallback } from "./post-callback.ts";

/** A callback on its way to the gateway. */
export interface WecomDelivery {
  readonly url: string;
  /** Over TLS the gateway must show this certificate. */
  readonly certFile: string | undefined;
  /** Delivers three times, as the cloud does when it hears nothing. */
  readonly retries: "identical" | "reencrypted" | undefined;
  /** The signed request around the same message, encrypted anew with each call. */
  readonly seal: () => { readonly query: string; readonly body: string };
}

const ATTEMPTS = 3;

/**
 * Like the cloud: the same message up to three times while no response comes; with `retries` three
 * times although one came, the first of which counts.
 */
export const deliver = async (delivery: WecomDelivery, deadline: AbortSignal): Promise<Posted> => {
  const { url, certFile, retries, seal } = delivery;
  let sealed = seal();
  let first: Posted | undefined;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    if (attempt > 1 && retries === "reencrypted") sealed = seal();
    const posted = await postCallback(`${url}?${sealed.query}`, sealed.body, certFile, deadline);
    if (first === undefined || first.kind === "lost") first = posted;
    const isOver = retries === undefined ? posted.kind !== "lost" : posted.kind === "unreachable";
    if (isOver || deadline.aborted) break;
  }
  return first ?? { kind: "lost" };
};

/** Why a callback was not taken; undefined where it was, or where nobody knows. */
export const notTaken = (
  posted: Posted,
  url: string,
  source: string,
):
  | { readonly code: "GATEWAY_NOT_RUNNING" | "CALLBACK_REFUSED"; readonly problem: string }
  | undefined => {
  if (posted.kind === "unreachable") {
    const start = source.startsWith("/") ? `npx clawgate start --settings ${source}` : "npm start";
    const problem = `no gateway at ${new URL(url).origin} (${posted.reason}): start it in another terminal: ${start}`;
    return { code: "GATEWAY_NOT_RUNNING", problem };
  }
  if (posted.kind === "lost" || posted.status === 200) return undefined;
  return { code: "CALLBACK_REFUSED", problem: refusalOf(posted.status, source) };
};

/** What to say of a reply that is not signed and encrypted with the settings' own keys. */
export const unreadable = (url: string, source: string): string =>
  `what answered at ${new URL(url).origin} is not this gateway, or it runs with other ` +
  `credentials than ${source}: its reply is not signed and encrypted as WeCom asks`;

const refusalOf = (status: number, source: string): string => {
  if (status === 403) {
    return (
      `the gateway refused the signature (HTTP 403): it runs with other credentials than ${source}, or by another clock; ` +
      "run simulate in the gateway's folder or name its settings with --settings"
    );
  }
  if (status === 404) {
    return `the gateway knows no such path (HTTP 404): it runs with other settings than ${source}`;
  }
  return `the gateway answered HTTP ${status}: see its log`;
};
