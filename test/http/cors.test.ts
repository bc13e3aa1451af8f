import { describe, expect, test } from "vitest";
import { http, startLab } from "../../index.ts";
import { ask, FOO } from "./dialogue.ts";

const APP = "http://127.0.0.1:3000";
const PREFLIGHT = {
  Origin: APP,
  "Access-Control-Request-Method": "PUT",
  "Access-Control-Request-Headers": "authorization,range,x-own",
};

describe("pages of other origins", () => {
  test("are told nothing by default", async () => {
    await using lab = await startLab({ web: http() });
    const { headers } = await ask(lab.servers.web, "OPTIONS /index.html", PREFLIGHT);
    expect(Object.keys(headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
  });

  test("of an allowed origin may upload and read ranges, and send passwords", async () => {
    await using lab = await startLab({ web: http({ cors: [APP] }) });
    const { web } = lab.servers;
    expect(await ask(web, "OPTIONS /new.txt", PREFLIGHT)).toMatchObject({
      status: 204,
      headers: {
        "access-control-allow-origin": APP,
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": expect.stringContaining("PUT"),
        "access-control-allow-headers": "authorization,range,x-own",
        "access-control-max-age": "600",
        vary: "Origin, Access-Control-Request-Headers",
      },
    });
    const put = await ask(web, "PUT /new.txt", { Origin: APP, ...FOO }, "0123456789");
    expect(put).toMatchObject({ status: 201, headers: { "access-control-allow-origin": APP } });
    const part = await ask(web, "GET /new.txt", { Origin: APP, Range: "bytes=2-3" });
    expect(part).toMatchObject({ status: 206, body: "23" });
    expect(part.headers["access-control-expose-headers"]).toContain("Content-Range");
    expect(part.headers.vary).toContain("Origin");
  });

  test("can read refusals too", async () => {
    await using lab = await startLab({ web: http({ cors: [APP] }), all: http({ cors: "*" }) });
    const { web, all } = lab.servers;
    expect(await ask(web, "GET /nothing", { Origin: APP })).toMatchObject({
      status: 404,
      headers: { "access-control-allow-origin": APP, vary: "Accept, Origin" },
    });
    expect((await ask(web, "PUT /x", { Origin: APP }, "x")).headers["access-control-allow-origin"]).toBe(APP);
    expect((await ask(all, "GET /nothing")).headers["access-control-allow-origin"]).toBe("*");
  });

  test("of another origin are not told that they may, and caches that it matters", async () => {
    await using lab = await startLab({ web: http({ cors: [APP] }) });
    const { web } = lab.servers;
    for (const Origin of ["http://127.0.0.1:3001", "null", "http://127.0.0.1:3000.evil.example"]) {
      const { headers } = await ask(web, "GET /", { Origin });
      expect(headers).not.toHaveProperty("access-control-allow-origin");
      expect(headers.vary).toContain("Origin");
      const preflight = await ask(web, "OPTIONS /", { ...PREFLIGHT, Origin });
      expect(preflight.headers).not.toHaveProperty("access-control-allow-methods");
    }
  });

  test("may all come, but without remembered passwords", async () => {
    await using lab = await startLab({ web: http({ cors: "*" }) });
    const { headers } = await ask(lab.servers.web, "OPTIONS /", PREFLIGHT);
    expect(headers["access-control-allow-origin"]).toBe("*");
    expect(headers).not.toHaveProperty("access-control-allow-credentials");
  });

  test("OPTIONS without an origin is what it always was", async () => {
    await using lab = await startLab({ web: http({ cors: "*" }) });
    expect(await ask(lab.servers.web, "OPTIONS /index.html")).toMatchObject({
      status: 200,
      headers: { allow: "GET, HEAD, OPTIONS, PUT, DELETE" },
    });
  });

  test("a form of an allowed origin is no stranger's", async () => {
    await using lab = await startLab({ web: http({ cors: [APP] }) }, { files: {} });
    const body = '--b\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\nx\r\n--b--\r\n';
    const headers = {
      "Content-Type": "multipart/form-data; boundary=b",
      "Sec-Fetch-Site": "cross-site",
      ...FOO,
    };
    expect((await ask(lab.servers.web, "POST /", { ...headers, Origin: APP }, body)).status).toBe(303);
    expect(
      (await ask(lab.servers.web, "POST /", { ...headers, Origin: "http://evil.example" }, body)).status,
    ).toBe(403);
  });

  test("what is no origin is refused", async () => {
    for (const origin of ["*", "127.0.0.1", "http://a/", "file://x"]) {
      await expect(startLab({ web: http({ cors: [origin] }) })).rejects.toMatchObject({ code: "BAD_OPTION" });
    }
  });
});

describe("an app that finds its way by itself", () => {
  const files = { "/app.html": "the app", "/a.js": "code", "/dir/x": "x" };

  test("gets its page at every path that is no file's", async () => {
    await using lab = await startLab({ web: http({ fallback: "/app.html" }) }, { files });
    const { web } = lab.servers;
    for (const path of ["/users/7", "/users/", "/a.js/more", "/users?x=1"]) {
      const { status, body, headers } = await ask(web, `GET ${path}`);
      expect([path, status, body, headers.vary]).toEqual([path, 200, "the app", "Accept"]);
      expect(headers["content-type"]).toBe("text/html; charset=utf-8");
    }
    expect((await ask(web, "GET /a.js")).body).toBe("code");
    expect((await ask(web, "HEAD /users/7")).headers["content-length"]).toBe("7");
    expect((await ask(web, "GET /dir/")).body).toContain("Index of");
  });

  test("other requests still learn that nothing is there", async () => {
    await using lab = await startLab({ web: http({ fallback: "/app.html" }) }, { files });
    const { web } = lab.servers;
    expect((await ask(web, "GET /nothing.js")).status).toBe(404);
    expect((await ask(web, "GET /users/7", { Accept: "application/json" })).status).toBe(404);
    expect((await ask(web, "DELETE /users/7", FOO)).status).toBe(404);
    expect((await ask(web, "GET /_/nothing")).status).toBe(404);
    await lab.store.remove("/app.html");
    expect((await ask(web, "GET /users/7")).status).toBe(404);
  });
});
