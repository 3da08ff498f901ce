import { once } from "node:events";
import type { Io } from "./io.ts";

/** A line of standard input: its object, or what is wrong with it. Lines count from 1. */
type JsonLine =
  | { readonly line: number; readonly id: string | number; readonly text: string }
  | { readonly line: number; readonly problem: string };

const LINE_FEED = 0x0a;
const MAX_LINE_BYTES = 16 * 1024 * 1024;

/**
 * Writes a line for each line of input: its id, and what `answer` says of its text. 0 all lines were
 * read, 2 one could not be; the others are answered nevertheless.
 */
export const answerLines = async (
  io: Io,
  input: AsyncIterable<Buffer | string>,
  answer: (text: string) => object,
): Promise<number> => {
  let code = 0;
  for await (const line of readTextLines(input)) {
    if ("problem" in line) {
      io.stderr.write(`clawgate: line ${line.line} of the input: ${line.problem}\n`);
      code = 2;
      continue;
    }
    const written = io.stdout.write(`${JSON.stringify({ id: line.id, ...answer(line.text) })}\n`);
    if (!written) await once(io.stdout, "drain");
  }
  return code;
};

/** Reads `{"id","text"}` lines, one at a time however large the input; empty lines are passed by. */
async function* readTextLines(input: AsyncIterable<Buffer | string>): AsyncGenerator<JsonLine> {
  let line = 0;
  for await (const bytes of splitLines(input)) {
    line += 1;
    if (bytes === undefined) {
      yield { line, problem: `longer than ${MAX_LINE_BYTES} bytes` };
      continue;
    }
    const parsed = parseLine(bytes);
    if (parsed !== undefined) yield { line, ...parsed };
  }
}

/** The bytes of each line without its end; undefined for one that is too long to keep. */
async function* splitLines(
  input: AsyncIterable<Buffer | string>,
): AsyncGenerator<Buffer | undefined> {
  let parts: Buffer[] = [];
  let size = 0;
  const takeLine = (): Buffer | undefined => {
    const line = size > MAX_LINE_BYTES ? undefined : Buffer.concat(parts);
    parts = [];
    size = 0;
    return line;
  };
  const add = (part: Buffer): void => {
    size += part.length;
    if (size > MAX_LINE_BYTES) parts = [];
    else parts.push(part);
  };
  for await (const chunk of input) {
    const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    let from = 0;
    for (let at = bytes.indexOf(LINE_FEED); at !== -1; at = bytes.indexOf(LINE_FEED, from)) {
      add(bytes.subarray(from, at));
      yield takeLine();
      from = at + 1;
    }
    if (from < bytes.length) add(bytes.subarray(from));
  }
  if (size > 0) yield takeLine();
}

const EXPECTED = '{"id": "…", "text": "…"}';

const parseLine = (
  bytes: Buffer,
):
  | { readonly id: string | number; readonly text: string }
  | { readonly problem: string }
  | undefined => {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return { problem: "bytes that are not UTF-8" };
  }
  if (text.trim() === "") return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: `no JSON, expected ${EXPECTED}` };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { problem: `no object, expected ${EXPECTED}` };
  }
  const { id, text: said } = value as { readonly id?: unknown; readonly text?: unknown };
  if (typeof id !== "string" && typeof id !== "number") {
    return { problem: `"id" is missing or no string, expected ${EXPECTED}` };
  }
  // It would be answered as another one.
  if (typeof id === "number" && Math.abs(id) > Number.MAX_SAFE_INTEGER) {
    return { problem: `"id" is a number beyond 2^53: give it as a string` };
  }
  if (typeof said !== "string") {
    return { problem: `"text" is missing or no string, expected ${EXPECTED}` };
  }
  return { id, text: said };
};
