/** How many may wait for a place. */
const MAX_WAITING = 256;

/** A bounded number of places, taken in the order of those who ask. */
export class Places {
  #free: number;
  readonly #waiting = new Set<(place: "place" | "gone") => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /**
   * A place, which {@link Places.leave} gives back.
   *
   * @param gone resolves when whoever asks does not want it any more.
   */
  async take(gone: Promise<unknown>): Promise<"place" | "gone" | "full"> {
    if (this.#free > 0) {
      this.#free -= 1;
      return "place";
    }
    if (this.#waiting.size >= MAX_WAITING) return "full";
    return new Promise((resolve) => {
      this.#waiting.add(resolve);
      gone.then(() => {
        if (this.#waiting.delete(resolve)) resolve("gone");
      });
    });
  }

  leave(): void {
    const [next] = this.#waiting;
    if (!next) {
      this.#free += 1;
      return;
    }
    this.#waiting.delete(next);
    next("place");
  }
}
