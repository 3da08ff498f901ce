import { join } from "node:path";
import { createContentCipher } from "../../core/keys/content-cipher.ts";
import { createKeyFile } from "../../core/keys/key-file.ts";
import type { ContentCipher } from "../../core/store/content-cipher.ts";
import type { Store } from "../../core/store/store.ts";
import { recordedLog } from "./log.ts";

/** The real cipher as one process has it; its master key is in a file of `folder`. */
export const cipherOn = (store: Store, folder: string): Promise<ContentCipher> => {
  const now = () => new Date();
  const keys = createKeyFile(join(folder, "master.key"), now);
  return createContentCipher({ store, keys, now, log: recordedLog() });
};
