import { setTimeout as delay } from "node:timers/promises";
import type { Identity } from "../../core/contract/channel.ts";
import type { ChannelState } from "../../core/contract/channel-state.ts";
import type { Log } from "../../core/contract/log.ts";
import { personKey } from "../../core/contract/state-key.ts";
import { describe } from "./access-token.ts";
import type { ApiResult } from "./api.ts";
import { kindOfError } from "./errcodes.ts";
import { CHANNEL } from "./types.ts";

/** Who the people of one corp are, as its address book has it; what it said is kept for a while. */
export interface Contacts {
  /** Without asking the platform. Never throws. */
  known(userId: string): Promise<Identity | undefined>;
  /** Asks the platform where nothing is kept; undefined = it could not be asked. Never throws. */
  lookUp(userId: string, ask: Ask, signal: AbortSignal): Promise<Identity | undefined>;
  /** The ids of the departments that a person is in directly; none for who is not active. Never throws. */
  departmentIdsOf(
    userId: string,
    ask: Ask,
    signal: AbortSignal,
  ): Promise<readonly number[] | undefined>;
  /** Forgets what was said of a person, also by an answer that is under way. Rejects when it cannot. */
  revoke(userId: string): Promise<void>;
  /** Forgets the names of departments. Rejects when it cannot. */
  revokeDepartments(): Promise<void>;
}

/** A GET of the API with an application's access token. */
export type Ask = (
  path: string,
  query: Readonly<Record<string, string>>,
  signal: AbortSignal,
) => Promise<ApiResult>;

export interface ContactsOptions {
  readonly corpId: string;
  readonly state: ChannelState;
  readonly log: Log;
}

const KEPT_MS = 30 * 60_000;
// Somebody who was just let into the application's visible range should not wait for long.
const REFUSAL_KEPT_MS = 2 * 60_000;
const PAUSES_MS = [300, 1_000] as const;
/** Stands where something was forgotten: an older answer that is still under way must not come back. */
const REVOKED = "";

interface Person {
  readonly isActive: boolean;
  readonly name: string;
  readonly departmentIds: readonly number[];
}

const NOBODY: Person = { isActive: false, name: "", departmentIds: [] };

type DepartmentNames = Readonly<Record<string, string>>;

export const createContacts = ({ corpId, state, log }: ContactsOptions): Contacts => {
  const contactKey = (userId: string) => personKey(corpId, userId, "contact");
  const namesKey = `departments/${corpId}`;

  const read = async <T>(key: string): Promise<{ value?: T; version?: number }> => {
    const found = await state.get(key);
    if (!found) return {};
    const { value, version } = found;
    return value === REVOKED ? { version } : { value: JSON.parse(value) as T, version };
  };

  /** What is kept there, or else what `fetch` brings, unless it was revoked meanwhile. */
  const readOr = async <T>(
    key: string,
    ttlOf: (value: T) => number,
    fetch: () => Promise<T | undefined>,
  ): Promise<T | undefined> => {
    for (;;) {
      const { value, version } = await read<T>(key);
      if (value !== undefined) return value;
      const fetched = await fetch();
      if (fetched === undefined) return undefined;
      const kept = [JSON.stringify(fetched), ttlOf(fetched)] as const;
      const isUnchanged =
        version === undefined
          ? await state.putIfAbsent(key, ...kept)
          : await state.replace(key, version, ...kept);
      if (isUnchanged) return fetched;
    }
  };

  const fetchPerson = async (
    userId: string,
    ask: Ask,
    signal: AbortSignal,
  ): Promise<Person | undefined> => {
    const result = await patiently(
      () => ask("/cgi-bin/user/get", { userid: userId }, signal),
      signal,
    );
    if (result.kind !== "answered") return unavailable("user/get", result);
    if (result.errcode === 0) return readPerson(userId, result.body);
    if (kindOfError(result.errcode) === "receiver") return NOBODY;
    return unavailable("user/get", result);
  };

  const personOf = (userId: string, ask: Ask, signal: AbortSignal): Promise<Person | undefined> =>
    readOr<Person>(
      contactKey(userId),
      ({ isActive }) => (isActive ? KEPT_MS : REFUSAL_KEPT_MS),
      () => fetchPerson(userId, ask, signal),
    );

  const fetchNames = async (
    ask: Ask,
    signal: AbortSignal,
  ): Promise<DepartmentNames | undefined> => {
    const result = await patiently(() => ask("/cgi-bin/department/list", {}, signal), signal);
    return result.kind === "answered" && result.errcode === 0
      ? readNames(result.body)
      : unavailable("department/list", result);
  };

  const unavailable = (api: string, result: ApiResult): undefined => {
    log.error(
      {
        channel: CHANNEL,
        corpId,
        reason: `${api}: ${describe(result)}`,
        alert: "wecom_directory_unavailable",
      },
      "departments cannot be looked up: whoever's tenant depends on them is refused",
    );
    return undefined;
  };

  return {
    known: async (userId) => {
      try {
        const { value: person } = await read<Person>(contactKey(userId));
        if (!person?.isActive) return person && identityOf(person, {});
        const { value: names } = await read<DepartmentNames>(namesKey);
        return names && identityOf(person, names);
      } catch (err) {
        log.warn({ err, corpId }, "no look at what is remembered of a person: the store is away");
        return undefined;
      }
    },
    departmentIdsOf: async (userId, ask, signal) => {
      try {
        const person = await personOf(userId, ask, signal);
        return person?.isActive ? person.departmentIds : person && [];
      } catch (err) {
        log.warn({ err, corpId }, "departments of a person not looked up: the store is away");
        return undefined;
      }
    },
    lookUp: async (userId, ask, signal) => {
      try {
        const person = await personOf(userId, ask, signal);
        if (!person?.isActive) return person && identityOf(person, {});
        const names = await readOr<DepartmentNames>(
          namesKey,
          () => KEPT_MS,
          () => fetchNames(ask, signal),
        );
        return names && identityOf(person, names);
      } catch (err) {
        log.warn({ err, corpId }, "person not looked up: the store is away");
        return undefined;
      }
    },
    revoke: (userId) => state.put(contactKey(userId), REVOKED, KEPT_MS),
    revokeDepartments: () => state.put(namesKey, REVOKED, KEPT_MS),
  };
};

/** Asks again for what soon passes. */
const patiently = async (
  ask: () => Promise<ApiResult>,
  signal: AbortSignal,
): Promise<ApiResult> => {
  let result = await ask();
  for (const pauseMs of PAUSES_MS) {
    const isPassing =
      result.kind === "unreachable" ||
      result.kind === "lost" ||
      (result.kind === "answered" && kindOfError(result.errcode) === "busy");
    if (!isPassing || signal.aborted) return result;
    await delay(pauseMs);
    result = await ask();
  }
  return result;
};

/** @see https://developer.work.weixin.qq.com/document/path/90196 */
const readPerson = (userId: string, body: Readonly<Record<string, unknown>>): Person => {
  const { userid, name, department, status, enable } = body;
  const isSame = typeof userid === "string" && userid.toLowerCase() === userId.toLowerCase();
  const departmentIds = Array.isArray(department)
    ? department.filter((id): id is number => Number.isSafeInteger(id))
    : [];
  // 2 is disabled, 5 has left; 4 has not activated the client, but may write from WeChat. Older
  // private installations say only `enable`, or nothing.
  const isActive = isSame && (status === undefined || status === 1 || status === 4) && enable !== 0;
  return { isActive, name: typeof name === "string" ? name : "", departmentIds };
};

/** @see https://developer.work.weixin.qq.com/document/path/90208 */
const readNames = ({ department }: Readonly<Record<string, unknown>>): DepartmentNames =>
  Object.fromEntries(
    (Array.isArray(department) ? (department as unknown[]) : []).flatMap((entry) => {
      const { id, name } = (entry ?? {}) as { id?: unknown; name?: unknown };
      return Number.isSafeInteger(id) && typeof name === "string" && name !== ""
        ? [[String(id), name]]
        : [];
    }),
  );

const identityOf = (
  { isActive, name, departmentIds }: Person,
  names: DepartmentNames,
): Identity => ({
  isActive,
  displayName: name,
  departments: departmentIds.flatMap((id) => {
    const departmentName = names[String(id)];
    // Who may name a department must not make it look like another one's id.
    const isName = departmentName !== undefined && !/^\d+$/.test(departmentName);
    return isName ? [String(id), departmentName] : [String(id)];
  }),
});
