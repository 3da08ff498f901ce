import { deleteRow } from "../channel-state/rows.ts";
import type { ReplyTarget } from "../contract/message.ts";
import { personKey, stateName } from "../contract/state-key.ts";
import type { Person } from "../memory/person.ts";
import type { TenantScope } from "../store/scope.ts";
import type { Store } from "../store/store.ts";
import { keysOfChannel } from "./person-rows.ts";

/** Whom and what is looked for in what channels remember, by the keys that it lies under. */
export interface Traces {
  addPerson(person: Person): void;
  /** Words of an answer to it; @param id in the inbox */
  addMessage(id: number, target: ReplyTarget): void;
  /** Where something lies in this scope. */
  find(store: Store, scope: TenantScope): Promise<readonly Trace[]>;
  /** Erases that; how much. */
  erase(store: Store, scope: TenantScope): Promise<number>;
}

export interface Trace {
  readonly channel: string;
  readonly key: string;
}

interface Sought {
  readonly inboxIds: Set<number>;
  readonly names: Set<string>;
  /** Their keys. */
  readonly people: Set<string>;
}

const AT_A_TIME = 200;
const PERSON_SEGMENTS = personKey("", "").split("/").length;
// As in core/delivery/arrivals.ts: the message and the place of the part in its reply.
const PART_ID = /^(\d+)\.\d+$/;

export const createTraces = (): Traces => {
  const channels = new Map<string, Sought>();

  const soughtIn = (channel: string): Sought => {
    const known = channels.get(channel);
    const sought = known ?? { inboxIds: new Set(), names: new Set(), people: new Set() };
    channels.set(channel, sought);
    return sought;
  };

  const find = async (store: Store, { tenantId }: TenantScope): Promise<readonly Trace[]> => {
    const found: Trace[] = [];
    for (const [channel, sought] of channels) {
      const rows = await store.read({ tenantId }, (transaction) =>
        transaction.all(keysOfChannel, { tenantId, channel }),
      );
      for (const { key } of rows) if (isSought(sought, key)) found.push({ channel, key });
    }
    return found;
  };

  return {
    addPerson: ({ channel, workspaceId, senderId }) => {
      soughtIn(channel).people.add(personKey(workspaceId, senderId));
    },
    addMessage: (id, { channel, workspaceId, appId, address, replyTo }) => {
      const { inboxIds, names } = soughtIn(channel);
      inboxIds.add(id);
      names.add(stateName(replyTo));
      for (const spelt of [address, address.toLowerCase()]) {
        names.add(stateName(workspaceId, appId, spelt));
      }
    },
    find,
    erase: async (store, scope) => {
      const { tenantId } = scope;
      const found = await find(store, scope);
      let erased = 0;
      for (let first = 0; first < found.length; first += AT_A_TIME) {
        erased += await store.write(scope, async (transaction) => {
          let count = 0;
          for (const trace of found.slice(first, first + AT_A_TIME)) {
            count += await transaction.run(deleteRow, { tenantId, ...trace });
          }
          return count;
        });
      }
      return erased;
    },
  };
};

const isSought = ({ inboxIds, names, people }: Sought, key: string): boolean => {
  const segments = key.split("/");
  return (
    people.has(segments.slice(0, PERSON_SEGMENTS).join("/")) ||
    segments.some((segment) => isOfMessage(segment, inboxIds, names))
  );
};

const isOfMessage = (
  segment: string,
  inboxIds: ReadonlySet<number>,
  names: ReadonlySet<string>,
): boolean => {
  const [, inboxId] = PART_ID.exec(segment) ?? [];
  if (inboxId !== undefined) return inboxIds.has(Number(inboxId));
  // Of a conversation's state the name is the only word, and a dot comes after it.
  const words = segment.split(".").filter((word) => word !== "");
  return names.has(words.at(-1) ?? "");
};
