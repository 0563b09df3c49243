import assert from "node:assert/strict";
import { test } from "node:test";

import { ZIMErrorCode } from "../src/enums.js";
import { DoorbellError } from "../src/errors.js";
import { Api } from "../src/http.js";

/** An Api whose server answers one thing after the other: a status, a body with 200, or no answer. */
function api(...answers: (number | object | Error | Response)[]) {
  const asked: { url: string; init: RequestInit }[] = [];
  const waits: number[] = [];
  const tokens: boolean[] = [];
  const a = new Api("https://d.example", (refresh) => { tokens.push(refresh); return Promise.resolve({ idToken: refresh ? "new" : "old" }); }, {
    fetch: (url, init) => {
      asked.push({ url, init });
      const answer = answers.shift() ?? 200;
      if (answer instanceof Error) return Promise.reject(answer);
      if (answer instanceof Response) return Promise.resolve(answer);
      return Promise.resolve(typeof answer === "number" ? new Response("<html>", { status: answer }) : Response.json(answer));
    },
    wait: (ms) => { waits.push(ms); return Promise.resolve(); },
  });
  return { a, asked, waits, tokens };
}

const refused = (status: number, error: object, headers: Record<string, string> = {}): Response => Response.json({ error }, { status, headers });

test("a request: path, token, body, answer", async () => {
  const { a, asked } = api({ ok: 1 });
  assert.deepEqual(await a.post("/send", { x: 1 }), { ok: 1 });
  const { url, init } = asked[0]!;
  assert.equal(url, "https://d.example/send");
  assert.deepEqual([init.method, init.headers, init.body], ["POST", { Authorization: "Bearer old", "Content-Type": "application/json" }, "{\"x\":1}"]);
});

test("an App Check token goes along where there is one", async () => {
  const heads: unknown[] = [];
  const a = new Api("", () => Promise.resolve({ idToken: "t", appCheck: "app" }), {
    fetch: (_url, init) => { heads.push((init.headers as Record<string, string>)["X-Firebase-AppCheck"]); return Promise.resolve(Response.json({})); },
    wait: () => Promise.resolve(),
  });
  await a.post("/send", {});
  a.beacon("/presence", {});
  assert.deepEqual(heads, ["app", "app"]);
});

test("the server's error comes as it is, with the field", async () => {
  const { a, asked } = api(refused(400, { code: 6000001, status: "INVALID_ARGUMENT", message: "is 3000 bytes long: at most 2048", field: "message.message" }));
  await assert.rejects(a.post("/send", {}), { code: 6000001, message: "message.message: is 3000 bytes long: at most 2048", field: "message.message" });
  assert.equal(asked.length, 1);
});

test("what was done, but not as it was meant, stands in the console", async () => {
  const said: unknown[] = [];
  const warn = console.warn;
  console.warn = (text: unknown) => { said.push(text); };
  try {
    const answer = { message: {}, warnings: [{ field: "config.pushConfig.resourcesID", message: "there is no such resource" }] };
    assert.deepEqual(await api(answer).a.post("/send", {}), answer);
    await api({ message: {} }).a.post("/send", {});
  } finally {
    console.warn = warn;
  }
  assert.deepEqual(said, ["Doorbell: /send: config.pushConfig.resourcesID: there is no such resource"]);
});

test("which other device has answered a call comes along", async () => {
  const details = { answeredBy: "p1", answer: "accepted" };
  await assert.rejects(api(refused(409, { code: 6000270, message: "late", details })).a.post("/call-accept", {}), { code: 6000270, details });
});

test("no answer: tried three times, further and further apart, then a network error", async () => {
  const { a, asked, waits } = api(new TypeError("Failed to fetch"), new TypeError("Failed to fetch"), new TypeError("Failed to fetch"));
  await assert.rejects(a.post("/send", {}), (err: { code: number; message: string }) => {
    assert.deepEqual([err.code, err.message], [ZIMErrorCode.NetworkModuleNetworkError, "/send: Doorbell can't be reached: Failed to fetch"]);
    return true;
  });
  assert.equal(asked.length, 3);
  assert.ok(waits[0]! >= 250 && waits[0]! <= 750 && waits[1]! >= 500 && waits[1]! <= 1500, String(waits));
});

test("too busy: again after as long as the server says", async () => {
  const { a, waits } = api(refused(503, { code: 6000007, message: "busy" }, { "Retry-After": "2" }), refused(503, { code: 6000007, message: "busy" }, { "Retry-After": "3600" }), { ok: 1 });
  assert.deepEqual(await a.post("/send", {}), { ok: 1 });
  assert.deepEqual(waits, [2000, 10_000]);
});

test("an expired token: once more with a new one, without waiting", async () => {
  const { a, asked, waits, tokens } = api(refused(401, { code: 6000106, message: "expired" }), { ok: 1 });
  assert.deepEqual(await a.post("/send", {}), { ok: 1 });
  assert.deepEqual([asked.length, waits, tokens], [2, [], [false, true]]);
});

test("a new token that is refused too is the end", async () => {
  const { a, asked } = api(refused(401, { code: 6000106, message: "a" }), refused(401, { code: 6000103, message: "b" }), { ok: 1 });
  await assert.rejects(a.post("/send", {}), { code: 6000103 });
  assert.equal(asked.length, 2);
});

test("an answer that isn't Doorbell's", async () => {
  await assert.rejects(api(404).a.post("/send", {}), { code: ZIMErrorCode.CommonModuleIMServerError, message: "/send: HTTP 404 that isn't Doorbell's" });
  await assert.rejects(api(200, 200, 200).a.post("/send", {}), { code: ZIMErrorCode.CommonModuleIMServerError });
  assert.deepEqual(await api(new Response("")).a.post("/send", {}), {});
});

test("a token that the network keeps away is asked for again", async () => {
  let asked = 0;
  const a = new Api("", () => {
    if (++asked === 1) return Promise.reject(new DoorbellError(ZIMErrorCode.NetworkModuleNetworkError, "no network"));
    return Promise.resolve({ idToken: "t" });
  }, { fetch: () => Promise.resolve(Response.json({ ok: 1 })), wait: () => Promise.resolve() });
  assert.deepEqual(await a.post("/send", {}), { ok: 1 });
});

test("who isn't signed in any more isn't asked for", async () => {
  const a = new Api("", () => Promise.reject(new Error("signed out")), { fetch: () => assert.fail("asked"), wait: () => Promise.resolve() });
  await assert.rejects(a.post("/send", {}), /signed out/);
});

test("a beacon goes out at once with the last token, or not at all", async () => {
  const { a, asked } = api({}, new TypeError("gone"));
  a.beacon("/presence", { state: "offline" });
  assert.equal(asked.length, 0);
  await a.post("/presence", {});
  a.beacon("/presence", { state: "offline" });
  const { init } = asked[1]!;
  assert.deepEqual([init.keepalive, init.body, (init.headers as Record<string, string>).Authorization], [true, "{\"state\":\"offline\"}", "Bearer old"]);
});
