// Concurrent clients: one that is slow keeps nobody waiting. Five clients come at once, the first of them says nothing for half a
// second, and the others are answered meanwhile. The tutorial's server took one after the other.
//
//     node examples/documents/concurrent-server.mjs
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { startLab, tcp } from "wirelab";

const lab = await startLab({ greeter: tcp() });
const { host, port } = lab.servers.greeter;

async function client(name, ms) {
  const socket = connect(port, host);
  await pause(ms);
  socket.write(`I am ${name}`);
  console.log(`client ${name}: ${await text(socket)}`);
}

await Promise.all([
  client("one, and slow", 500),
  ...["two", "three", "four", "five"].map((name) => client(name, 0)),
]);
await lab.stop();
