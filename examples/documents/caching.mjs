// Caching: a client that has a page asks whether it is still right, and gets a page only if it is not.
//
//     node examples/documents/caching.mjs
import { http, startLab } from "wirelab";

const lab = await startLab({ web: http() }, { files: { "/page.txt": "first" } });
const url = `${lab.servers.web.url}/page.txt`;
const cache = { etag: "", text: "" };

async function read() {
  const response = await fetch(url, { headers: cache.etag ? { "if-none-match": cache.etag } : {} });
  if (response.status === 200)
    Object.assign(cache, { etag: response.headers.get("etag"), text: await response.text() });
  console.log(`${response.status} ${cache.text}`);
}

await read();
await read();
await fetch(url, { method: "PUT", body: "second", headers: { authorization: `Basic ${btoa("foo:bar")}` } });
await read();
await lab.stop();
