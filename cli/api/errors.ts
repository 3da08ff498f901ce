import { GatewayError } from "../../core/contract/errors.ts";

/** The API does not do what was asked; the message says what to do instead. */
export class ApiError extends GatewayError {
  override readonly name = "ApiError";
  constructor(
    readonly status: number,
    code: string,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(code, message);
  }
}
