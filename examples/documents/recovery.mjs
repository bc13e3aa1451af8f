// Error recovery: a download that is cut goes on where it was. The server is made to reset the first try after 1,000 bytes.
//
//     node examples/documents/recovery.mjs
import { http, startLab } from "wirelab";

const content = "0123456789".repeat(500);
const lab = await startLab({ web: http() }, { files: { "/data": content } });
lab.faults.add({
  when: { verb: "GET" },
  times: 1,
  fault: { kind: "reset", afterBytes: 1000, direction: "out" },
});

let received = "";
for (let attempt = 1; received.length < content.length; attempt += 1) {
  const headers = received ? { range: `bytes=${received.length}-` } : {};
  try {
    const response = await fetch(`${lab.servers.web.url}/data`, { headers });
    for await (const bytes of response.body) received += Buffer.from(bytes).toString();
    console.log(`attempt ${attempt}: ${response.status}, complete`);
  } catch {
    console.log(`attempt ${attempt}: cut off`);
  }
}
console.log(received === content ? "nothing is missing" : "something is missing");
await lab.stop();
