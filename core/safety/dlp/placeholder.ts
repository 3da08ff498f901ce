// By their form alone, whatever stands before.
const BLANK =
  /^(?:[*x.•●#_\-=?]+|.{0,3}\*{3,}.{0,4}|\$.*|%\w+%|<.*|\{\{.*|\[.*|\{.*|@.*|&.*|![a-z]+|<?your.*|.*\.{3}|.*…|[^\x20-\x7e].*)$/i;
const PLACEHOLDER =
  /^(?:null|none|nil|undefined|true|false|string|str|text|number|required|optional|empty|n\/a|tbd|todo|change[-_]?(?:me|it).*|redacted|masked|hidden|secret|password|passwd|token|.*(?:your|my|the|some|example|sample|dummy|fake|placeholder|insert|replace)[-_]?(?:own)?[-_ ]?(?:key|api|token|secret|password|passwd|pass|value|here|app|db|client|access).*|example.*|placeholder.*|dummy.*|sample.*|enter[-_].*|.*[-_]here|env[.:(].*|secrets?[.:/].*|vault[.:/].*|arn:.*|file:.*|process\.env.*|os\.(?:environ|getenv).*|config[.[(].*|settings[.[(].*|self\..*|this\..*|req(?:uest)?\..*|[\w.]*\(.*)$/i;

/** Whether a value stands for a secret without being one: `****`, `${VAR}`, `<your-key>`, `getenv(…)`. */
export const isPlaceholder = (value: string): boolean => isBlank(value) || PLACEHOLDER.test(value);

/** The same where words are no placeholders by themselves, as in `admin:secret@`. */
export const isBlank = (value: string): boolean => isOneCharacter(value) || BLANK.test(value);

/** `aaaa` or `aAaA`. Of digits a password may consist. */
const isOneCharacter = (value: string): boolean => {
  const first = smallOf(value.charCodeAt(0));
  if (value.length < 2 || (first >= 0x30 && first <= 0x39)) return false;
  for (let at = 1; at < value.length; at++) {
    if (smallOf(value.charCodeAt(at)) !== first) return false;
  }
  return true;
};

const smallOf = (unit: number): number => (unit >= 0x41 && unit <= 0x5a ? unit | 0x20 : unit);

// How often each ASCII character occurs; all zero between two calls.
const counts = new Uint32Array(128);

const count = (value: string): void => {
  for (let i = 0; i < value.length; i++) {
    const unit = value.charCodeAt(i) & 127;
    counts[unit] = (counts[unit] ?? 0) + 1;
  }
};

/** Bits per character of an ASCII text, from 0 for one repeated character. */
export const entropy = (value: string): number => {
  count(value);
  let bits = 0;
  for (let i = 0; i < value.length; i++) {
    const share = (counts[value.charCodeAt(i) & 127] ?? 0) / value.length;
    if (share > 0) bits -= share * Math.log2(share);
    counts[value.charCodeAt(i) & 127] = 0;
  }
  return bits;
};

/** How many different characters an ASCII text has. */
export const distinctCharacters = (value: string): number => {
  count(value);
  let distinct = 0;
  for (let i = 0; i < value.length; i++) {
    if (counts[value.charCodeAt(i) & 127] !== 0) distinct++;
    counts[value.charCodeAt(i) & 127] = 0;
  }
  return distinct;
};
