// A test of a program that is no part of this process, by node:test. It finds a lab by variables:
//
//     wirelab run --http --control -- node --test examples/control/upload.test.mjs
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

const { WIRELAB_CONTROL_URL: url, WIRELAB_CONTROL_TOKEN: token, WIRELAB_HTTP_URL: web } = process.env;

/** Asks the control API, and gives what it answers. */
async function lab(method, path, body) {
  const response = await fetch(`${url}/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const answer = response.headers.get("content-type")?.startsWith("application/json")
    ? await response.json()
    : await response.text();
  if (!response.ok) throw new Error(answer.error.message);
  return answer;
}

/** What is tested: asks again while the server is busy. */
async function patiently(address) {
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetch(address);
    if (response.status !== 503 || attempt === 5) return { attempt, status: response.status };
  }
}

beforeEach(() => lab("POST", "/reset"));

test("asks again while the server is busy", async () => {
  await lab("POST", "/faults", {
    when: { verb: "GET" },
    times: 2,
    fault: { kind: "reply", with: { code: 503, text: "Busy" } },
  });
  assert.deepEqual(await patiently(web), { attempt: 3, status: 200 });
});

test("takes stubbed answers", async () => {
  await lab("POST", "/servers/http/stubs", { path: "/users/:id", answer: { body: { name: "Ann" } } });
  assert.deepEqual(await (await fetch(`${web}/users/7`)).json(), { name: "Ann" });
  const [stub] = await lab("GET", "/servers/http/stubs");
  assert.equal(stub.calls[0].params.id, "7");
});
