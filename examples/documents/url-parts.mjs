// A URL taken apart.
//
//     node examples/documents/url-parts.mjs [URL]
const url = new URL(
  process.argv[2] ?? "http://username:password@www.example.com:80/path/file.html?key=value#fragment",
);
const parts = {
  scheme: url.protocol.replace(/:$/, ""),
  username: url.username,
  password: url.password,
  host: url.hostname,
  port: url.port || `the usual one of ${url.protocol.replace(/:$/, "")}`,
  path: url.pathname,
  query: [...url.searchParams].map(([key, value]) => `${key} is ${value}`).join(", "),
  fragment: url.hash.replace(/^#/, ""),
};
for (const [name, value] of Object.entries(parts)) console.log(`${name.padEnd(9)}${value}`);
