import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FirecrackerOptions } from "../../../sandbox/drivers/firecracker/driver.ts";

/**
 * Puts programs into the folder that play Firecracker and its jailer, and says where they lie. Their
 * machines are namespaces of this host, so root is needed, and no KVM.
 */
export const installFakeFirecracker = (folder: string): Required<FirecrackerOptions> => {
  const program = (name: string, ...words: string[]): string => {
    const path = join(folder, name);
    const command = [process.execPath, join(import.meta.dirname, `${name}.mjs`), ...words];
    writeFileSync(path, `#!/bin/sh\nexec ${command.map((word) => `'${word}'`).join(" ")} "$@"\n`);
    chmodSync(path, 0o755);
    return path;
  };
  const image = (name: string): string => {
    const path = join(folder, name);
    writeFileSync(path, "not really");
    chmodSync(path, 0o644);
    return path;
  };
  const jailFolder = join(folder, "jails");
  mkdirSync(jailFolder);
  return {
    firecracker: program("firecracker", join(import.meta.dirname, "guest.py"), process.execPath),
    jailer: program("jailer"),
    kernel: image("vmlinux"),
    rootfs: image("rootfs.ext4"),
    jailFolder,
    kvm: "/dev/null",
    bootMs: 10_000,
  };
};
