import { describe, expect, test } from "vitest";
import { plainAddress } from "../core/address.ts";
import { Gate } from "../core/gate.ts";

const from = (host: string) => ({ host, port: 50_000 });

describe("allow and deny", () => {
  test("without lists everybody may come in", () => {
    expect(new Gate().admit(from("203.0.113.9"))).toBeUndefined();
  });

  test("an allow list keeps the others out, IPv4 and IPv6 alike", () => {
    const gate = new Gate({ allow: ["127.0.0.0/8", "fd00::/8"] });
    expect(gate.admit(from("127.4.5.6"))).toBeUndefined();
    expect(gate.admit(from("fd00::1"))).toBeUndefined();
    expect(gate.admit(from("10.0.0.1"))).toBe("denied");
    expect(gate.admit(from("::1"))).toBe("denied");
  });

  test("deny weighs more than allow", () => {
    const gate = new Gate({ allow: ["127.0.0.0/8"], deny: ["127.0.0.2"] });
    expect(gate.admit(from("127.0.0.1"))).toBeUndefined();
    expect(gate.admit(from("127.0.0.2"))).toBe("denied");
  });

  test("an IPv4 client of an IPv6 socket is an IPv4 client", () => {
    expect(plainAddress("::ffff:127.0.0.1")).toBe("127.0.0.1");
    expect(plainAddress("::FFFF:10.1.2.3")).toBe("10.1.2.3");
    expect(plainAddress("::1")).toBe("::1");
  });

  test.each(["127.0.0.1/33", "::1/129", "localhost", "10.0.0.0/8/8", "10.0.0.0/", "", "1.2.3"])(
    "%j is no block",
    (block) => {
      expect(() => new Gate({ deny: [block] })).toThrow(expect.objectContaining({ code: "BAD_OPTION" }));
    },
  );
});

describe("limits", () => {
  test("the total, and what is released counts no more", () => {
    const gate = new Gate({ maxConnections: 2 });
    expect(gate.admit(from("127.0.0.1"))).toBeUndefined();
    expect(gate.admit(from("127.0.0.2"))).toBeUndefined();
    expect(gate.admit(from("127.0.0.3"))).toBe("full");
    gate.release(from("127.0.0.1"));
    expect(gate.admit(from("127.0.0.3"))).toBeUndefined();
  });

  test("per peer", () => {
    const gate = new Gate({ maxPerPeer: 1 });
    expect(gate.admit(from("127.0.0.1"))).toBeUndefined();
    expect(gate.admit(from("127.0.0.1"))).toBe("peer-full");
    expect(gate.admit(from("127.0.0.2"))).toBeUndefined();
    gate.release(from("127.0.0.1"));
    expect(gate.admit(from("127.0.0.1"))).toBeUndefined();
  });

  test("a limit that is undefined is left out", () => {
    // As JavaScript, or a compiler with other settings, may hand it in.
    const given: object = { maxConnections: undefined, idle: undefined };
    expect(new Gate(given).limits).toEqual(new Gate().limits);
  });

  test.each([0, -1, Number.NaN])("a limit of %d is refused", (maxConnections) => {
    expect(() => new Gate({ maxConnections })).toThrow(expect.objectContaining({ code: "BAD_OPTION" }));
  });
});
