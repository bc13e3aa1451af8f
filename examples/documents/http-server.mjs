// The HTTP server: `Hello, world!` as a page. On 127.0.0.1, where the tutorial's let in every machine; and it knows HEAD, and says
// how long its answers are.
//
//     node examples/documents/http-server.mjs [PORT]
import { http, startLab } from "wirelab";

const port = Number(process.argv[2] ?? 8080);
const lab = await startLab({ web: http({ port }) }, { files: { "/index.html": "Hello, world!" } });
console.log(`Starting httpd on port ${lab.servers.web.port}...`);
console.log(`Open ${lab.servers.web.url}`);
process.once("SIGINT", () => lab.stop());
