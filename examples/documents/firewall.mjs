// Address rules, as a firewall has them: who may come, and how many.
//
//     node examples/documents/firewall.mjs
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { startLab, tcp } from "wirelab";

const lab = await startLab({
  inside: tcp({
    behaviour: "greet",
    gate: { allow: ["127.0.0.0/8"], deny: ["127.0.0.66"], maxConnections: 10 },
  }),
});
const { host, port } = lab.servers.inside;
for (const localAddress of ["127.0.0.1", "127.0.0.66"]) {
  const refused = lab.events.next("refused", {}, 500).catch(() => undefined);
  const said = await text(connect({ host, port, localAddress })).catch(() => "");
  const { reason } = said ? {} : await refused;
  console.log(`${localAddress.padEnd(11)} ${said || `refused (${reason})`}`);
}
await lab.stop();
