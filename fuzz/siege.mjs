// What every fuzzer does with its clients: sends them at a lab, many at a time, while one that behaves is answered; then looks
// for what they have left.
import { conclude, heap, seconds, seed } from "./chance.mjs";

/** What the heap may have grown by from the first tenth of the time to the end, in bytes. */
const GROWTH = 24 * 1024 * 1024;

/**
 * Lays siege to a lab, says how it went, and sets the exit code: 1 where a client failed that should not, where a connection was
 * not told to be opened and closed once, or where memory was kept.
 *
 * @param {string} name of the protocol, and of the file.
 * @param {object} lab
 * @param {object} parts
 * @param {number} [parts.clients] so many at a time; default 24.
 * @param {(over: () => boolean) => Promise<number>} parts.witness a client that behaves until it is over; answers the longest
 *   time that it waited for, in milliseconds.
 * @param {(count: number) => Promise<void>} parts.attack one client, from coming to going; `count` is its number.
 * @param {(event: object) => string | undefined} [parts.complaint] what is wrong with an event.
 * @param {() => Promise<void>} [parts.tidy] takes away what clients may leave in good order, when all are gone.
 * @param {() => string} parts.figures what else to say of it.
 */
export async function besiege(name, lab, { clients: many = 24, witness, attack, complaint, tidy, figures }) {
  const open = new Set();
  const wrong = [];
  lab.events.subscribe((event) => {
    const { type, connection } = event;
    const why = complaint?.(event);
    if (why !== undefined) wrong.push(why);
    if (type === "opened") open.add(connection);
    // Those that were closed once need not be remembered.
    if (type === "closed" && !open.delete(connection))
      wrong.push(`${connection} was told to be closed twice.`);
  });
  console.log(`${name}: ${seconds} s with --seed=${seed}`);
  const began = performance.now();
  const passed = () => (performance.now() - began) / 1000;
  let failure;
  const failed = (error) => {
    failure ??= error;
  };
  const over = () => failure !== undefined || passed() >= seconds;
  const watched = witness(over).catch(failed);
  let before;
  let clients = 0;
  const attackers = Array.from({ length: many }, async () => {
    while (!over()) {
      if (before === undefined && passed() > seconds / 10) before = heap();
      clients += 1;
      await attack(clients).catch(failed);
    }
  });
  await Promise.all(attackers);
  const longest = await watched;
  if (failure) wrong.push(failure.message);
  await lab.stop({ grace: 0 });
  await tidy?.();
  const grown = heap() - (before ?? heap());
  if (grown > GROWTH) wrong.push(`The heap has grown by ${grown} bytes.`);
  if (open.size > 0) wrong.push(`${open.size} connections were not told to be closed.`);
  const patience = `longest answer ${longest?.toFixed(0)} ms, heap ${(grown / 1e6).toFixed(1)} MB`;
  conclude(name, `${clients} clients, ${figures()}, ${patience}`, wrong);
}
