/** First in, first out, in constant time however long it is (shifting an array or a Set is not). */
export interface Fifo<Item> {
  readonly size: number;
  push(item: Item): void;
  shift(): Item | undefined;
  /** The one that `shift` would take. */
  readonly first: Item | undefined;
}

interface Link<Item> {
  readonly item: Item;
  next: Link<Item> | undefined;
}

export const createFifo = <Item>(): Fifo<Item> => {
  let head: Link<Item> | undefined;
  let tail: Link<Item> | undefined;
  let size = 0;
  return {
    get size() {
      return size;
    },
    get first() {
      return head?.item;
    },
    push: (item) => {
      const link: Link<Item> = { item, next: undefined };
      if (tail) tail.next = link;
      else head = link;
      tail = link;
      size++;
    },
    shift: () => {
      const first = head;
      if (!first) return undefined;
      head = first.next;
      // A link that was moved to old memory would keep all that came behind it alive until that is collected.
      first.next = undefined;
      if (!head) tail = undefined;
      size--;
      return first.item;
    },
  };
};
