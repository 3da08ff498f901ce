// Plays Firecracker: its control socket with the order that it enforces, its vsock device, and a
// "machine" that is the real guest launcher in namespaces of its own. Paths are those of the jail,
// which is the working directory.
// https://github.com/firecracker-microvm/firecracker/blob/main/src/firecracker/swagger/firecracker.yaml
import { spawn } from "node:child_process";
import { existsSync, rmSync, statSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createConnection, createServer } from "node:net";
import { join } from "node:path";

const VERSION = "1.13.1";
const [guestProgram, node, ...args] = process.argv.slice(2);
if (args.includes("--version")) {
  console.log(`Firecracker v${VERSION}\n`);
  process.exit(0);
}
const optionOf = (name) => args[args.indexOf(name) + 1];
const inJail = (path) => join(process.cwd(), path);
const apiSocket = inJail(
  args.includes("--api-sock") ? optionOf("--api-sock") : "/run/firecracker.socket",
);
if (existsSync(apiSocket)) {
  console.error(
    `Failed to open the API socket at: ${apiSocket}. Check that it is not already used.`,
  );
  process.exit(1);
}

class Fault extends Error {}
const need = (condition, words) => {
  if (!condition) throw new Fault(words);
};
const isFile = (path) => typeof path === "string" && existsSync(inJail(path));
const config = { drives: new Map() };
let isStarted = false;

/** Rejects fields that the swagger does not have, and asks for those that it requires. */
const shape = (body, required, optional = []) => {
  for (const name of Object.keys(body)) {
    need(
      [...required, ...optional].includes(name),
      `An error occurred when deserializing the json body of a request: unknown field \`${name}\``,
    );
  }
  for (const name of required) {
    need(
      body[name] !== undefined,
      `An error occurred when deserializing the json body of a request: missing field \`${name}\``,
    );
  }
};

const BEFORE_START = {
  "/logger"(body) {
    shape(body, [], ["level", "log_path", "show_level", "show_log_origin", "module"]);
    need(config.logger === undefined, "Logger error: the logger has already been initialized.");
    need(
      isFile(body.log_path),
      "Logger error: Failed to open target file: No such file or directory",
    );
    config.logger = body;
  },
  "/metrics"(body) {
    shape(body, ["metrics_path"], ["emit_id", "properties"]);
    need(isFile(body.metrics_path), "Metrics error: Cannot initialize the metrics system");
    config.metrics = body;
  },
  "/machine-config"(body) {
    shape(
      body,
      ["vcpu_count", "mem_size_mib"],
      ["smt", "track_dirty_pages", "huge_pages", "cpu_template"],
    );
    const { vcpu_count: count, mem_size_mib: mib } = body;
    need(
      count >= 1 && count <= 32 && (count === 1 || count % 2 === 0),
      "Machine config error: The vCPU number is invalid!",
    );
    need(
      Number.isInteger(mib) && mib > 0,
      "Machine config error: The memory size (MiB) is invalid.",
    );
    config.machine = body;
  },
  "/boot-source"(body) {
    shape(body, ["kernel_image_path"], ["boot_args", "initrd_path"]);
    need(
      isFile(body.kernel_image_path),
      "Boot source error: The kernel file cannot be opened: No such file or directory",
    );
    config.boot = body;
  },
  "/vsock"(body) {
    shape(body, ["guest_cid", "uds_path"], ["vsock_id"]);
    need(body.guest_cid >= 3, "Vsock config error: Cannot create vsock device");
    config.vsock = body;
  },
};

const putDrive = (id, body) => {
  shape(
    body,
    ["drive_id", "is_root_device"],
    [
      "path_on_host",
      "is_read_only",
      "partuuid",
      "cache_type",
      "rate_limiter",
      "io_engine",
      "socket",
    ],
  );
  need(id === body.drive_id, "The id from the path does not match the id from the body!");
  need(
    isFile(body.path_on_host),
    "Drive config error: Unable to create the virtio block device: No such file or directory",
  );
  config.drives.set(id, body);
};

const act = ({ action_type: action }) => {
  if (action === "FlushMetrics") return;
  need(
    action === "InstanceStart",
    "The requested operation is not supported before starting the microVM.",
  );
  need(
    config.boot !== undefined,
    "Start microvm error: Cannot start microvm without kernel configuration.",
  );
  isStarted = true;
  openVsock();
  boot();
};

const put = (path, body) => {
  const drive = /^\/drives\/(\w+)$/.exec(path)?.[1];
  need(
    drive !== undefined || path === "/actions" || BEFORE_START[path],
    `Invalid request method and/or path: PUT ${path}.`,
  );
  if (isStarted && !(path === "/actions" && body.action_type !== "InstanceStart")) {
    throw new Fault("The requested operation is not supported after starting the microVM.");
  }
  if (path === "/actions") act(body);
  else if (drive !== undefined) putDrive(drive, body);
  else BEFORE_START[path](body);
};

createHttpServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const answer = (status, body) => {
      response.writeHead(status, { Server: "Firecracker API", "Content-Type": "application/json" });
      response.end(body === undefined ? undefined : JSON.stringify(body));
    };
    try {
      if (request.method === "GET" && request.url === "/version")
        return answer(200, { firecracker_version: VERSION });
      need(
        request.method === "PUT",
        `Invalid request method and/or path: ${request.method} ${request.url}.`,
      );
      const text = Buffer.concat(chunks).toString();
      need(text !== "", "Empty PUT request.");
      put(request.url, JSON.parse(text));
      answer(204);
    } catch (error) {
      answer(400, { fault_message: error.message });
    }
  });
}).listen(apiSocket);

// Ports of the guest are sockets in the jail here: g<port> for those that it listens on, and one
// that it connects to itself, with the host's port as its first line.
const guestSocket = (port) => inJail(`/g${port}`);
const OUTWARD = "out";

const readLine = (socket, handle) => {
  let head = Buffer.alloc(0);
  const onData = (chunk) => {
    head = Buffer.concat([head, chunk]);
    const at = head.indexOf("\n");
    if (at < 0) return head.length > 32 ? socket.destroy() : undefined;
    socket.off("data", onData);
    socket.pause();
    if (head.length > at + 1) socket.unshift(head.subarray(at + 1));
    handle(head.toString("latin1", 0, at));
  };
  socket.on("error", () => {}).on("data", onData);
};

const couple = (left, right) => {
  for (const socket of [left, right]) {
    socket.on("error", () => {});
    socket.on("close", () => [left, right].map((one) => one.destroySoon()));
  }
  left.pipe(right).pipe(left);
};

const openVsock = () => {
  if (config.vsock === undefined) return;
  const path = inJail(config.vsock.uds_path);
  let hostPort = 1 << 30;
  createServer({ allowHalfOpen: true }, (host) => {
    readLine(host, (line) => {
      const port = /^CONNECT (\d+)$/i.exec(line)?.[1];
      if (port === undefined) return host.destroy();
      const guest = createConnection({ path: guestSocket(port), allowHalfOpen: true });
      guest.on("error", () => host.destroy()); // nobody listens: the connection is terminated
      guest.on("connect", () => {
        host.write(`OK ${hostPort++}\n`);
        couple(host, guest);
      });
    });
  }).listen(path);
  createServer({ allowHalfOpen: true }, (guest) => {
    readLine(guest, (port) => {
      const host = createConnection({ path: `${path}_${port}`, allowHalfOpen: true });
      host.on("error", () => guest.destroy());
      host.on("connect", () => couple(guest, host));
    });
  }).listen(guestSocket(OUTWARD));
};

const boot = () => {
  const root = [...config.drives.values()].find((drive) => drive.is_root_device);
  const scratch = [...config.drives.values()].find((drive) => !drive.is_root_device);
  if (root?.is_read_only !== true || !config.boot.boot_args.includes("init=")) return; // it would panic
  if (statSync(inJail(root.path_on_host)).size === 0) return; // and here it would hang
  const guest = spawn(
    "/usr/bin/unshare",
    [
      ...["--mount", "--net", "--ipc", "--uts", "--", "/usr/bin/python3", "-E", guestProgram],
      ...[process.cwd(), inJail(scratch.path_on_host), node],
    ],
    { cwd: "/", env: {}, stdio: ["ignore", "inherit", "inherit"] },
  );
  guest.on("exit", () => {
    rmSync(apiSocket, { force: true });
    process.exit(0); // Firecracker ends with its guest
  });
};
