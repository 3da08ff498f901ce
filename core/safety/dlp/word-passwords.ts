import { isPlaceholder } from "./placeholder.ts";

const WORD = /^(?=[A-Za-z]{0,63}[a-z])[A-Za-z]{5,64}$/;
// `newPassword` is a name in a program.
const CAMEL_CASE = /[a-z][A-Z]/;
/** What is said of a password, or stands where one belongs. */
const SAID_OF_ONE =
  /^(?:passwor[dt]|passwd|passphrase|passcode|required|optional|mandatory|string|varchar|number|integer|boolean|bytes|buffer|object|undefined|false|empty|blank|hidden|masked|redacted|encrypted|hashed|protected|change(?:me|it|d)?|unknown|unset|unchanged|(?:in)?correct|(?:in)?valid|wrong|missing|expired|forgotten|disabled|enabled|default|generated|random|pending|reset|strong|secure|confidential|private|public|visible|plaintext|cleartext|bcrypt|scrypt|value|input|prompt|stdin|vault|keychain|fixme|x+|(?:your|example|sample|dummy|fake|placeholder|insert|replace|enter).*|.*(?:here|example|placeholder))$/i;
const HAN = /\p{Script=Han}/u;

/** Where a password may stand. */
export interface PasswordPlace {
  /** What is called so: `password`, `密码`; behind an underscore it is part of a setting's name. */
  readonly name: string;
  readonly isInName: boolean;
  /** Between the name and the value or its quote, blanks included. */
  readonly sign: string;
  readonly quote: string;
  /** What follows the value. */
  readonly behind: string;
}

/**
 * Whether a word is a password because nothing else is written so: in quotes, behind `=` without blanks, or
 * alone on its line. `password: required` and `password=args` are not.
 */
export const isWordPassword = (value: string, place: PasswordPlace): boolean => {
  if (!WORD.test(value) || CAMEL_CASE.test(value) || SAID_OF_ONE.test(value)) return false;
  const { name, isInName, sign, quote, behind } = place;
  // Tests pass, too.
  if (/^(?:pass|pw)$/i.test(name) && !isInName) return false;
  if (quote !== "") return /[:=]/.test(sign) && /^["'`”」]/.test(behind);
  if (sign === "=") return /^(?:[.!?]?(?:$|\s)|[&;"'`<]|[^!-~])/.test(behind);
  const isHan = HAN.test(name);
  if (isPlaceholder(value) || (!isHan && !/^: ?$/.test(sign)) || (!isHan && !/^[a-z]/.test(value)))
    return false;
  return /^\s{0,3}(?:$|\n)/.test(behind) || (isHan && /^[,.;!)。，；！）]/.test(behind));
};
