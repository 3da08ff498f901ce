import { expect, it } from "vitest";
import { whenThere } from "../../core/when-there.ts";

it("goes on at once with what is there, and else when it comes", async () => {
  expect(whenThere(1, (value) => value + 1)).toBe(2);
  const later = whenThere(Promise.resolve(1), (value) => value + 1);
  expect(later).toBeInstanceOf(Promise);
  expect(await later).toBe(2);
});

it("hands a fault on as it came", async () => {
  const fault = new Error("away");
  const failing = (): never => {
    throw fault;
  };
  expect(() => whenThere(1, failing)).toThrow(fault);
  await expect(whenThere(Promise.resolve(1), failing)).rejects.toBe(fault);
  await expect(whenThere(Promise.reject(fault), () => 1)).rejects.toBe(fault);
});
