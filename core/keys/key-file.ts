import { openEnvelope, sealEnvelope } from "./envelope.ts";
import { KeyError } from "./errors.ts";
import type { KeyContext, KeyManagement } from "./key-management.ts";
import { type MasterKey, makeMasterKey, parseMasterKeys, renderMasterKeys } from "./master-keys.ts";
import { changePrivateFile, createPrivateFile, readPrivateFile } from "./private-file.ts";

// A wrapped key needs no version of its own: `masterId` says what wrapped it.
const WRAP_VERSION = 0;

/**
 * Master keys in a file of their owner's (0600), the current one first. Rotation leaves the older
 * ones in it: they open what was wrapped before, be it in a backup of the database.
 */
export const createKeyFile = (path: string, now: () => Date): KeyManagement => {
  const description = `key file ${path}`;
  let known: readonly MasterKey[] = [];

  // Read anew before each wrap, and when a key is missing: another process may have rotated.
  const load = (): readonly [MasterKey, ...MasterKey[]] => {
    const text = readPrivateFile(path);
    if (text === undefined) {
      throw new KeyError(
        `${description} does not exist, and what is stored can only be read with it: put it back ` +
          "from its backup, or set storage.key_file to where it is",
      );
    }
    const [current, ...older] = parseMasterKeys(text) ?? [];
    if (!current) {
      throw new KeyError(
        `${description} is damaged, or is no key file of ours: put it back from its backup ` +
          "(nothing was changed in it)",
      );
    }
    known = [current, ...older];
    return [current, ...older];
  };

  const find = (id: string): MasterKey => {
    const isIt = (key: MasterKey) => key.id === id;
    const found = known.find(isIt) ?? load().find(isIt);
    if (found) return found;
    throw new KeyError(
      `${description} holds master key ${known.map((key) => key.id).join(", ")}, but what is ` +
        `stored needs ${id}: put the key file there that belongs to this store, from its backup ` +
        "or from the gateway that was first started on it",
    );
  };

  return {
    description,
    initialize: async () => {
      if (readPrivateFile(path) === undefined) {
        createPrivateFile(path, renderMasterKeys([makeMasterKey(now())]));
      }
      load();
    },
    currentId: async () => load()[0].id,
    rotate: async () => {
      load(); // says best why it cannot be used
      const made = makeMasterKey(now());
      changePrivateFile(path, () => renderMasterKeys([made, ...load()]));
      load();
      return made.id;
    },
    wrap: async (context, key) => {
      const [master] = load();
      return {
        wrapped: sealEnvelope(master.key, WRAP_VERSION, wrapContext(context), key),
        masterId: master.id,
      };
    },
    unwrap: async (context, { wrapped, masterId }) => {
      const master = find(masterId);
      const key = openEnvelope(master.key, WRAP_VERSION, wrapContext(context), wrapped);
      if (key) return key;
      throw new KeyError(
        `data key ${context.version} of tenant ${context.tenantId} was changed or moved in the ` +
          "database: put its row of data_keys back from a backup",
      );
    },
  };
};

const wrapContext = ({ tenantId, version }: KeyContext): string =>
  JSON.stringify(["data key", tenantId, version]);
