import type { z } from "zod";
import { ApiError } from "./errors.ts";

/** What the schema makes of an untrusted value. Throws ApiError that says what is wrong with it. */
export const checked = <T extends z.ZodType>(
  what: "path" | "query" | "body",
  schema: T,
  value: unknown,
): z.infer<T> => {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.join(".")}: ${message}`,
  );
  throw new ApiError(400, "BAD_REQUEST", `${what}: ${problems.join("; ")}`);
};
