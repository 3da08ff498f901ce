import { isLoopback } from "../loopback.ts";

/**
 * Whether the bot's token may be told there: at Discord's own gateways, or beside `trusted`, an address
 * that may have it anyway. In clear on loopback only.
 */
export const isSafe = (url: string, trusted: string): boolean => {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  const { hostname: known } = new URL(trusted);
  if (isLoopback(hostname)) return isLoopback(known) && /^wss?:$/.test(protocol);
  return protocol === "wss:" && (hostname === known || /(?:^|\.)discord\.gg$/.test(hostname));
};

/** The version and the encoding are put behind it. */
export const withoutQuery = (url: string): string => url.replace(/[?#].*$/, "");
