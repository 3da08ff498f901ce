import type { z } from "zod";
import type { ApiKey } from "../../core/operators/api-keys.ts";
import type { Operator } from "../../core/operators/operator.ts";
import {
  type KeyNeed,
  type RouteName,
  routeOperation,
} from "../../core/operators/permission-table.ts";

/** One thing that the API does, and what a key needs to ask for it. */
export interface Route {
  readonly method: "get" | "post" | "delete";
  /** As the router reads it, e.g. `/api/queue/:id`. */
  readonly path: string;
  /** What it does, for people. */
  readonly does: string;
  readonly needs: KeyNeed;
  /** What it reads of a request besides its path; its handler checks that itself. */
  readonly takes: Takes;
  /** Throws ApiError to refuse. */
  readonly handle: (call: Call) => Promise<Answer>;
}

/** The forms of a request, for whoever writes one. */
export interface Takes {
  readonly query?: z.ZodObject;
  readonly body?: z.ZodObject;
}

/** The route of this name; what its key needs is in the table of permissions. */
export const route = (name: RouteName, handle: Route["handle"], takes: Takes = {}): Route => {
  const [verb = "", path = ""] = name.split(" ");
  const method = METHODS[verb];
  if (!method) throw new RangeError(`${name} does not begin with a method that the API has`);
  return { method, path, ...routeOperation(name), takes, handle };
};

const METHODS: Readonly<Record<string, Route["method"]>> = {
  GET: "get",
  POST: "post",
  DELETE: "delete",
};

/** A request whose key was verified and has the route's permission. All values are still untrusted. */
export interface Call {
  readonly key: ApiKey;
  /** Who asks, confined to the key's tenant and by `X-Tenant-ID`. */
  readonly operator: Operator;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, unknown>>;
  /** Parsed JSON; `{}` when there was no body. */
  readonly body: unknown;
  /** Which of these media types the caller likes best, the first when they do not say; undefined = none. */
  readonly prefers: (types: readonly string[]) => string | undefined;
}

export interface Answer {
  readonly status: number;
  /** An object becomes JSON; text is sent as it is, as `type`. */
  readonly body: object | string;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}
