// The HTTP server that runs programs: those of one folder alone, by CGI, without a shell between. The tutorial's ran whatever was
// executable, for every machine.
//
//     node examples/documents/cgi-server.mjs [PORT]      and open http://127.0.0.1:8000/cgi-bin/hello?name=Ann
import { fileURLToPath } from "node:url";
import { http, startLab } from "wirelab";

const folder = fileURLToPath(new URL("cgi-bin", import.meta.url));
const port = Number(process.argv[2] ?? 8000);
const lab = await startLab({
  web: http({ port, cgi: { folder, environment: { PATH: process.env.PATH ?? "" } } }),
});
console.log(`Open ${lab.servers.web.url}/cgi-bin/hello`);
process.once("SIGINT", () => lab.stop());
