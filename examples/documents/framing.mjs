// Framing: TCP carries bytes and knows no messages. Three writes may come as one read, and one write as three; so a message says
// how long it is, in front.
//
//     node examples/documents/framing.mjs
import { once } from "node:events";
import { connect } from "node:net";
import { startLab, tcp } from "wirelab";

const lab = await startLab(
  { plain: tcp({ behaviour: "echo" }), framed: tcp({ behaviour: "framed" }) },
  // Pieces of four bytes, as a bad line may make them.
  { faults: [{ fault: { kind: "slice", bytes: 4, direction: "out" } }] },
);
const messages = ["one", "two, and longer", "three"];

const plain = connect(lab.servers.plain.port, lab.servers.plain.host);
const pieces = [];
plain.on("data", (bytes) => pieces.push(`${bytes}`));
plain.end(messages.join(""));
await once(plain, "close");
console.log(`without frames, it is all one: ${pieces.join("")}`);

const framed = connect(lab.servers.framed.port, lab.servers.framed.host);
const received = [];
let held = Buffer.alloc(0);
framed.on("data", (bytes) => {
  held = Buffer.concat([held, bytes]);
  while (held.length >= 4 && held.length >= 4 + held.readUInt32BE()) {
    const end = 4 + held.readUInt32BE();
    received.push(held.toString("utf8", 4, end));
    held = held.subarray(end);
  }
});
for (const message of messages) {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(Buffer.byteLength(message));
  framed.write(Buffer.concat([length, Buffer.from(message)]));
}
framed.end();
await once(framed, "close");
console.log(`with frames, they are ${received.length}: ${received.join(" | ")}`);
await lab.stop();
