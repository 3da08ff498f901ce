/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A text with its placeholders filled in. */
export interface Interpolated {
  readonly text: string;
  /** The variables that the text names, set or not. */
  readonly variables: readonly string[];
  /** Those that are not set and have no default. */
  readonly missing: readonly string[];
  /** True when the text is one placeholder and nothing else. */
  readonly isWhole: boolean;
  /** True when a `${` neither starts a placeholder nor is escaped as `$${`. */
  readonly isMalformed: boolean;
}

// Left to right: an escape, a placeholder, or a `${` that is neither.
const TOKEN = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{/g;

/**
 * Fills in `${NAME}` and `${NAME:-default}` (the default also when the variable is empty); `$${`
 * stands for `${`. What a variable or a default holds is taken as it is: no recursion.
 */
export const interpolate = (text: string, env: Environment): Interpolated => {
  const variables: string[] = [];
  const missing: string[] = [];
  let isMalformed = false;
  const filled = text.replace(TOKEN, (match, name?: string, fallback?: string) => {
    if (match === "$${") return "${";
    if (name === undefined) {
      isMalformed = true;
      return match;
    }
    variables.push(name);
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (fallback !== undefined) return value === undefined || value === "" ? fallback : value;
    if (value === undefined) missing.push(name);
    return value ?? "";
  });
  const [first, second] = text.matchAll(TOKEN);
  const isWhole = first?.[1] !== undefined && first[0] === text && second === undefined;
  return { text: filled, variables, missing, isWhole, isMalformed };
};
