/** Gives a prototype's objects a property that `get` answers for, until somebody assigns another value to one of them. */
export function assignable<T extends object>(prototype: T, name: string, get: (this: T) => unknown): void {
  Object.defineProperty(prototype, name, {
    configurable: true,
    get,
    set(this: T, value: unknown) {
      Object.defineProperty(this, name, { value, configurable: true, enumerable: true, writable: true });
    },
  });
}
