import { StoreError } from "./errors.ts";

// https://node-postgres.com/features/ssl
const TLS_PARAMETERS = ["sslmode", "sslrootcert", "sslcert", "sslkey", "sslnegotiation"];

/**
 * Throws StoreError for what is no URL, or one with a parameter for TLS that would be ignored. Without
 * the reason: it would repeat the URL, and with it the password.
 * @param name the setting that holds it
 */
export const refuseNonsense = (name: string, url: string): void => {
  if (!URL.canParse(url)) {
    throw new StoreError(
      `${name} is no URL; in its user and password, write other characters than letters and digits as %XX`,
    );
  }
  // A parameter that the driver does not know it ignores: misspelt, nothing would be encrypted.
  for (const parameter of new URL(url).searchParams.keys()) {
    if (!/^ssl/i.test(parameter) || TLS_PARAMETERS.includes(parameter)) continue;
    throw new StoreError(
      `${name} has a parameter ${parameter} that is not known; for TLS add sslmode=verify-full, ` +
        "and sslrootcert=FILE unless a public authority signed the server's certificate",
    );
  }
};

/** Who logs in, as the driver has it: a user in the query comes first. */
export const userOf = (url: string): string => {
  const { searchParams, username } = new URL(url);
  return searchParams.get("user") || decodeURIComponent(username);
};

/** Server and database, for messages: without user and password. */
export const placeOf = (url: string): string => {
  const { host, pathname } = new URL(url);
  return `${host}${pathname}`;
};
