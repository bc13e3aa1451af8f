// Run with: node --test node-test.test.js
import { after, afterEach, before, test } from "node:test";
import { http, startLab } from "wirelab";
import { expectLab } from "wirelab/testing/plain";
import { storeReport } from "./report.js";

let lab;
before(async () => {
  lab = await startLab({ web: http() });
});
afterEach(() => lab.reset());
after(() => lab.stop());

test("stores the rows as CSV", async () => {
  await storeReport(lab.servers.web.url, [["id"], [1]]);
  await expectLab(lab).toHaveStored("/report.csv", "id\n1\n");
  expectLab(lab).not.toHaveRefused();
});

test("tries again when the server is busy", async () => {
  lab.faults.add({
    when: { verb: "PUT" },
    times: 1,
    fault: { kind: "reply", with: { code: 503, text: "Busy" } },
  });
  await storeReport(lab.servers.web.url, [["id"], [1]]);
  expectLab(lab).toHaveRefused({ verb: "PUT", target: "/report.csv", code: 503, times: 1 });
  await expectLab(lab).toHaveStored("/report.csv", "id\n1\n");
});
