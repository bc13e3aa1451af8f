// Compression: the same page as it is and by gzip, as the client accepts it.
//
//     node examples/documents/compression.mjs
import { request } from "node:http";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { http, startLab } from "wirelab";

const page = "<p>Hello, world!</p>\n".repeat(2000);
const lab = await startLab({ web: http() }, { files: { "/page.html": page } });
for (const accepted of ["identity", "gzip"]) {
  const body = await new Promise((resolve) => {
    request(`${lab.servers.web.url}/page.html`, { headers: { "accept-encoding": accepted } }, (response) => {
      resolve(buffer(response));
    }).end();
  });
  const text = accepted === "gzip" ? gunzipSync(body) : body;
  console.log(
    `${accepted.padEnd(9)} ${`${body.length}`.padStart(6)} bytes on the wire, ${text.length} as a page`,
  );
}
await lab.stop();
