// TLS: a server with a certificate of the lab's own authority, a client that trusts that authority and nobody else, and one that
// does not, and so finds out that it cannot know whom it speaks with.
//
//     node examples/documents/tls.mjs
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { connect } from "node:tls";
import { startLab, tcp } from "wirelab";

const lab = await startLab({ greeter: tcp({ tls: true }) });
const { host, port, url } = lab.servers.greeter;
const client = connect({ host, port, ca: lab.ca });
await once(client, "secureConnect");
console.log(
  `${url.replace(/\d+$/, "PORT")}: ${client.getProtocol()}, certificate of ${client.getPeerCertificate().subject.CN}`,
);
client.write("Hello?");
console.log(`Received: ${await text(client)}`);

const stranger = connect({ host, port });
const [error] = await once(stranger, "error");
console.log(`Without its authority: ${error.code}`);
await lab.stop();
