import type { Settings } from "../config/schema.ts";
import { StartError } from "./errors.ts";

/** The folder of an embedded store. Throws StartError for a store that this version cannot open. */
export const storageFolder = ({ storage }: Pick<Settings, "storage">): string => {
  if (storage.url.startsWith("file:")) return storage.url.slice("file:".length);
  throw new StartError(
    "storage.url names PostgreSQL, which this version cannot use yet: set it to file:./data",
  );
};
