import { GatewayError } from "../contract/errors.ts";

/** The store refused or failed; what was to be written is not written. */
export class StoreError extends GatewayError {
  override readonly name = "StoreError";
  constructor(message: string, options?: ErrorOptions) {
    super("STORE_FAILED", `store: ${message}`, options);
  }
}

/** The store is not there for now: the same will work later. */
export class StoreAwayError extends StoreError {}
