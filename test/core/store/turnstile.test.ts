import { expect, it } from "vitest";
import { createTurnstile } from "../../../core/store/turnstile.ts";

/** Works that end when they are told to. */
const works = (turnstile: ReturnType<typeof createTurnstile>) => {
  const begun: string[] = [];
  const end = new Map<string, (failure?: Error) => void>();
  const pass = (name: string) =>
    turnstile.pass(
      () =>
        new Promise<string>((resolve, reject) => {
          begun.push(name);
          end.set(name, (failure) => (failure ? reject(failure) : resolve(name)));
        }),
    );
  return { begun, pass, end: (name: string, failure?: Error) => end.get(name)?.(failure) };
};
const settled = () => new Promise(setImmediate);

it("lets so many in at a time, and the others in their order", async () => {
  const { begun, pass, end } = works(createTurnstile(2));
  const all = ["a", "b", "c", "d"].map(pass);
  await settled();
  expect(begun).toEqual(["a", "b"]);
  end("b");
  await settled();
  expect(begun).toEqual(["a", "b", "c"]);
  end("a");
  await settled();
  for (const name of ["c", "d"]) end(name);
  expect(await Promise.all(all)).toEqual(["a", "b", "c", "d"]);
});

it("gives a place back when a work fails", async () => {
  const { begun, pass, end } = works(createTurnstile(1));
  const first = pass("a");
  const second = pass("b");
  await settled();
  end("a", new Error("no"));
  await expect(first).rejects.toThrow("no");
  await settled();
  end("b");
  expect(await second).toBe("b");
  expect(begun).toEqual(["a", "b"]);
});

it("turns away who waits, and nobody who is in or comes later", async () => {
  const turnstile = createTurnstile(1);
  const here = works(turnstile);
  const inside = here.pass("in");
  const waiting = here.pass("waits");
  await settled();
  turnstile.turnAway(new Error("closed"));
  await expect(waiting).rejects.toThrow("closed");
  here.end("in");
  expect(await inside).toBe("in");
  const later = here.pass("later");
  await settled();
  here.end("later");
  expect(await later).toBe("later");
});
