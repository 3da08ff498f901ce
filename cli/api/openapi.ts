import { z } from "zod";
import { version } from "../package-root.ts";
import type { Route } from "./route.ts";

/**
 * Describes these routes for programs that call them.
 * @see https://spec.openapis.org/oas/v3.1.0
 */
export const openapi = (routes: readonly Route[]): object => {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method]: operation(route) };
  }
  return {
    openapi: "3.1.0",
    info: { title: "clawgate", version: version() },
    paths,
    security: [{ key: [] }],
    components: {
      securitySchemes: {
        key: { type: "http", scheme: "bearer", description: "from `clawgate key create`" },
      },
      responses: { error: ERROR },
    },
  };
};

const operation = ({ method, path, does, needs, takes }: Route) => ({
  operationId: `${method}${path.replaceAll(/\W+(\w)/g, (_, first: string) => first.toUpperCase())}`,
  summary: does,
  description:
    needs === "any key" ? "With any key that counts." : `With a key that has \`${needs}\`.`,
  "x-permission": needs,
  parameters: [...inPath(path), ...inQuery(takes.query), NARROWING],
  ...(takes.body && {
    requestBody: { content: { "application/json": { schema: jsonSchema(takes.body) } } },
  }),
  responses: {
    "2XX": { description: "Done." },
    default: { $ref: "#/components/responses/error" },
  },
});

const inPath = (path: string) =>
  [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));

const inQuery = (query: z.ZodObject | undefined) => {
  if (!query) return [];
  const { properties = {}, required = [] } = jsonSchema(query);
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: "query",
    required: required.includes(name),
    schema,
  }));
};

/** As a caller writes it, before defaults and conversions. */
const jsonSchema = (schema: z.ZodObject): z.core.JSONSchema.JSONSchema =>
  z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });

const NARROWING = {
  name: "X-Tenant-ID",
  in: "header",
  required: false,
  schema: { type: "string" },
  description: "Makes an operator's key as narrow as this tenant's; it never widens one.",
} as const;

const ERROR = {
  description: "Not done; the message says what to do instead.",
  content: {
    "application/json": {
      schema: {
        type: "object",
        required: ["error"],
        properties: {
          error: {
            type: "object",
            required: ["code", "message"],
            properties: { code: { type: "string" }, message: { type: "string" } },
          },
        },
      },
    },
  },
} as const;
