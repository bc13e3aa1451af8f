// What Express costs, and what the lab adds to it: GET of a small page from node:http, from wirelab and from plain Express,
// each in a process of its own, loaded in turn so that all see the same machine. What counts is the ratio to node:http.
// Run it after `npm run build`: node bench/http.mjs
import { fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import express from "express";
import { http, startLab } from "../dist/index.js";

const BODY = "Hello, world!";
const CONNECTIONS = 32;
const ROUNDS = 7;
const ROUND_MS = 1500;

const servers = {
  "node:http": () =>
    listening(
      createServer((_request, response) => {
        response.setHeader("Content-Type", "text/html; charset=utf-8");
        response.setHeader("Content-Length", BODY.length);
        response.end(BODY);
      }),
    ),
  wirelab: async () => (await startLab({ web: http() }, { transcript: 0 })).servers.web.port,
  "wirelab observed": async () => (await startLab({ web: http() })).servers.web.port,
  express: () => {
    const app = express();
    app.get("/", (_request, response) => {
      response.type("html").send(BODY);
    });
    return listening(createServer(app));
  },
};

async function listening(server) {
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address();
  return port;
}

/** Requests per second over connections that are kept alive, one request at a time on each. */
async function load(port) {
  const request = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
  const deadline = performance.now() + ROUND_MS;
  let answers = 0;
  const clients = Array.from({ length: CONNECTIONS }, async () => {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    socket.on("data", (chunk) => {
      if (!chunk.includes(BODY)) return;
      answers += 1;
      if (performance.now() < deadline) socket.write(request);
      else socket.destroy();
    });
    socket.write(request);
    await once(socket, "close");
  });
  await Promise.all(clients);
  return (answers / ROUND_MS) * 1000;
}

function median(values) {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)];
}

async function main() {
  const running = await Promise.all(
    Object.keys(servers).map(async (name) => {
      const child = fork(fileURLToPath(import.meta.url), [name]);
      const [port] = await once(child, "message");
      return { name, child, port, rates: [] };
    }),
  );
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const server of running) {
      const rate = await load(server.port);
      // The first round is for the compilers.
      if (round > 0) server.rates.push(rate);
    }
  }
  const [raw] = running;
  for (const { name, rates, child } of running) {
    const ratio = median(rates.map((rate, round) => rate / raw.rates[round]));
    console.log(`${name.padEnd(18)}${median(rates).toFixed(0).padStart(7)} requests/s  ${ratio.toFixed(2)}`);
    child.kill();
  }
}

const start = servers[process.argv[2] ?? ""];
if (start) process.send(await start());
else await main();
