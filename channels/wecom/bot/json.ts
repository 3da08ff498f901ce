/** The text is not JSON that we are willing to read; `reason` holds no user text. */
export class JsonError extends Error {
  override readonly name = "JsonError";
  constructor(readonly reason: string) {
    super(`JSON refused: ${reason}`);
  }
}

/** A number as it was written: ids of 64 bits must not be rounded. */
export class JsonNumber {
  constructor(readonly text: string) {}
}

export type JsonValue = string | boolean | null | JsonNumber | readonly JsonValue[] | JsonObject;

/** Values by name; a name such as `__proto__` is one like any other. */
export type JsonObject = ReadonlyMap<string, JsonValue>;

const MAX_DEPTH = 16;
const MAX_VALUES = 10_000;

/**
 * Reads a JSON object. Throws JsonError for everything else, and for what lenient readers disagree
 * about: a name that is there twice, lone surrogates; and for more than 16 levels or 10 000 values.
 * @see https://www.rfc-editor.org/rfc/rfc8259
 */
export const readJson = (text: string): JsonObject => {
  const reader = new Reader(text);
  const value = reader.value(1);
  reader.end();
  if (!isObject(value)) throw new JsonError("the root is no object");
  return value;
};

export const isObject = (value: JsonValue | undefined): value is JsonObject => value instanceof Map;

/** The object behind a name; undefined where there is none. */
export const objectIn = (object: JsonObject | undefined, name: string): JsonObject | undefined => {
  const value = object?.get(name);
  return isObject(value) ? value : undefined;
};

/** What is listed behind a name: an only one may stand without its list. */
export const listIn = (object: JsonObject | undefined, name: string): readonly JsonValue[] => {
  const value = object?.get(name);
  if (value === undefined || value === null) return [];
  return isList(value) ? value : [value];
};

/** The text behind a name, a number as it was written; undefined for anything else. */
export const textIn = (object: JsonObject | undefined, name: string): string | undefined => {
  const value = object?.get(name);
  if (value instanceof JsonNumber) return value.text;
  return typeof value === "string" ? value : undefined;
};

export const isList = (value: JsonValue): value is readonly JsonValue[] => Array.isArray(value);

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const WORD = /true|false|null/y;
const WORDS: ReadonlyMap<string, boolean | null> = new Map([
  ["true", true],
  ["false", false],
  ["null", null],
]);

class Reader {
  #at = 0;
  #values = 0;
  constructor(readonly text: string) {}

  value(depth: number): JsonValue {
    if (depth > MAX_DEPTH) throw new JsonError(`more than ${MAX_DEPTH} levels`);
    this.#values += 1;
    if (this.#values > MAX_VALUES) throw new JsonError(`more than ${MAX_VALUES} values`);
    this.#take(SPACE);
    switch (this.text[this.#at]) {
      case "{":
        return this.#object(depth);
      case "[":
        return this.#array(depth);
      case '"':
        return this.#string();
    }
    const word = this.#take(WORD);
    if (word !== undefined) return WORDS.get(word) ?? null;
    const number = this.#take(NUMBER);
    if (number === undefined) throw notWellFormed();
    return new JsonNumber(number);
  }

  end(): void {
    this.#take(SPACE);
    if (this.#at !== this.text.length) throw new JsonError("junk after the root");
  }

  #object(depth: number): JsonObject {
    const members = new Map<string, JsonValue>();
    this.#list("}", () => {
      this.#take(SPACE);
      const name = this.#string();
      if (members.has(name)) throw new JsonError("a name is there twice");
      if (!this.#skip(":")) throw notWellFormed();
      members.set(name, this.value(depth + 1));
    });
    return members;
  }

  #array(depth: number): readonly JsonValue[] {
    const items: JsonValue[] = [];
    this.#list("]", () => items.push(this.value(depth + 1)));
    return items;
  }

  #list(close: string, item: () => void): void {
    this.#at += 1;
    if (this.#skip(close)) return;
    for (;;) {
      item();
      if (this.#skip(close)) return;
      if (!this.#skip(",")) throw notWellFormed();
    }
  }

  #string(): string {
    const start = this.#at;
    const end = endOfString(this.text, start);
    this.#at = end;
    const literal = this.text.slice(start, end);
    let value: unknown;
    try {
      // Of one string alone it is exact, and fast; what is around strings it forgives too much of.
      value = JSON.parse(literal);
    } catch {
      throw notWellFormed();
    }
    if (typeof value !== "string") throw notWellFormed();
    if (!value.isWellFormed()) throw new JsonError("a lone surrogate");
    return value;
  }

  #skip(character: string): boolean {
    this.#take(SPACE);
    if (this.text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }
}

/** Just behind the quote that closes the string at `start`. */
const endOfString = (text: string, start: number): number => {
  if (text[start] !== '"') throw notWellFormed();
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === '"') return at + 1;
    if (text[at] === "\\") at += 1;
  }
  throw notWellFormed();
};

const notWellFormed = () => new JsonError("not well formed");
