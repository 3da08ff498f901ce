import { GatewayError } from "../core/contract/errors.ts";

/** The gateway must not or cannot start with these settings; the message says what to change. */
export class StartError extends GatewayError {
  override readonly name = "StartError";
  constructor(message: string, options?: ErrorOptions) {
    super("START_REFUSED", message, options);
  }
}
