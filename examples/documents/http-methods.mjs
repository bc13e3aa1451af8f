// What HTTP's methods do, one after the other: GET, HEAD, PUT, POST, DELETE, OPTIONS. Who changes something says who it is.
//
//     node examples/documents/http-methods.mjs
import { http, startLab } from "wirelab";

const lab = await startLab({ web: http() });
const { url } = lab.servers.web;
const headers = { authorization: `Basic ${btoa("foo:bar")}` };

async function ask(method, path, body) {
  const response = await fetch(`${url}${path}`, { method, headers, body: body ?? null });
  const text = response.headers.get("content-type")?.startsWith("text/plain")
    ? ` ${(await response.text()).trim()}`
    : "";
  console.log(`${method.padEnd(7)} ${path.padEnd(10)} ${response.status} ${response.statusText}${text}`);
  return response;
}

await ask("PUT", "/note.txt", "a note");
await ask("GET", "/note.txt");
console.log(`        its length: ${(await ask("HEAD", "/note.txt")).headers.get("content-length")}`);
const form = new FormData();
form.append("file", new Blob(["from a form"]), "form.txt");
await ask("POST", "/", form);
await ask("GET", "/form.txt");
console.log(`        allowed: ${(await ask("OPTIONS", "/note.txt")).headers.get("allow")}`);
await ask("DELETE", "/note.txt");
await ask("GET", "/note.txt");
await lab.stop();
