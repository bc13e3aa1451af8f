// A client of Telnet for programs, on telnetlib: says its name, speaks to the room, and leaves.
//
//     node examples/documents/telnet-client.mjs [PORT] [NICK]
import { connectTelnet } from "../../dist/servers/telnet/client.js";

const [port = "2323", nick = "robot"] = process.argv.slice(2);
const client = await connectTelnet({ host: "127.0.0.1", port: Number(port) });
await client.read("> ");
client.send(`nick ${nick}\r\n`);
await client.read(`${nick}> `);
client.send("say Hello, everybody!\r\n");
console.log((await client.read("Hello, everybody!")).trim());
await client.read(`${nick}> `);
client.send("uptime\r\n");
console.log((await client.read(/\d+ seconds/)).trim().split("\n").at(-1));
client.send("quit\r\n");
await client.read("Goodbye");
client[Symbol.dispose]();
