// The FTP server: user foo, password bar, all permissions, on this folder or another one. The tutorial's listened on port 21,
// for which one has to be root.
//
//     node examples/documents/ftp-server.mjs [PORT] [FOLDER]
import { ftp, startLab } from "wirelab";

const [port = "2121", root = "."] = process.argv.slice(2);
const lab = await startLab(
  { files: ftp({ port: Number(port) }) },
  { root, accounts: [{ name: "foo", password: "bar", permissions: "elradfmwMT" }] },
);
lab.events.subscribe((event) => {
  if (event.type === "login") console.log(`${event.user} ${event.ok ? "has logged in" : "was not let in"}`);
  if (event.type === "transfer")
    console.log(`${event.direction === "in" ? "upload" : "download"} of ${event.path}: ${event.bytes} bytes`);
}, "milestones");
console.log(`Listening on ${lab.servers.files.url}`);
process.once("SIGINT", () => lab.stop());
