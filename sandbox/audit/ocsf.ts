/**
 * Class, activity and severity of an event in the Open Cybersecurity Schema Framework.
 * @see https://schema.ocsf.io/1.3.0/
 */
export interface OcsfKind {
  readonly classUid: number;
  readonly activityId: number;
  readonly severityId: number;
  readonly outcome?: "Allowed" | "Denied";
}

const SEVERITY = { informational: 1, low: 2, medium: 3 } as const;

const OTHER = 99;

const BASE_EVENT = 0;
const PROCESS_ACTIVITY = 1007;
const FILE_ACTIVITY = 1001;
const NETWORK_ACTIVITY = 4001;
const HTTP_ACTIVITY = 4002;
const DETECTION_FINDING = 2004;

/** How this sandbox's events are classed. What a job tried is a request: no outcome is claimed. */
export const KIND = {
  launch: { classUid: PROCESS_ACTIVITY, activityId: 1, severityId: SEVERITY.informational },
  terminate: { classUid: PROCESS_ACTIVITY, activityId: 2, severityId: SEVERITY.informational },
  kill: { classUid: PROCESS_ACTIVITY, activityId: 2, severityId: SEVERITY.low },
  read: { classUid: FILE_ACTIVITY, activityId: 2, severityId: SEVERITY.informational },
  write: { classUid: FILE_ACTIVITY, activityId: 3, severityId: SEVERITY.informational },
  connect: { classUid: NETWORK_ACTIVITY, activityId: 1, severityId: SEVERITY.informational },
  loss: { classUid: BASE_EVENT, activityId: OTHER, severityId: SEVERITY.medium },
  refusal: {
    classUid: DETECTION_FINDING,
    activityId: 1,
    severityId: SEVERITY.medium,
    outcome: "Denied",
  },
} as const satisfies Record<string, OcsfKind>;

const HTTP_METHODS = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT", "TRACE"];

/** A request for a way out, judged by the egress proxy. */
export const httpKind = (method: string, isAllowed: boolean): OcsfKind => {
  const index = HTTP_METHODS.indexOf(method);
  return {
    classUid: HTTP_ACTIVITY,
    activityId: index === -1 ? OTHER : index + 1,
    severityId: isAllowed ? SEVERITY.informational : SEVERITY.medium,
    outcome: isAllowed ? "Allowed" : "Denied",
  };
};

/** Where and for whom an event happened. */
export interface OcsfSubject {
  readonly at: Date;
  readonly tenantId: string;
  readonly runId: string;
  readonly sequence: number;
}

/** The attributes that every event has. Those that a class wants beside them are the caller's. */
export const ocsfBase = (kind: OcsfKind, { at, tenantId, runId, sequence }: OcsfSubject) => ({
  time: at.getTime(),
  class_uid: kind.classUid,
  category_uid: Math.floor(kind.classUid / 1000),
  activity_id: kind.activityId,
  type_uid: kind.classUid * 100 + kind.activityId,
  severity_id: kind.severityId,
  ...(kind.outcome === undefined ? {} : OUTCOME[kind.outcome]),
  metadata: {
    version: "1.3.0",
    product: PRODUCT,
    profiles: kind.outcome === undefined ? HOST : CONTROLLED,
    tenant_uid: tenantId,
    correlation_uid: runId,
    sequence,
  },
  device: DEVICE,
});

const PRODUCT = { name: "clawgate sandbox", vendor_name: "clawgate" };
const DEVICE = { type_id: 6, type: "Virtual", hostname: "sandbox" };
const HOST = ["host"];
const CONTROLLED = ["host", "security_control"];
const OUTCOME = {
  Allowed: { action_id: 1, action: "Allowed", disposition_id: 1, disposition: "Allowed" },
  Denied: { action_id: 2, action: "Denied", disposition_id: 2, disposition: "Blocked" },
} as const;
