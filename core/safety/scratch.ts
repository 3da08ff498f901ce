// Enough for 100 KiB of whatever kind; what was never used of it takes no memory.
const BYTES = 6 * 1024 * 1024;
const ALIGNMENT = 4;

/**
 * One block of memory for the arrays in which texts are taken apart, one text after another. With
 * megabytes of new ones for each long text the collector stops everything for 20 ms every few texts.
 *
 * What is made `during` some work is all noughts, lasts until the work ends and is wiped then: nothing
 * of it may be kept. Where no such work is done, or the block is full, arrays are like any others.
 */
class Scratch {
  readonly #bytes = new Uint8Array(BYTES);
  #used = 0;
  #isInUse = false;

  /** Does what waits for nothing. What is done within it is part of it. */
  during<T>(work: () => T): T {
    if (this.#isInUse) return work();
    this.#isInUse = true;
    try {
      return work();
    } finally {
      this.#bytes.fill(0, 0, this.#used);
      this.#used = 0;
      this.#isInUse = false;
    }
  }

  uint8(length: number): Uint8Array<ArrayBuffer> {
    const at = this.#take(length);
    return at < 0 ? new Uint8Array(length) : new Uint8Array(this.#bytes.buffer, at, length);
  }

  uint16(length: number): Uint16Array<ArrayBuffer> {
    const at = this.#take(length * 2);
    return at < 0 ? new Uint16Array(length) : new Uint16Array(this.#bytes.buffer, at, length);
  }

  uint32(length: number): Uint32Array<ArrayBuffer> {
    const at = this.#take(length * 4);
    return at < 0 ? new Uint32Array(length) : new Uint32Array(this.#bytes.buffer, at, length);
  }

  /** Where so many bytes are free; -1 for nowhere. */
  #take(bytes: number): number {
    const at = this.#used;
    const end = at + Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    if (!this.#isInUse || end > BYTES) return -1;
    this.#used = end;
    return at;
  }
}

export const scratch = new Scratch();
