import type { Kysely, Migration } from "kysely";
import { createBaseline } from "./migrations/0001-baseline.ts";
import { createChannelState } from "./migrations/0002-channel-state.ts";
import { chainAudit } from "./migrations/0003-audit-chain.ts";
import { createBudgets } from "./migrations/0004-budgets.ts";
import { createMemory } from "./migrations/0005-memory.ts";
import { createReviews } from "./migrations/0006-reviews.ts";
import { indexMemoryOnce } from "./migrations/0007-one-index-of-memory.ts";
import { withdrawReviews } from "./migrations/0008-withdrawn-reviews.ts";
import { numberFoldings } from "./migrations/0009-foldings-of-memory.ts";
import { compareStates } from "./migrations/0010-states-word-by-word.ts";
import { indexFingerprints } from "./migrations/0011-fingerprints-where-they-count.ts";
import type { DialectName } from "./statement.ts";

/** Schema changes in order, a file each. A released one is never edited: add the next. */
export const migrationsFor = (dialect: DialectName): Record<string, Migration> =>
  Object.fromEntries(
    Object.entries(MIGRATIONS).map(([name, change]) => [
      name,
      { up: (db: Kysely<unknown>) => change(db, dialect) },
    ]),
  );

type Change = (db: Kysely<unknown>, dialect: DialectName) => Promise<void>;

const MIGRATIONS: Readonly<Record<string, Change>> = {
  "0001-baseline": createBaseline,
  "0002-channel-state": createChannelState,
  "0003-audit-chain": chainAudit,
  "0004-budgets": createBudgets,
  "0005-memory": createMemory,
  "0006-reviews": createReviews,
  "0007-one-index-of-memory": indexMemoryOnce,
  "0008-withdrawn-reviews": withdrawReviews,
  "0009-foldings-of-memory": numberFoldings,
  "0010-states-word-by-word": compareStates,
  "0011-fingerprints-where-they-count": indexFingerprints,
};
