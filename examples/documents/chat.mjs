// Chat across protocols: somebody by Telnet and somebody by WebSocket sit in the same room.
//
//     node examples/documents/chat.mjs
import { once } from "node:events";
import { connect } from "node:net";
import { startLab, telnet, websocket } from "wirelab";
import { WebSocket } from "ws";

const lab = await startLab({ shell: telnet(), ws: websocket() });

/** Waits until a text has come. */
function reader(emitter, event) {
  let came = "";
  emitter.on(event, (bytes) => {
    came += `${bytes}\n`;
  });
  return async (wanted) => {
    while (!came.includes(wanted)) await once(emitter, event);
    return came
      .split("\n")
      .findLast((line) => line.includes(wanted))
      .trim();
  };
}

const ann = connect(lab.servers.shell.port, lab.servers.shell.host);
const annReads = reader(ann, "data");
await annReads("> ");
ann.write("nick ann\r\n");
await annReads("ann");
const bob = new WebSocket(`${lab.servers.ws.url}/chat`);
const bobReads = reader(bob, "message");
await once(bob, "open");
bob.send("/nick bob");
await annReads("bob");
bob.send("Hello from a browser!");
console.log(`ann reads: ${await annReads("Hello from a browser!")}`);
ann.write("say Hello from a terminal!\r\n");
console.log(`bob reads: ${await bobReads("Hello from a terminal!")}`);
ann.destroy();
bob.close();
await lab.stop();
