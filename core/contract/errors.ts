/** A fault with a stable code. The message names what was attempted; never a secret or user text. */
export class GatewayError extends Error {
  override readonly name: string = "GatewayError";
  constructor(
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The request is not from whom it claims to be. Answered with a constant 401 or 403. */
export class SignatureError extends GatewayError {
  override readonly name = "SignatureError";
  constructor(
    readonly channel: string,
    /** Stable and machine-readable, e.g. `SIGNATURE`; goes to log and audit, never into a response. */
    readonly reason: string,
    options?: ErrorOptions,
    /** Which of the two the platform asks for. */
    readonly status: 401 | 403 = 403,
  ) {
    super("SIGNATURE_INVALID", `${channel} request refused: ${reason}`, options);
  }
}

/** The request cannot be read. Answered with 400, or `status` where a more exact one exists. */
export class PayloadError extends GatewayError {
  override readonly name = "PayloadError";
  constructor(
    readonly channel: string,
    readonly reason: string,
    readonly status: 400 | 405 | 408 | 413 | 415 = 400,
    options?: ErrorOptions,
  ) {
    super("PAYLOAD_INVALID", `${channel} request unreadable: ${reason}`, options);
  }
}

/**
 * An attachment cannot be had. `reason` is fit for a person; `not_allowed` = it lies where the
 * settings allow nothing to be fetched from.
 */
export class AttachmentError extends GatewayError {
  override readonly name = "AttachmentError";
  constructor(
    readonly reason: "expired" | "too_large" | "refused" | "unreachable" | "not_allowed",
    message: string,
    options?: ErrorOptions,
  ) {
    super("ATTACHMENT_UNAVAILABLE", message, options);
  }
}

/** A model could not answer. `code` is also the code of the refusal that the user reads. */
export class ModelError extends GatewayError {
  override readonly name = "ModelError";
  /** It was the request: another model is not to be tried with it. */
  readonly isFinal: boolean;
  /** Certainly nothing was generated, so nothing can cost. */
  readonly isUnbilled: boolean;
  constructor(
    override readonly code: "MODEL_UNAVAILABLE" | "MODEL_TIMEOUT" | "MODEL_REFUSED",
    message: string,
    options?: ErrorOptions & { readonly isUnbilled?: boolean },
  ) {
    super(code, message, options);
    this.isFinal = code === "MODEL_REFUSED";
    this.isUnbilled = options?.isUnbilled ?? false;
  }
}

/** So much of a tenant's work waits already that no more is taken: the platform shall try again. */
export class OverloadError extends GatewayError {
  override readonly name = "OverloadError";
  constructor(readonly tenantId: string) {
    super("OVERLOADED", `tenant ${tenantId} has more waiting than can be answered in time`);
  }
}
