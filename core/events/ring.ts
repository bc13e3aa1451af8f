/** The last so many of something, oldest first out. Putting in and taking out cost the same however many there are. */
export class Ring<T> implements Iterable<T> {
  readonly #capacity: number;
  readonly #slots: (T | undefined)[] = [];
  #first = 0;
  #size = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#size;
  }

  /** The oldest. */
  get first(): T | undefined {
    return this.#slots[this.#first];
  }

  /** Puts one behind the others; the answer is the one that had to make room. */
  push(item: T): T | undefined {
    const dropped = this.#size === this.#capacity ? this.shift() : undefined;
    const end = this.#first + this.#size;
    this.#slots[end < this.#capacity ? end : end - this.#capacity] = item;
    this.#size += 1;
    return dropped;
  }

  /** Takes the oldest out. */
  shift(): T | undefined {
    if (this.#size === 0) return undefined;
    const item = this.#slots[this.#first];
    this.#slots[this.#first] = undefined;
    this.#size -= 1;
    // An empty ring begins anew, so that one that never fills stays short.
    this.#first = this.#size === 0 ? 0 : (this.#first + 1) % this.#capacity;
    return item;
  }

  clear(): void {
    this.#slots.length = 0;
    this.#first = 0;
    this.#size = 0;
  }

  [Symbol.iterator](): ArrayIterator<T> {
    const end = this.#first + this.#size;
    const wrapped = this.#slots.slice(0, Math.max(0, end - this.#capacity));
    return [...this.#slots.slice(this.#first, end), ...wrapped].values() as ArrayIterator<T>;
  }
}
