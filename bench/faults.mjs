// What being able to fail, and being watched, costs: each way of running a lab, as a ratio to a plain one. The ways take
// turns, so that a machine whose speed drifts slows all of them alike. Run it after `npm run build`: node bench/faults.mjs
import { connect } from "node:net";
import { ftp, http, startLab, tcp } from "../dist/index.js";

const ROUNDS = 7;

const rule = (server) => ({ when: { server, verb: "NEVER" }, fault: { kind: "reset" } });

/** How a lab is run. */
const WAYS = {
  plain: () => startLab(services(), { transcript: 0 }),
  "rule for another server": () => startLab(services(), { transcript: 0, faults: [rule("another")] }),
  "rule that could match": () =>
    startLab(services(), { transcript: 0, faults: ["web", "files", "bulk"].map((server) => rule(server)) }),
  transcript: () => startLab(services()),
  "events subscribed": async () => {
    const lab = await startLab(services(), { transcript: 0 });
    lab.events.subscribe(() => {});
    return lab;
  },
  "bytes tapped": () => startLab(services(), { transcript: 0, tap: () => {} }),
};

function services() {
  return { web: http(), files: ftp(), bulk: tcp({ behaviour: "discard" }) };
}

/** A connection, and a way to wait for text on it. */
function dial(port) {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  let received = "";
  let wanted;
  let wake = () => {};
  socket.setEncoding("latin1").on("data", (chunk) => {
    received += chunk;
    if (wanted?.test(received)) {
      const text = received;
      received = "";
      wanted = undefined;
      wake(text);
    }
  });
  return {
    socket,
    until: (pattern) =>
      new Promise((resolve) => {
        wanted = pattern;
        wake = resolve;
      }),
    async say(text, pattern) {
      const answer = this.until(pattern);
      socket.write(text);
      return answer;
    },
  };
}

/** Work that is timed: each takes about a quarter of a second on a plain lab. */
const WORKS = {
  "HTTP hello": async (lab) => {
    const client = dial(lab.servers.web.port);
    for (let count = 0; count < 1000; count += 1) {
      await client.say("GET / HTTP/1.1\r\nHost: x\r\n\r\n", /Hello, world!$/);
    }
    client.socket.destroy();
  },
  "FTP RETR of 1 KB": async (lab) => {
    const client = dial(lab.servers.files.port);
    await client.until(/^220 .*\r\n$/);
    await client.say("USER foo\r\n", /331/);
    await client.say("PASS bar\r\n", /230/);
    await client.say("TYPE I\r\n", /200/);
    for (let count = 0; count < 150; count += 1) {
      const [, port] = /\|\|\|(\d+)\|/.exec(await client.say("EPSV\r\n", /229.*\r\n$/));
      const data = connect(Number(port), "127.0.0.1").resume();
      await client.say("RETR /1k\r\n", /226.*\r\n$/);
      data.destroy();
    }
    client.socket.destroy();
  },
  "TCP bulk of 200 MB": async (lab) => {
    const socket = connect(lab.servers.bulk.port, "127.0.0.1");
    const chunk = Buffer.alloc(1_000_000);
    for (let sent = 0; sent < 200; sent += 1) {
      if (!socket.write(chunk)) await new Promise((resolve) => socket.once("drain", resolve));
    }
    await new Promise((resolve) => socket.end().once("close", resolve));
  },
};

const median = (values) => values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)];

const labs = new Map();
for (const [way, start] of Object.entries(WAYS)) {
  const lab = await start();
  const file = await lab.store.write("/1k");
  await new Promise((resolve) => file.end(Buffer.alloc(1024), resolve));
  labs.set(way, lab);
}

for (const [what, work] of Object.entries(WORKS)) {
  const times = new Map([...labs.keys()].map((way) => [way, []]));
  for (const lab of labs.values()) await work(lab);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [way, lab] of labs) {
      const began = performance.now();
      await work(lab);
      times.get(way).push(performance.now() - began);
    }
  }
  console.log(what);
  const plain = times.get("plain");
  for (const [way, taken] of times) {
    const ratio = median(taken.map((time, round) => time / plain[round]));
    console.log(`  ${way.padEnd(28)} ${median(taken).toFixed(0).padStart(6)} ms   × ${ratio.toFixed(2)}`);
  }
}
for (const lab of labs.values()) await lab.stop();
