// A session with an FTP server: log in, list, upload, compare checksums, download, remove.
//
//     node examples/documents/ftp-session.mjs [PORT]
import { createHash } from "node:crypto";
import { PassThrough, Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { Client } from "basic-ftp";

const client = new Client();
await client.access({
  host: "127.0.0.1",
  port: Number(process.argv[2] ?? 2121),
  user: "foo",
  password: "bar",
});
console.log(`Logged in; this is ${await client.pwd()}`);
const content = Buffer.from("a line\n".repeat(1000));
await client.uploadFrom(Readable.from(content), "wirelab-example.txt");
console.log(`Uploaded; the directory has ${(await client.list()).length} entries`);

// What the server has, without loading it down again (XSHA256, as many servers know it).
const { message } = await client.send("XSHA256 wirelab-example.txt");
const own = createHash("sha256").update(content).digest("hex");
console.log(`Its checksum there is ${message.toLowerCase().includes(own) ? "the same" : "another one"}`);

const download = new PassThrough();
const received = buffer(download);
await client.downloadTo(download, "wirelab-example.txt");
console.log(`Downloaded; ${(await received).equals(content) ? "nothing" : "something"} has changed`);
await client.remove("wirelab-example.txt");
client.close();
