/** What of a job's doings is to be observed. */
export interface TraceWatch {
  readonly exec: boolean;
  readonly open: boolean;
  readonly connect: boolean;
}

/** Numbers of system calls by what they do, as this machine's processor numbers them. */
export interface CallNumbers {
  readonly exec: readonly number[];
  readonly open: readonly number[];
  /** Those that make a process or a thread. */
  readonly fork: readonly number[];
  /** The one that ends a process with all its threads. */
  readonly exit: number;
  /** Which argument holds the flags, from 1; 0 where the call always writes. */
  flagsArgument(call: number): number;
}

// https://gitlab.com/strace/strace and linux/arch/x86/entry/syscalls/syscall_64.tbl
const X64 = {
  execve: 59,
  execveat: 322,
  open: 2,
  creat: 85,
  openat: 257,
  clone: 56,
  fork: 57,
  vfork: 58,
  clone3: 435,
  exit_group: 231,
};
const ARM64 = {
  execve: 221,
  execveat: 281,
  openat: 56,
  clone: 220,
  clone3: 435,
  exit_group: 94,
};

/** Throws for a processor that gVisor does not run on. */
export const callNumbers = (architecture: string): CallNumbers => {
  if (architecture === "x64") {
    return {
      exec: [X64.execve, X64.execveat],
      open: [X64.open, X64.creat, X64.openat],
      fork: [X64.clone, X64.fork, X64.vfork, X64.clone3],
      exit: X64.exit_group,
      flagsArgument: (call) => (call === X64.creat ? 0 : call === X64.open ? 2 : 3),
    };
  }
  if (architecture === "arm64") {
    return {
      exec: [ARM64.execve, ARM64.execveat],
      open: [ARM64.openat],
      fork: [ARM64.clone, ARM64.clone3],
      exit: ARM64.exit_group,
      flagsArgument: () => 3,
    };
  }
  throw new RangeError(`gVisor does not run on ${architecture}`);
};

const WHO = ["time", "thread_id", "group_id"];

/**
 * What `runsc --pod-init-config` reads: which points are sent, and where to. Strings that are not
 * UTF-8, and arguments longer than a packet, make gVisor drop a point without a word; a job could
 * hide behind that. So the bare system call, which is numbers only, is asked for beside each point
 * that bears names: when only it comes, something was hidden. For the same reason exec does not
 * carry the working folder, whose name a job may choose.
 * @see https://github.com/google/gvisor/blob/master/pkg/sentry/seccheck/README.md
 */
export const traceConfig = (watch: TraceWatch, endpoint: string, architecture: string): object => {
  const numbers = callNumbers(architecture);
  const isX64 = architecture === "x64";
  const named = (name: string, optional: string[], context: string[]) => ({
    name: `syscall/${name}/enter`,
    optional_fields: optional,
    context_fields: context,
  });
  const bare = (call: number) => ({ name: `syscall/sysno/${call}/enter`, context_fields: WHO });
  const points = [
    ...(watch.exec
      ? [named("execve", [], WHO), named("execveat", ["fd_path"], WHO), ...numbers.exec.map(bare)]
      : []),
    ...(watch.open
      ? [
          named("openat", ["fd_path"], [...WHO, "cwd"]),
          ...(isX64
            ? [named("open", [], [...WHO, "cwd"]), named("creat", [], [...WHO, "cwd"])]
            : []),
          ...numbers.open.map(bare),
        ]
      : []),
    ...(watch.connect ? [named("connect", [], WHO)] : []),
    // Their returns tell who was refused a process; that is a limit and no matter of the record.
    ...numbers.fork.map((call) => ({ name: `syscall/sysno/${call}/exit`, context_fields: WHO })),
    // How the job ends is told here long before gVisor's kernel has ended, too.
    bare(numbers.exit),
    // The last word of every thread: it also brings the count of what was dropped before it.
    { name: "sentry/task_exit", context_fields: WHO },
  ];
  const sink = { name: "remote", config: { endpoint, retries: RETRIES } };
  return { trace_session: { name: "Default", points, sinks: [sink] } };
};

// Between them gVisor waits 25 us, then twice as long each time, 10 ms at most: together 0.12 s that a
// flood of events waits for us before anything is dropped.
const RETRIES = 20;
