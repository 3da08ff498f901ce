/** What a plain word (one without quotes) means, or why it may not stand there. */
export type Plain =
  | { readonly value: string | number | boolean | undefined }
  | { readonly found: string; readonly expected: string };

// What YAML 1.1 readers (among them PyYAML and Go's) and YAML 1.2 readers take for different
// things. See https://yaml.org/type/ and https://yaml.org/spec/1.2.2/#103-core-schema
const AMBIGUOUS: readonly (readonly [RegExp, string])[] = [
  [/^(y|n|yes|no|on|off)$/i, "some readers of YAML take it for true or false"],
  [/^(true|false)$/i, "only some readers of YAML take it for true or false"],
  [/^(~|null)$/i, "readers of YAML take it for no value"],
  [/^[-+]?0[0-9_]+$/, "some readers of YAML take it for an octal number"],
  [/^[-+]?0[xob][0-9a-f_]+$/i, "readers of YAML take it for a number in another base"],
  [/^(?=.*[0-9])[-+]?[0-9._]*_[0-9._]*$/, "some readers of YAML drop the underscores"],
  [/^[-+]?[0-9]+(:[0-5]?[0-9])+(\.[0-9]*)?$/, "some readers of YAML count it in sixties"],
  [/^[-+]?(\.inf|\.nan)$/i, "readers of YAML take it for a number that is none"],
  [/^\+[0-9.]+$/, "readers of YAML drop the plus"],
  [/^[-+]?[0-9]+\.$/, "only some readers of YAML take it for a number"],
  [/^[-+]?\.[0-9_]*$/, "only some readers of YAML take it for a number"],
  [/^[-+]?[0-9_]*\.?[0-9_]*e[-+]?[0-9]+$/i, "only some readers of YAML take it for a number"],
  [/^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?$/, "some readers of YAML take it for a date"],
  [/^[=]$/, "some readers of YAML take it for a default value"],
];

/** Resolves a plain word to what every reader of YAML takes it for. */
export const resolvePlain = (source: string): Plain => {
  if (source === "") return { value: undefined };
  if (source === "true" || source === "false") return { value: source === "true" };
  const why = AMBIGUOUS.find(([pattern]) => pattern.test(source))?.[1];
  if (why !== undefined) {
    const shown = source.slice(0, 40);
    return { found: `${shown} without quotes; ${why}`, expected: `"${shown}" when text is meant` };
  }
  if (/^-?(0|[1-9][0-9]*)(\.[0-9]+)?$/.test(source)) {
    const value = Number(source);
    // Only what is read back as it was written lost nothing on the way.
    if (String(value) === source) return { value };
    const shown = source.slice(0, 40);
    return { found: `the number ${shown}`, expected: `${value}, or "${shown}" when text is meant` };
  }
  return { value: source };
};
