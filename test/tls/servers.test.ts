import { expect, test } from "vitest";
import { ftp, http, startLab, tcp, telnet } from "../../index.ts";
import { visit } from "./client.ts";

const GET = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

test("one option for all servers: each speaks TLS as its protocol has it", async () => {
  await using lab = await startLab(
    { web: http(), shell: telnet(), echo: tcp({ behaviour: "echo" }), files: ftp() },
    { tls: true },
  );
  const { web, shell, echo, files } = lab.servers;
  expect(Object.values(lab.servers).map(({ url }) => url.split(":")[0])).toEqual([
    "https",
    "telnets",
    "tls",
    "ftp",
  ]);
  expect((await visit(web, GET)).text).toContain("Hello, world!");
  expect((await visit(shell, "quit\r\n")).text).toContain("Goodbye");
  expect((await visit(echo, "back")).text).toBe("back");
  void files;
});
