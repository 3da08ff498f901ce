import type { Payload } from "./payload.ts";

/**
 * What was taken last, by its id, so that what is told of it later can be understood: whether an edit is
 * more than a link that was unfolded, whose a message was that is gone.
 */
export interface Recent {
  get(id: string): Payload | undefined;
  note(id: string, message: Payload): void;
  forget(id: string): void;
}

const MOST = 5_000;

export const createRecent = (): Recent => {
  const recent = new Map<string, Payload>();
  return {
    get: (id) => recent.get(id),
    note: (id, message) => {
      recent.delete(id);
      const [oldest] = recent.keys();
      if (recent.size >= MOST && oldest !== undefined) recent.delete(oldest);
      recent.set(id, message);
    },
    forget: (id) => void recent.delete(id),
  };
};
