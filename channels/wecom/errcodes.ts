/**
 * What an errcode other than 0 asks for.
 * - `token`: the access token is no longer good
 * - `busy`: the platform's own trouble, soon over
 * - `limit`: too many calls; every further one prolongs it
 * - `receiver`: this person cannot get messages
 * - `configuration`: an operator has to change something, here or in the administration console
 * - `bug`: we built a request that is wrong
 */
export type ErrorKind = "token" | "busy" | "limit" | "receiver" | "configuration" | "bug";

const KINDS: ReadonlyMap<number, ErrorKind> = new Map([
  [-1, "busy"],
  [6000, "busy"], // data version conflict
  [45033, "busy"], // too many at once
  [40001, "token"],
  [40014, "token"],
  [42001, "token"],
  [45009, "limit"],
  [40003, "receiver"], // no such user id
  [40031, "receiver"],
  [40032, "receiver"],
  [60011, "receiver"], // outside the application's visible range
  [60111, "receiver"],
  [81013, "receiver"],
  [40013, "configuration"], // corp id
  [40056, "configuration"], // agent id
  [48002, "configuration"], // API not permitted
  [60020, "configuration"], // our address is not a trusted one
]);

/**
 * An unknown code was not delivered and will not get better by itself.
 * @see https://developer.work.weixin.qq.com/document/path/90313
 */
export const kindOfError = (errcode: number): ErrorKind => {
  // The whole block is about rights on applications and data.
  if (errcode >= 301000 && errcode < 302000) return "configuration";
  return KINDS.get(errcode) ?? "bug";
};
