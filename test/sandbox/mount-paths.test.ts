import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { overlap, pathProblem } from "../../sandbox/mount-paths.ts";

describe("paths", () => {
  it.each(["/app", "/data/models", "/config"])("accepts %s", (path) => {
    expect(pathProblem(path)).toBeUndefined();
  });

  it("takes a folder and what lies in it as overlapping, and not a longer name", () => {
    expect(overlap("/app", "/app/data")).toBe(true);
    expect(overlap("/app", "/app")).toBe(true);
    expect(overlap("/app", "/application")).toBe(false);
  });

  it("never accepts a path that leads into a system folder", () => {
    const part = fc.constantFrom("..", ".", "", "usr", "etc", "proc", "dev", "app");
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
        const path = `/${parts.join("/")}`;
        if (pathProblem(path) !== undefined) return;
        expect(new URL(`file://${path}`).pathname).not.toMatch(/^\/+(usr|etc|proc|dev)(\/|$)/);
      }),
    );
  });
});
