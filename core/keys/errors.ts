import { GatewayError } from "../contract/errors.ts";

/**
 * A sealed value is not what was sealed for this tenant and place: it was changed, cut or moved.
 * Trying again does not help.
 */
export class SealError extends GatewayError {
  override readonly name = "SealError";
  constructor(
    readonly tenantId: string,
    readonly place: string,
    reason: string,
    options?: ErrorOptions,
  ) {
    super("SEAL_BROKEN", `cannot open ${place} of tenant ${tenantId}: ${reason}`, options);
  }
}

/** A key cannot be had; the message says which one was looked for, where, and what to do. */
export class KeyError extends GatewayError {
  override readonly name = "KeyError";
  constructor(message: string, options?: ErrorOptions) {
    super("KEY_UNAVAILABLE", message, options);
  }
}
