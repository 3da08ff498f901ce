/** Shows people that somebody is at work on an answer, again and again until it is there. */
export interface Working<Target> {
  /** Begins to show it, unless the answer is there soon. Never throws. */
  begin(key: string, target: Target): void;
  /** Shows it no more; says, once nothing of it is on its way, whether anything was shown. */
  end(key: string): boolean | Promise<boolean>;
  stop(): void;
}

export interface WorkingOptions<Target> {
  /** Shows it once; false = not to be tried again. Never rejects. */
  readonly show: (target: Target) => Promise<boolean>;
  /** How long what was shown lasts, less what a call may take. */
  readonly everyMs: number;
}

// An answer that is there by then is not worth a call.
const FIRST_MS = 1_000;
// No turn takes longer; what goes on beyond it was answered elsewhere.
const LONGEST_MS = 15 * 60_000;

interface Session<Target> {
  readonly target: Target;
  leftMs: number;
  /** Resolves when the last call is over; undefined until there was one. */
  showing: Promise<void> | undefined;
  timer: NodeJS.Timeout | undefined;
}

export const createWorking = <Target>(options: WorkingOptions<Target>): Working<Target> => {
  const { show, everyMs } = options;
  const sessions = new Map<string, Session<Target>>();

  const schedule = (key: string, session: Session<Target>, waitMs: number): void => {
    session.leftMs -= waitMs;
    session.timer = setTimeout(() => {
      session.showing = showNow(key, session);
    }, waitMs);
    session.timer.unref();
  };

  const showNow = async (key: string, session: Session<Target>): Promise<void> => {
    const isGoingOn = await show(session.target);
    if (sessions.get(key) !== session) return;
    if (isGoingOn && session.leftMs > 0) schedule(key, session, everyMs);
    else sessions.delete(key);
  };

  const forget = (key: string): Session<Target> | undefined => {
    const session = sessions.get(key);
    if (!session) return undefined;
    sessions.delete(key);
    clearTimeout(session.timer);
    return session;
  };

  return {
    begin: (key, target) => {
      forget(key);
      const session: Session<Target> = {
        target,
        leftMs: LONGEST_MS,
        showing: undefined,
        timer: undefined,
      };
      sessions.set(key, session);
      schedule(key, session, FIRST_MS);
    },
    end: (key) => forget(key)?.showing?.then(() => true) ?? false,
    stop: () => {
      for (const key of [...sessions.keys()]) forget(key);
    },
  };
};
