// What every fuzzer shares: its command line, its choices, which are the same for the same seed, and what the heap holds.
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const { values } = parseArgs({ options: { seconds: { type: "string" }, seed: { type: "string" } } });

/** How long to go on. */
export const seconds = Number(values.seconds ?? 60);
export const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 32));

/** mulberry32: the same numbers for the same seed. */
function randomFrom(start) {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const random = randomFrom(seed);
/** A whole number from 0 up to the limit, which is left out. */
export const below = (limit) => Math.floor(random() * limit);
export const pick = (list) => list[below(list.length)];

/** Says how it went, and by which seed to find again what went wrong. */
export function conclude(name, figures, wrong) {
  console.log(`${name}: ${figures}`);
  for (const why of wrong) console.error(`${name}: ${why} Again: node fuzz/${name}.mjs --seed=${seed}`);
  process.exitCode = wrong.length > 0 ? 1 : 0;
}

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");

/** Bytes that the heap holds when what is not needed any more is gone. */
export const heap = () => {
  collect();
  return process.memoryUsage().heapUsed;
};
