import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { watchSettings } from "../../cli/watch-settings.ts";
import { eventually } from "../fakes/eventually.ts";
import { recordedLog } from "../fakes/log.ts";
import { temporaryFolder } from "../fakes/temporary-folder.ts";

const folder = temporaryFolder();
const log = recordedLog();
let stop = () => {};
afterEach(() => stop());

const inFolder = (name: string) => join(folder.path, name);
const watching = () => {
  const onChange = vi.fn();
  stop = watchSettings(inFolder("settings.json"), onChange, log);
  return onChange;
};
const calls = (onChange: ReturnType<typeof vi.fn>, count: number) =>
  eventually(() => expect(onChange).toHaveBeenCalledTimes(count));

describe("watching the settings", () => {
  it("notices a file that an editor replaced", async () => {
    writeFileSync(inFolder("settings.json"), "{}");
    const onChange = watching();
    writeFileSync(inFolder("settings.json~"), "{ }");
    renameSync(inFolder("settings.json~"), inFolder("settings.json"));
    await calls(onChange, 1);
  });

  it("notices the link that Kubernetes swaps", async () => {
    for (const version of ["v1", "v2"]) {
      mkdirSync(inFolder(version));
      writeFileSync(join(inFolder(version), "settings.json"), version);
    }
    symlinkSync("v1", inFolder("..data"));
    symlinkSync(join("..data", "settings.json"), inFolder("settings.json"));
    const onChange = watching();
    symlinkSync("v2", inFolder("..data_tmp"));
    renameSync(inFolder("..data_tmp"), inFolder("..data"));
    await calls(onChange, 1);
  });

  it("that cannot be done leaves SIGHUP, and says so", () => {
    const onChange = vi.fn();
    stop = watchSettings(join(folder.path, "gone", "settings.json"), onChange, log);
    process.emit("SIGHUP");
    expect(onChange).toHaveBeenCalledTimes(1);
    expect(log.lines.at(-1)).toMatchObject({
      level: "warn",
      text: expect.stringContaining("SIGHUP"),
    });
  });

  it("is not disturbed by other files, and listens to SIGHUP all the same", async () => {
    writeFileSync(inFolder("settings.json"), "{}");
    const onChange = watching();
    writeFileSync(inFolder("notes.txt"), "x");
    process.emit("SIGHUP");
    await calls(onChange, 1);
  });
});
