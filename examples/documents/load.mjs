// Load: a thousand requests, so many at a time, and how long they took. One thread serves them all, because none of them makes it
// wait: that is what "asynchronous" is for.
//
//     node examples/documents/load.mjs [REQUESTS] [AT A TIME]
import { http, startLab } from "wirelab";

const [requests = "1000", atATime = "50"] = process.argv.slice(2);
const lab = await startLab({ web: http() }, { transcript: 0 });
const times = [];
let left = Number(requests);

async function worker() {
  while (left > 0) {
    left -= 1;
    const began = performance.now();
    await (await fetch(lab.servers.web.url)).text();
    times.push(performance.now() - began);
  }
}

const began = performance.now();
await Promise.all(Array.from({ length: Number(atATime) }, worker));
const seconds = (performance.now() - began) / 1000;
times.sort((one, other) => one - other);
const at = (share) => `${times[Math.floor(share * (times.length - 1))].toFixed(1)} ms`;
console.log(`${times.length} requests, ${Math.round(times.length / seconds)} a second`);
console.log(`median ${at(0.5)}, 95 of 100 within ${at(0.95)}, the slowest ${at(1)}`);
await lab.stop();
