import type { SettingsPath } from "../../config/problem.ts";
import type { Endpoint } from "./document.ts";
import type { Note, Status } from "./finding.ts";

const PLACED = "Secrets are placed by our own proxy as the skill declares them, never by this key.";
const SIGNED = "Requests are not signed here: a skill signs what it sends.";
const FOREIGN = "Concerns a protocol that this endpoint does not speak.";

const NOTES: { readonly [Field in keyof Endpoint]?: readonly [Status, string] } = {
  port: ["enforced", "Only this port is let through, unless it is blocked."],
  ports: ["enforced", "Only these ports are let through, and of them none that is blocked."],
  allowed_ips: ["unenforceable", "The addresses are not compared; the name alone decides."],
  allow_encoded_slash: [
    "approximated",
    "Paths with %2F are refused where requests are judged, whatever this says.",
  ],
  websocket_credential_rewrite: ["exported", PLACED],
  request_body_credential_rewrite: ["exported", PLACED],
  allow_uninspected_credentials: ["exported", PLACED],
  credential_binding: ["exported", PLACED],
  credential_signing: ["exported", SIGNED],
  signing_service: ["exported", SIGNED],
  signing_region: ["exported", SIGNED],
  persisted_queries: ["exported", FOREIGN],
  graphql_persisted_queries: ["exported", FOREIGN],
  graphql_max_body_bytes: ["exported", FOREIGN],
  json_rpc: ["exported", FOREIGN],
};

/** Notes what becomes of the fields of an open endpoint that stand for themselves. */
export const noteEndpoint = (endpoint: Endpoint, path: SettingsPath, note: Note): void => {
  for (const [field, [status, why]] of Object.entries(NOTES)) {
    if (Object.hasOwn(endpoint, field)) note([...path, field], status, why);
  }
  if (endpoint.protocol === undefined) noteUninspected(endpoint, path, note);
  else noteInspected(endpoint, path, note);
  if (endpoint.tls === "terminate" || endpoint.tls === "passthrough") {
    note([...path, "tls"], "exported", "Has no effect, in OpenShell as here.");
  }
};

const noteUninspected = (endpoint: Endpoint, path: SettingsPath, note: Note): void => {
  for (const field of ["path", "access", "rules", "enforcement"] as const) {
    if (endpoint[field] === undefined) continue;
    const why =
      "Without protocol nothing looks at requests, in OpenShell as here: all of them pass.";
    note([...path, field], "exported", why);
  }
  if (endpoint.tls === "skip") note([...path, "tls"], "enforced", "TLS to this host is not ended.");
};

const noteInspected = (endpoint: Endpoint, path: SettingsPath, note: Note): void => {
  const judged = "The proxy judges each request by method, path and query.";
  note([...path, "protocol"], "enforced", judged);
  const isEnforced = endpoint.enforcement === "enforce";
  note(
    [...path, "enforcement"],
    isEnforced ? "enforced" : "approximated",
    isEnforced
      ? "What the rules do not allow is refused."
      : "OpenShell would log what the rules do not allow and let it pass; here it is refused.",
  );
  if (endpoint.tls === "skip") {
    const refused = "TLS is not ended, so encrypted requests cannot be judged and are refused.";
    note([...path, "tls"], "enforced", refused);
  }
};
