// Logging with levels, and monitoring: what happens goes to a log, figures are counted from the same events.
//
//     node examples/documents/logging.mjs 2> lab.log
import { http, startLab } from "wirelab";

const lab = await startLab(
  { web: http() },
  { log: { level: "debug", format: "json", stream: process.stderr } },
);
const codes = new Map();
let bytes = 0;
lab.events.subscribe((event) => {
  if (event.type === "reply") codes.set(event.code, (codes.get(event.code) ?? 0) + 1);
  if (event.type === "closed") bytes += event.sent;
});
for (const path of ["/", "/", "/nothing"]) await (await fetch(`${lab.servers.web.url}${path}`)).text();
await lab.stop();
console.log([...codes].map(([code, count]) => `${count} times ${code}`).join(", "));
console.log(bytes > 0 ? "and the bytes of all answers" : "and no bytes");
