const BYTES = 60 * 1024;

/** What comes again and again: prose, CJK, emoji of several characters, code in fences, marks, one very long word. */
const PIECES: readonly string[] = [
  "The committee met & decided: 3 < 4, 'quoted' *not bold* _not italic_ ~not struck~ `not code`.",
  "會議決定：第一項照案通過，其餘保留；会议决定：其余保留。",
  "👩‍👩‍👧‍👦 family, 🇭🇰 flag, é and é, שלום עולם",
  '```ts\nconst sum = (a: number, b: number) => a + b; // "x" <y> & z\n```',
  "- a list\n  1. within a list\n> and a quotation\n# and a heading",
  "x".repeat(2_500),
];

/** 60 KB of text as people paste it, numbered so that what is lost, doubled or moved shows. */
export const longText = (): string => {
  const lines: string[] = [];
  for (let size = 0; ; ) {
    const line = `[${lines.length}]\n${PIECES[lines.length % PIECES.length] ?? ""}`;
    size += Buffer.byteLength(line) + 1;
    if (size > BYTES) return lines.join("\n");
    lines.push(line);
  }
};

/** A text without blanks and invisible characters, which platforms change as they like. */
export const inkOf = (text: string): string => text.replace(/[\s\u200b\u2060]/g, "");
