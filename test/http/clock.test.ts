import { pipeline } from "node:stream/promises";
import { expect, test } from "vitest";
import { http, startLab } from "../../index.ts";

test("dates are the lab's", async () => {
  await using lab = await startLab({ web: http() }, { clock: "2001-02-03T04:05:06Z" });
  const dates = async (path: string) => {
    const { headers } = await fetch(lab.servers.web.url + path);
    return [headers.get("date"), headers.get("last-modified")];
  };
  expect(await dates("/")).toEqual(["Sat, 03 Feb 2001 04:05:06 GMT", "Sat, 03 Feb 2001 04:05:06 GMT"]);
  lab.clock.set("2030-01-01T00:00:00Z");
  await pipeline(["new"], await lab.store.write("/new"));
  expect(await dates("/new")).toEqual(["Tue, 01 Jan 2030 00:00:00 GMT", "Tue, 01 Jan 2030 00:00:00 GMT"]);
  // What was stored later than now is said to have been stored now.
  lab.clock.set("2020-01-01T00:00:00Z");
  expect(await dates("/new")).toEqual(["Wed, 01 Jan 2020 00:00:00 GMT", "Wed, 01 Jan 2020 00:00:00 GMT"]);
  expect((await dates("/missing"))[0]).toBe("Wed, 01 Jan 2020 00:00:00 GMT");
  await lab.reset();
  expect((await dates("/"))[0]).toBe("Sat, 03 Feb 2001 04:05:06 GMT");
});

test("a clock that runs is Node's own", async () => {
  await using lab = await startLab({ web: http() });
  const { headers } = await fetch(lab.servers.web.url);
  expect(Math.abs(Date.parse(headers.get("date") ?? "") - Date.now())).toBeLessThan(5000);
});
