const PLACEHOLDER =
  /^(?:[*x.•●#_\-=?]+|.{0,3}\*{3,}.{0,4}|\$.*|%\w+%|<.*|\{\{.*|\[.*|\{.*|@.*|&.*|null|none|nil|undefined|true|false|string|str|text|number|required|optional|empty|n\/a|tbd|todo|change[-_]?(?:me|it).*|redacted|masked|hidden|secret|password|passwd|token|.*(?:your|my|the|some|example|sample|dummy|fake|placeholder|insert|replace)[-_]?(?:own)?[-_ ]?(?:key|api|token|secret|password|passwd|pass|value|here|app|db|client|access).*|example.*|placeholder.*|dummy.*|sample.*|enter[-_].*|.*[-_]here|<?your.*|.*\.{3}|.*…|env[.:(].*|secrets?[.:/].*|vault[.:/].*|arn:.*|file:.*|process\.env.*|os\.(?:environ|getenv).*|config[.[(].*|settings[.[(].*|self\..*|this\..*|req(?:uest)?\..*|[\w.]*\(.*|(.)\1+|[^\x20-\x7e].*)$/i;

/** Whether a value stands for a secret without being one: `****`, `${VAR}`, `<your-key>`, `getenv(…)`. */
export const isPlaceholder = (value: string): boolean => PLACEHOLDER.test(value);

/** Bits per character, from 0 for one repeated character. */
export const entropy = (value: string): number => {
  const counts = new Map<string, number>();
  for (const char of value) counts.set(char, (counts.get(char) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) {
    bits -= (count / value.length) * Math.log2(count / value.length);
  }
  return bits;
};
