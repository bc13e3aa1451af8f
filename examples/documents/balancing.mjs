// Port forwarding, round robin and least connections: one address in front of three servers.
//
//     node examples/documents/balancing.mjs
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { forward, startLab, tcp } from "wirelab";

const targets = await startLab({ one: tcp(), two: tcp(), three: tcp() });
const to = Object.values(targets.servers).map(({ host, port }) => ({ host, port }));
const lab = await startLab({
  turns: forward({ to }),
  fewest: forward({ to, balance: "least-connections" }),
});
const named = ({ targets: figures }) =>
  figures()
    .map(({ total }, index) => `${["one", "two", "three"][index]} ${total}`)
    .join(", ");

for (let count = 0; count < 6; count += 1) {
  const { host, port } = lab.servers.turns;
  await text(connect(port, host).end("hi"));
}
console.log(`round robin:       ${named(lab.servers.turns)}`);

// Two connections stay; whoever comes goes where nobody is.
const { host, port } = lab.servers.fewest;
const busy = [connect(port, host), connect(port, host)];
for (const [index] of busy.entries()) {
  while ([...lab.transcript.of("fewest")].filter(({ type }) => type === "reply").length <= index)
    await new Promise((resolve) => setTimeout(resolve, 5));
}
for (let count = 0; count < 3; count += 1) await text(connect(port, host).end("hi"));
console.log(`least connections: ${named(lab.servers.fewest)}`);
for (const socket of busy) socket.destroy();
await lab.stop();
await targets.stop();
