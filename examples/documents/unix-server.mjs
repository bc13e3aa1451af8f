// A Unix-domain socket: for programs of this machine alone; its address is a path, and the file's mode says who may come.
//
//     node examples/documents/unix-server.mjs [PATH]
import { startLab, tcp } from "wirelab";

const lab = await startLab({ greeter: tcp({ path: process.argv[2] ?? "/tmp/wirelab.sock" }) });
console.log(`Listening on ${lab.servers.greeter.url}`);
process.once("SIGINT", () => lab.stop());
