import { readObject } from "./json.ts";

/**
 * The `fetch` of Slack's client, which breaks off at a `null` where it looks for a list of warnings:
 * what was done would be taken for lost. In answers that are objects, names with `null` are left out.
 */
export const fetchWithoutNulls: typeof fetch = async (...request) => {
  const response = await fetch(...request);
  const { status, headers } = response;
  const text = await response.text();
  const body = readObject(text);
  const said = body ? JSON.stringify(body, (_name, value) => value ?? undefined) : text;
  // Some statuses allow no body, not even an empty one.
  return new Response(said === "" ? null : said, { status, headers });
};
