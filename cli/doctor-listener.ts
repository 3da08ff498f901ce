import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { Settings } from "../config/schema.ts";
import { bad, type Finding, ok, unknown } from "./finding.ts";
import { localUrl } from "./gateway-url.ts";
import { startProblem } from "./listener.ts";

const TIMEOUT_MS = 3_000;
const SOON_MS = 14 * 86_400_000;
const check = "listener";

/** Looks at what the gateway is to listen with, and who has the port by now. */
export const listenerFinding = async (settings: Settings, now: Date): Promise<Finding> => {
  const { server } = settings;
  const problem = startProblem(settings);
  if (problem !== undefined) {
    return bad(check, "start would refuse", problem);
  }
  const address = `${server.host}:${server.port}`;
  let until = "";
  if (server.tls) {
    const { cert_file } = server.tls;
    const end = new Date(new X509Certificate(readFileSync(cert_file)).validTo);
    until = `, certificate until ${end.toISOString().slice(0, 10)}`;
    if (end.getTime() - now.getTime() < SOON_MS) {
      const judge = end < now ? bad : unknown;
      return judge(
        check,
        `${address}${until}`,
        `put a newer certificate into ${cert_file}, with its key, and restart`,
      );
    }
  }
  if (server.port === 0) return ok(check, `${server.host}, any port${until}`);
  const found = await whoAnswers(server);
  if (found === "other") {
    return bad(check, `another program has ${address}`, "stop it, or set server.port to another");
  }
  const judge = found === "slow" ? unknown : ok;
  return judge(check, `${address}, where ${FOUND[found]}${until}`);
};

const FOUND = {
  slow: "somebody listens who did not answer in time",
  gateway: "a gateway answers",
  guarded: "somebody answers, who lets only its proxies in",
  nobody: "nobody listens yet",
} as const;

/** Asks for health, as a balancer would; nothing secret is sent, so the certificate may be any. */
const whoAnswers = (server: Settings["server"]): Promise<keyof typeof FOUND | "other"> =>
  new Promise((resolve) => {
    const options = { agent: false, timeout: TIMEOUT_MS, rejectUnauthorized: false };
    const url = `${localUrl(server)}/api/health/live`;
    const request = server.tls ? requestHttps(url, options) : requestHttp(url, options);
    request.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", () => resolve("other"));
      response.on("end", () => {
        const isLive = Buffer.concat(chunks).toString().replaceAll(/\s/g, "") === '{"status":"ok"}';
        if (isLive) resolve("gateway");
        else resolve(response.statusCode === 403 ? "guarded" : "other");
      });
    });
    request.on("timeout", () => {
      resolve("slow");
      request.destroy();
    });
    request.on("error", (error: NodeJS.ErrnoException) =>
      resolve(NOT_THERE.has(error.code ?? "") ? "nobody" : "other"),
    );
    request.end();
  });

const NOT_THERE: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
]);
