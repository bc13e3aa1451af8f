import { describe, expect, test } from "vitest";
import { serverUrl } from "../core/address.ts";
import { parseAddress } from "../index.ts";

describe("addresses of the command line", () => {
  test.each([
    ["2121", { port: 2121 }],
    ["0", { port: 0 }],
    ["127.0.0.1:80", { host: "127.0.0.1", port: 80 }],
    ["localhost:65535", { host: "localhost", port: 65535 }],
    ["[::1]:2121", { host: "::1", port: 2121 }],
    ["[fe80::1%eth0]:1", { host: "fe80::1%eth0", port: 1 }],
    ["unix:/tmp/a b.sock", { path: "/tmp/a b.sock" }],
    ["unix:here.sock", { path: "here.sock" }],
  ])("%s", (text, address) => {
    expect(parseAddress(text)).toEqual(address);
  });

  test.each([
    ["", "is no address"],
    ["http", "is no address"],
    ["-1", "is no address"],
    ["1.5", "is no address"],
    ["65536", "ports end at 65535"],
    [":80", "is no address"],
    ["::1", "IPv6 address without brackets"],
    ["::1:80", "IPv6 address without brackets"],
    ["[1.2.3.4]:80", "which is no IPv6 address"],
    ["[]:80", "which is no IPv6 address"],
    ["127.0.0.256:80", "which is no IPv4 address"],
    ["127.0.0.1:", "is no address"],
    ["unix:", "has a path that is empty"],
    [`unix:/${"x".repeat(103)}`, "too long for a Unix-domain socket"],
  ])("%j is refused: %s", (text, why) => {
    expect(() => parseAddress(text)).toThrow(
      expect.objectContaining({ code: "BAD_ADDRESS", message: expect.stringContaining(why) }),
    );
  });
});

test.each([
  ["ftp", { host: "127.0.0.1", port: 2121 }, "ftp://127.0.0.1:2121"],
  ["http", { host: "::1", port: 8080 }, "http://[::1]:8080"],
  ["tcp", { host: "0.0.0.0", port: 1 }, "tcp://127.0.0.1:1"],
  ["telnet", { host: "::", port: 23 }, "telnet://[::1]:23"],
  ["http", { path: "/tmp/x.sock" }, "unix:/tmp/x.sock"],
] as const)("the URL of %s at %j", (protocol, at, url) => {
  expect(serverUrl(protocol, at)).toBe(url);
});
