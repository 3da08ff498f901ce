// Claim: the whole policy path (data-loss prevention with all detectors and 20 customer rules, then
// moderation) of 1 KiB of mixed Chinese and English without a hit costs at most 15 AES-256-GCM seals
// of the same text, moderation alone at most five, with 100,000 terms as with 1,000, and with 1,000
// tenants as with one; 100,000 terms are ready in under a second and 40 MiB; and no text of 100 KiB
// takes more than 30 ms, the first of its kind included, whatever the rules.
//
// Run `npm run build` once before, then:
//
//     node --expose-gc bench/policy.mjs [rounds]
import { createCipheriv, randomBytes } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { settingsSchema } from "../dist/config/schema.js";
import { createDlp } from "../dist/core/safety/dlp/dlp.js";
import { prepareRules } from "../dist/core/safety/dlp/prepare-rules.js";
import { createLexicon } from "../dist/core/safety/moderation/lexicon.js";
import { createModeration } from "../dist/core/safety/moderation/moderation.js";
import { prepareModeration } from "../dist/core/safety/moderation/prepare.js";
import { moderate } from "../dist/core/safety/moderation/scan.js";
import { createSafety } from "../dist/core/safety/tenant-safety.js";
import { DATA, RULE_SETS, SIZE, TEXTS } from "./policy/hostile.mjs";
import { mainThreadMs } from "./policy/main-thread.mjs";
import { below, fill, letters, SENTENCES } from "./policy/texts.mjs";

const ROUNDS = Number(process.argv[2] ?? 5);
const MIB = 1024 * 1024;

const randomTerm = (at) =>
  at % 3
    ? letters(2 + below(4), () => String.fromCharCode(0x4e00 + below(6000)))
    : letters(5 + below(7), () => String.fromCharCode(0x61 + below(26)));
const termsOf = (count) =>
  Array.from({ length: count }, (_, at) => ({
    id: `T${at}`,
    term: randomTerm(at),
    action: "block",
  }));

const key = randomBytes(32);
const seal = (text) => {
  const iv = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, iv);
  return Buffer.concat([iv, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
};

/** Microseconds, sorted. */
const time = (run, times) =>
  Array.from({ length: times }, () => {
    const start = performance.now();
    run();
    return (performance.now() - start) * 1000;
  }).sort((one, other) => one - other);
/** The same of the main thread, which everybody waits for: without other work on the machine and the compiler beside it. */
const timeOfMainThread = (run, times) =>
  Array.from({ length: times }, () => {
    const start = mainThreadMs();
    run();
    return (mainThreadMs() - start) * 1000;
  }).sort((one, other) => one - other);
const at = (sorted, share) => sorted[Math.floor((sorted.length - 1) * share)];
const held = () => {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / MIB;
};

const text = fill(SENTENCES, 1024);
createLexicon(termsOf(10), "warm-up"); // the tables that all lexicons share
const lexicons = new Map();
// In a function, so that nothing holds the terms any more when a later collection looks at all that is held.
const lexiconOf = (count) => {
  const terms = termsOf(count);
  const before = held();
  const start = performance.now();
  const lexicon = createLexicon(terms, "bench");
  const took = performance.now() - start;
  console.log(
    `${count} terms: ready in ${took.toFixed(0)} ms, ${(held() - before).toFixed(1)} MiB`,
  );
  if (moderate(text, lexicon).hits.length > 0) throw new Error("the text was to have no hit");
  return lexicon;
};
for (const count of [1000, 100_000]) lexicons.set(count, lexiconOf(count));

const rules = [
  ["staff", "\\bEMP-\\d{6}\\b"],
  ["project", "(?i)project\\s+falcon"],
  ["classified", "機密[：:]\\S+"],
  ["social_security", "\\b\\d{3}-\\d{2}-\\d{4}\\b"],
  ["card", "\\b\\d{4}[- ]?\\d{4}[- ]?\\d{4}[- ]?\\d{4}\\b"],
  ["contract", "\\b(?:CN|TW)-\\d{4}-[A-Z]{2,4}\\b"],
  ["quoted", "<q>.*?</q>"],
  ["host", "\\b[a-z0-9-]+\\.corp\\.example\\b"],
  ["salary", "(?:薪資|工资|salary)[^\\n]{0,20}\\d{4,}"],
  ["passport", "\\b[EG]\\d{8}\\b"],
].flatMap(([name, pattern]) => [
  { name, pattern, action: "redact" },
  { name: `${name}_2`, pattern: `${pattern}#`, action: "block" },
]);
/** The content rules of so many tenants, all of whom have these terms. */
const safetyOf = (tenants, lexicon) =>
  createSafety(
    settingsSchema.parse({
      multi_tenant: {
        tenants: Array.from({ length: tenants }, (_, at) => ({ id: `t${at}`, lexicons: ["l"] })),
      },
      enterprise: { data_loss_prevention: { rules } },
    }),
    { lexicons: new Map([["l", lexicon]]), classifiers: [] },
  );
const safeties = new Map();
for (const [tenants, count] of [
  [1, 1000],
  [1, 100_000],
  [1000, 100_000],
]) {
  const before = held();
  const start = performance.now();
  safeties.set(`${count} terms, ${tenants} tenants`, [
    safetyOf(tenants, lexicons.get(count)),
    `t${tenants - 1}`,
  ]);
  const took = performance.now() - start;
  console.log(
    `${tenants} tenants: ready in ${took.toFixed(0)} ms, ${(held() - before).toFixed(1)} MiB`,
  );
}
const wholePath = (safety, tenant) => {
  const { dlp, moderation } = safety(tenant);
  const data = dlp.in.inspect(text);
  const terms = moderation.inspect(text);
  if (data.entities.length + terms.hits.length > 0) throw new Error("the text was to have no hit");
};

console.log(`1 KiB, ${ROUNDS} rounds: p50 / p99 in us, thousand texts a second, ratio to one seal`);
for (let round = 0; round <= ROUNDS; round += 1) {
  const sealed = at(
    time(() => seal(text), 3000),
    0.5,
  );
  const cell = (name, run) => {
    const took = time(run, 3000);
    const [p50, p99] = [at(took, 0.5), at(took, 0.99)];
    return `    ${name}: ${p50.toFixed(1)} / ${p99.toFixed(1)}, ${(1000 / p50).toFixed(0)} k/s, ${(p50 / sealed).toFixed(2)}x`;
  };
  const cells = [
    ...[...lexicons].map(([count, lexicon]) =>
      cell(`moderation, ${count} terms`, () => moderate(text, lexicon)),
    ),
    ...[...safeties].map(([name, [safety, tenant]]) =>
      cell(`whole path, ${name}`, () => wholePath(safety, tenant)),
    ),
  ];
  if (round > 0) console.log([`  seal ${sealed.toFixed(1)}`, ...cells].join("\n")); // 0 is the warm-up
}

const nested = createLexicon(
  Array.from({ length: 64 }, (_, length) => [
    { id: `h${length}`, term: "毒".repeat(length + 1), action: "mask" },
    { id: `l${length}`, term: "a".repeat(length + 1), action: "mask" },
  ]).flat(),
  "bench",
);
const big = lexicons.get(100_000);
const pinyin = createLexicon(
  Array.from({ length: 20_000 }, (_, at) => ({
    id: `P${at}`,
    action: "block",
    pinyin: true,
    term: letters(2 + below(3), () => "毒品赌博枪支色情诈骗军火走私"[below(14)]),
  })).filter(({ term }, at, all) => all.findIndex((other) => other.term === term) === at),
  "bench",
);
await setImmediate(); // until then the dictionary of readings is held, which nobody needs any more

const TIMES = 25;
let worst = { ms: 0, name: "" };
/** Prints what the first of `TIMES` runs takes, the median and the longest. */
const row = (name, run) => {
  const [first = 0] = timeOfMainThread(run, 1);
  const rest = timeOfMainThread(run, TIMES);
  const [one, middle, longest] = [first, at(rest, 0.5), at(rest, 1)].map((us) => us / 1000);
  const isOver = Math.max(one, longest) > 30;
  if (Math.max(one, longest) > worst.ms) worst = { ms: Math.max(one, longest), name };
  console.log(
    `  ${name}: ${one.toFixed(1)} / ${middle.toFixed(1)} / ${longest.toFixed(1)}${isOver ? "  over 30" : ""}`,
  );
};
console.log(`100 KiB: first / p50 / max of ${TIMES} in ms of the main thread`);
prepareModeration();
prepareRules();
for (const [name, piece, lexicon] of [
  ["mixed", SENTENCES, big],
  ["one letter", "a", big],
  ["spelled letters", "a ", big],
  ["emoji", "🎉", big],
  ["accents", "\u0301", big],
  ["digits as letters", "l1", big],
  ["ligatures", "㍱", big],
  ["64 nested Han terms", "毒", nested],
  ["64 nested Latin terms", "a ", nested],
  ["nested Han terms with separators", "毒 - ", nested],
  ["letters with invisible ones between", "a\u200b", nested],
  ["nested Han terms, a clause in many letters", `${"毒".repeat(40)}，`, nested],
  ["nested Latin terms with markup between", "a<b></b>", nested],
  [
    "nested Latin terms with signs and clauses",
    `a$ß!ß${"a，".repeat(60)}b${"a".repeat(21)}`,
    nested,
  ],
  ["pinyin", "du pin ", pinyin],
  ["pinyin with tones", "dú2pǐn", pinyin],
  ["pinyin run together", "dupinduboqiangzhi", pinyin],
]) {
  const whole = fill(piece, SIZE);
  row(name, () => moderate(whole, lexicon));
}

// Hits of which each overlaps the next, so that none may be cut.
const CHAIN = ["甲乙", "乙丙", "丙甲"];
const chain = fill("甲乙丙", SIZE);
const chained = createModeration([
  createLexicon(
    CHAIN.map((term) => ({ id: term, term, action: "mask" })),
    "bench",
  ),
]);
row("a stream of terms that overlap", () => chained.stream().push(chain));
const overlapping = createDlp({
  rules: CHAIN.map((pattern) => ({ name: pattern, pattern, action: "redact" })),
});
row("a stream of rules' matches that overlap", () => overlapping.stream().push(chain));

const dlp = createDlp({ rules });
for (const [name, piece] of DATA) {
  const whole = fill(piece, SIZE);
  row(`data, ${name}`, () => dlp.inspect(whole));
}

// All of them first, as a gateway does when it starts: what that leaves to collect is no text's.
const ruleSets = RULE_SETS.map(([name, patterns]) => {
  const rules = patterns.map((pattern, i) => ({
    name: `r${i}`,
    pattern,
    action: i % 2 ? "block" : "redact",
  }));
  return [name, createDlp({ rules })];
});
for (const [name, own] of ruleSets) {
  for (const [kind, whole] of TEXTS) row(`rules that ${name}, ${kind}`, () => own.inspect(whole));
}
console.log(`worst: ${worst.ms.toFixed(1)} ms, ${worst.name}`);
