// Clients whose TLS is torn, bent, doubled and interrupted, before the handshake's end and behind it, and some that speak none.
// Nothing they do may end the process, keep memory or a connection, or keep another client waiting. Run it after
// `npm run build`:
//   node fuzz/tls.mjs [--seconds=60] [--seed=N]
import { once } from "node:events";
import { connect } from "node:net";
import { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { connect as connectTls } from "node:tls";
import { ftp, http, startLab, tcp, telnet } from "../dist/index.js";
import { below, pick, random } from "./chance.mjs";
import { besiege } from "./siege.mjs";

/** How long the witness waits for its answer, in milliseconds. */
const PATIENCE = 10_000;

const noise = (length) => Buffer.from(Array.from({ length }, () => below(256)));
const turn = () => new Promise((resolve) => setTimeout(resolve, below(4)));

/** What may become of some bytes on their way to the server. */
const BENDS = [
  (bytes) => {
    const bent = Buffer.from(bytes);
    for (let count = 1 + below(4); count > 0; count -= 1) bent[below(bent.length)] = below(256);
    return bent;
  },
  (bytes) => bytes.subarray(0, below(bytes.length)),
  (bytes) => Buffer.concat([bytes, bytes]),
  (bytes) => Buffer.concat([bytes, noise(1 + below(40))]),
  (bytes) => Buffer.concat([noise(1 + below(40)), bytes]),
  () => Buffer.concat([Buffer.from([20 + below(5), 3, below(5), below(256), below(256)]), noise(below(300))]),
];

/** A socket as a stream that bends what is written to it, now and then. */
function bending(socket, chance) {
  const stream = new Duplex({
    read() {},
    async write(chunk, _encoding, done) {
      let rest = random() < chance ? pick(BENDS)(chunk) : chunk;
      while (rest.length > 0 && socket.writable) {
        const size = random() < 0.8 ? rest.length : 1 + below(rest.length);
        socket.write(rest.subarray(0, size));
        rest = rest.subarray(size);
        if (random() < 0.1) await turn();
      }
      done();
    },
    final: (done) => socket.end(done),
  });
  socket.on("data", (chunk) => stream.push(chunk)).on("end", () => stream.push(null));
  socket.on("close", () => stream.destroy());
  return stream.on("error", () => {});
}

let handshakes = 0;

/** One client, from coming to going. */
async function attack({ port, protocol, url }, certificates) {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.on("error", () => {});
  await Promise.race([once(socket, "connect"), closed]);
  if (random() < 0.1) socket.write(noise(below(200)));
  if (protocol === "ftp" && !url.startsWith("ftps:")) {
    socket.write(`AUTH TLS\r\n${random() < 0.2 ? "USER foo\r\n" : ""}`);
    await Promise.race([once(socket, "data"), closed]);
  }
  const version = pick(["TLSv1.2", "TLSv1.3"]);
  const client = connectTls({
    socket: bending(socket, pick([0, 0.1, 0.5])),
    rejectUnauthorized: false,
    minVersion: version,
    maxVersion: version,
    ...(random() < 0.5 && pick(certificates)),
    ...(random() < 0.3 && { ALPNProtocols: pick([["h2"], ["http/1.1"], ["x".repeat(200)]]) }),
  });
  client.on("error", () => {}).resume();
  const secured = new Promise((resolve) => {
    client.once("secureConnect", () => {
      handshakes += 1;
      resolve();
    });
    client.once("close", resolve);
  });
  if (random() < 0.8) await Promise.race([secured, new Promise((resolve) => setTimeout(resolve, 200))]);
  for (let count = below(4); count > 0 && client.writable; count -= 1) {
    client.write(pick(["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "USER foo\r\n", "help\r\n", noise(below(2000))]));
    if (random() < 0.3) await turn();
  }
  const way = random();
  if (way < 0.4) {
    client.end();
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 300))]);
  } else if (way < 0.6) socket.resetAndDestroy();
  client.destroy();
  socket.destroy();
  await closed;
}

/** A client that behaves, again and again. Answers the longest time that it took, in milliseconds. */
async function witness({ host, port }, ca, over) {
  let longest = 0;
  for (let count = 0; !over(); count += 1) {
    const asked = performance.now();
    const client = connectTls({ host, port, ca, allowHalfOpen: true });
    const late = setTimeout(() => client.destroy(new Error(`It has waited ${PATIENCE} ms.`)), PATIENCE);
    client.end(`answer ${count}`);
    const said = await text(client).finally(() => clearTimeout(late));
    if (said !== `answer ${count}`) throw new Error(`The witness has heard ${JSON.stringify(said)}.`);
    longest = Math.max(longest, performance.now() - asked);
  }
  return longest;
}

const lab = await startLab(
  {
    echo: tcp({ behaviour: "echo", tls: { handshakeTimeout: PATIENCE } }),
    web: http({ tls: { requestCert: "optional" } }),
    shell: telnet({ tls: { requestCert: true } }),
    implicit: ftp({ tls: "implicit" }),
    explicit: ftp(),
  },
  { transcript: 1000, tls: { handshakeTimeout: 500 } },
);
const certificates = await Promise.all(
  [undefined, "expired", "untrusted"].map((broken) => lab.clientCertificate("eve", broken)),
);
const servers = Object.values(lab.servers);

await besiege("tls", lab, {
  clients: 12,
  witness: (over) => witness(lab.servers.echo, lab.ca, over),
  attack: () => attack(pick(servers), certificates),
  complaint: ({ type, message }) =>
    type === "error" && /routines|\.c:/.test(message) ? `An error says ${message}` : undefined,
  figures: () => `${handshakes} handshakes`,
});
