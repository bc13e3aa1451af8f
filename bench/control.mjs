// The control API: how long a reset takes by HTTP beside one by function, and how many events a second go through a stream.
// `npm run build && node bench/control.mjs [rounds]`
import { connect } from "node:net";
import { performance } from "node:perf_hooks";
import { ftp, http, serveControl, startLab, tcp, telnet } from "../dist/index.js";

const rounds = Number(process.argv[2] ?? 200);

const median = (numbers) => numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)];
const ms = (number) => `${number.toFixed(2).padStart(8)} ms`;

const files = Object.fromEntries(
  Array.from({ length: 100 }, (_, index) => [`/files/${index}.txt`, `file ${index}`]),
);
const lab = await startLab(
  { files: ftp(), web: http(), shell: telnet(), echo: tcp({ behaviour: "echo" }) },
  { files },
);
const control = await serveControl(lab);
const headers = { authorization: `Bearer ${control.token}` };

const times = { byFunction: [], byHttp: [], list: [] };
for (let round = 0; round < rounds; round += 1) {
  for (const [name, run] of [
    ["byFunction", () => lab.reset()],
    [
      "byHttp",
      async () => (await fetch(`${control.url}/v1/reset`, { method: "POST", headers })).arrayBuffer(),
    ],
    ["list", async () => (await fetch(`${control.url}/v1/servers`, { headers })).arrayBuffer()],
  ]) {
    const began = performance.now();
    await run();
    times[name].push(performance.now() - began);
  }
}
console.log(`reset of four servers, 100 files   ${ms(median(times.byFunction))}`);
console.log(`the same over the control API      ${ms(median(times.byHttp))}`);
console.log(`GET /v1/servers                    ${ms(median(times.list))}`);

// NOOPs in one go: a command and a reply each.
const wanted = 20_000;
const stream = await fetch(`${control.url}/v1/events?server=files`, { headers });
let told = 0;
const reading = (async () => {
  for await (const chunk of stream.body) told += Buffer.from(chunk).toString().split("\nid: ").length;
})();
const socket = connect(lab.servers.files.port, lab.servers.files.host);
socket.resume();
const began = performance.now();
socket.write(`USER foo\r\nPASS bar\r\n${"NOOP\r\n".repeat(wanted / 2)}`);
while (told < wanted * 0.95) await new Promise((resolve) => setTimeout(resolve, 5));
console.log(
  `events through a stream            ${Math.round(told / ((performance.now() - began) / 1000))} /s`,
);
socket.destroy();
await control.stop();
await reading.catch(() => {});
await lab.stop();
