/** Whether the bot's token may be told there. */
export const isSafe = (url: string): boolean => {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  const isLoopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
  return protocol === "wss:" || (protocol === "ws:" && isLoopback);
};

/** The version and the encoding are put behind it. */
export const withoutQuery = (url: string): string => url.replace(/[?#].*$/, "");
