import type { Tenant } from "../config/tenant.ts";
import type { AttachedText, OpenAttachment } from "./attached-texts.ts";
import type { AuditRecord } from "./audit-log.ts";
import type { Suggestion } from "./contract/channel.ts";
import type { InboundMessage } from "./contract/message.ts";
import type { Locale } from "./contract/model.ts";
import type { Reply } from "./contract/reply.ts";
import type { Exchange } from "./memory/exchange.ts";
import type { Work } from "./store/store.ts";
import type { TurnSignal } from "./turn-signal.ts";

/**
 * What every stage may know of the turn. Whoever makes one names every field, `undefined` or not, and
 * whoever changes it writes what it changes behind `...context`: such a copy takes V8 a fiftieth of the
 * time that one takes with a field more.
 */
export interface Context {
  readonly message: InboundMessage;
  readonly tenant: Tenant;
  /** Ties log lines, audit records and sandbox runs of one turn together. */
  readonly traceId: string;
  /** The language of sentences that we write ourselves. */
  readonly locale: Locale;
  /** What the person sent holds personal data, redacted or not: it may go to fewer places. Default false. */
  readonly isSensitive?: boolean | undefined;
  /** What a reviewer let through of this message; absent = it was never held. */
  readonly released?: string | undefined;
  /** Aborted when somebody stops the turn, or when the gateway must go down: then it is done again. */
  readonly signal: TurnSignal;
  /** Shows the person what there is of the answer so far; absent where the channel cannot. */
  readonly progress?: ((markdown: string) => void) | undefined;
  /** Offers questions to whoever opened the chat, the most useful ones first; absent where the channel cannot. */
  readonly suggest?: ((suggestions: readonly Suggestion[]) => void) | undefined;
  /** Absent where the channel has no files. */
  readonly openAttachment?: OpenAttachment | undefined;
  /** The text files that came with the message; absent until they were read. */
  readonly attached?: readonly AttachedText[] | undefined;
  /** Adds a fact to the message's own record: kinds, counts and ids, never a text. */
  readonly note?: ((name: string, value: string | number) => void) | undefined;
  /** Puts something on record with the reply: neither is stored without the other. */
  record(record: AuditRecord): void;
  /** Stores something with the reply, in its transaction and in the tenant's scope. */
  keep(work: Work<void>): void;
  /** What the person asked and was answered here before, oldest first; absent = nothing is remembered. */
  readonly earlier?: (() => Promise<readonly Exchange[]>) | undefined;
}

/** The stages below, with this context or with another one: what a person wrote may go on redacted. */
export type Next = (context: Context) => Reply | Promise<Reply>;

/**
 * One policy: answers, or returns what `next` answers. Forgetting the return does not compile. A
 * stage is async where it waits, and plain where it lets a message through: each promise costs. One
 * that only looks at the reply says so to `whenThere`.
 */
export type Stage = (context: Context, next: Next) => Reply | Promise<Reply>;
