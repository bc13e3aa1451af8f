// Run with: NODE_OPTIONS=--experimental-vm-modules npx jest
import { http, startLab } from "wirelab";
import { labMatchers } from "wirelab/testing/plain";
import { storeReport } from "./report.js";

expect.extend(labMatchers);

let lab;
beforeAll(async () => {
  lab = await startLab({ web: http() });
});
afterEach(() => lab.reset());
afterAll(() => lab.stop());

test("tries again when the server is busy", async () => {
  lab.faults.add({
    when: { verb: "PUT" },
    times: 1,
    fault: { kind: "reply", with: { code: 503, text: "Busy" } },
  });
  await storeReport(lab.servers.web.url, [["id"], [1]]);
  expect(lab).toHaveRefused({ verb: "PUT", target: "/report.csv", code: 503, times: 1 });
  await expect(lab).toHaveStored("/report.csv", "id\n1\n");
});
