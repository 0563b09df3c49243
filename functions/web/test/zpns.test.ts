import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { Database } from "../src/database.js";
import { ZIM, ZIMErrorCode, ZPNs, ZPNsErrorCode, type ZPNsConfig, type ZPNsMessage } from "../src/index.js";
import { newPage, until } from "./fakes/browser.js";
import { firebase } from "./fakes/firebase.js";

let page: ReturnType<typeof newPage>;
let zim: ZIM;
let zpns: ZPNs;
const vapidKey = Buffer.from([4, ...Array<number>(64).fill(7)]).toString("base64url");
const config: Partial<ZPNsConfig> = { apiKey: "key", projectId: "project", vapidKey };

beforeEach(() => {
  firebase.reset();
  page = newPage();
  page.net.answers.set("/register", { pushID: "push-1", receiptToken: "token-1" });
  mock.method(console, "warn", () => {});
  zim = ZIM.create(1)!;
  zpns = new (ZPNs as unknown as new () => ZPNs)();
});
afterEach(() => {
  zim.destroy();
  mock.restoreAll();
});

const tokens = (): unknown[] => page.net.to("/register").filter((asked) => asked.method === "POST").map((asked) => asked.body.token);

test("register binds this browser to who is logged in", async () => {
  await zim.login("bob", { token: "token:bob" });
  assert.deepEqual(await zpns.register(config, zim), { pushID: "push-1" });
  const { body } = page.net.to("/register")[0]!;
  assert.deepEqual({ ...body, deviceID: "" }, { token: "fcm-1", platform: "web", deviceID: "", sdkVersion: "web-0.1.0", locale: "en-GB" });
  assert.deepEqual(page.workers.registered, ["/firebase-messaging-sw.js"]);
  const known = await new Database(page.registration.scope).settings();
  assert.deepEqual([known!.pushID, known!.receiptToken, known!.appURL], ["push-1", "token-1", "https://app.example/chat"]);
});

test("register before login, as in the seed: it binds at the login", async () => {
  assert.deepEqual(await zpns.register(config, zim), { pushID: "" });
  assert.deepEqual(tokens(), []);
  await zim.login("bob", { token: "token:bob" });
  await until(() => page.stored.get("doorbell:bound") === "bob");
  assert.deepEqual(tokens(), ["fcm-1"]);
});

test("the configuration of register serves login where there is no other", async () => {
  Object.assign(globalThis, { DOORBELL_CONFIG: undefined });
  void zpns.register(config, zim);
  await zim.login("bob", { token: "token:bob" });
  await until(() => page.stored.get("doorbell:bound") === "bob");
});

for (const [what, prepare, code, reason] of [
  ["permission denied", () => { page.notification.permission = "denied"; }, ZPNsErrorCode.RegisterFailed, "permission_denied"],
  ["permission refused now", () => Object.assign(page.notification, { permission: "default", answer: "denied" }), ZPNsErrorCode.RegisterFailed, "permission_denied"],
  ["the question closed", () => Object.assign(page.notification, { permission: "default", answer: "default" }), ZPNsErrorCode.RegisterFailed, "permission_dismissed"],
  ["no Push API", () => { delete (globalThis as { PushManager?: unknown }).PushManager; }, ZPNsErrorCode.RegisterFailed, "unsupported"],
  ["no HTTPS", () => Object.assign(globalThis, { isSecureContext: false }), ZPNsErrorCode.RegisterFailed, "insecure"],
  ["no worker", () => { page.workers.failure = new TypeError("404"); }, ZPNsErrorCode.RegisterFailed, "no_service_worker"],
  ["no token from FCM", () => { firebase.tokenFailure = new Error("messaging/token-subscribe-failed"); }, ZPNsErrorCode.GetPushIDFailed, "no_token"],
] as const) {
  test(`register reports: ${what}`, async () => {
    await zim.login("bob", { token: "token:bob" });
    prepare();
    await assert.rejects(zpns.register(config, zim), { code, reason });
    assert.deepEqual(tokens(), []);
  });
}

for (const key of ["nonsense", "not base64!", Buffer.alloc(65).toString("base64url"), vapidKey.slice(4)]) {
  test(`register reports a bad VAPID key: ${key.slice(0, 12)}`, async () => {
    await assert.rejects(zpns.register({ ...config, vapidKey: key }, zim), { code: ZPNsErrorCode.ConfigInvalid, reason: "bad_vapid_key" });
    assert.equal(page.notification.asked, 0);
  });
}

test("register reports what the server says, and without a ZIM", async () => {
  await zim.login("bob", { token: "token:bob" });
  page.net.answers.set("/register", { error: { code: 6000401, message: "is refused", field: "token" } });
  await assert.rejects(zpns.register(config, zim), { code: 6000401, message: "token: is refused" });
  zim.destroy();
  await assert.rejects(new (ZPNs as unknown as new () => ZPNs)().register(config), { reason: "no_zim" });
  zim = ZIM.create(1)!;
});

test("code that ignores the promise still works: the console has the failure", async () => {
  page.notification.permission = "denied";
  void zpns.register(config, zim);
  const warn = console.warn as unknown as { mock: { callCount(): number; calls: { arguments: unknown[] }[] } };
  await until(() => warn.mock.callCount() > 0);
  assert.match(String(warn.mock.calls[0]!.arguments[0]), /notifications are blocked/);
});

for (const method of ["unregister", "unregisterPush", "unRegisterPush"] as const) {
  test(`${method} tells the server and FCM; the next login doesn't bind`, async () => {
    await zim.login("bob", { token: "token:bob" });
    await zpns.register(config, zim);
    page.net.answers.set("/register", {});
    await zpns[method]();
    const [asked] = page.net.to("/register").filter((a) => a.method === "DELETE");
    assert.match(asked!.path, /^\/register\?deviceID=[0-9a-f]{32}$/);
    assert.equal(firebase.dropped, 1);
    await zim.logout();
    await zim.login("bob", { token: "token:bob" });
    await zim.logout();
    assert.equal(tokens().length, 1);
  });
}

test("unregister fails where the server refuses, and where nobody who may is logged in", async () => {
  await zim.login("bob", { token: "token:bob" });
  await zpns.register(config, zim);
  page.net.answers.set("/register", { error: { code: 6000401, message: "no" } });
  await assert.rejects(zpns.unregister(), { code: 6000401 });
  zim.destroy(); // a page that is loaded anew: still bound, nobody logged in
  zim = ZIM.create(1)!;
  await assert.rejects(new (ZPNs as unknown as new () => ZPNs)().unregister(), { code: ZPNsErrorCode.UnregisterFailed, reason: "not_logged_in" });
});

test("unregister on a page loaded anew, with nobody logged in, ends the subscription: the token is dead", async () => {
  const { scope } = page.registration;
  Object.assign(globalThis, { DOORBELL_CONFIG: { ...(globalThis as unknown as { DOORBELL_CONFIG: object }).DOORBELL_CONFIG, serviceWorker: { url: "/own.js", scope } } });
  await zim.login("bob", { token: "token:bob" });
  await zpns.register(config, zim);
  zim.destroy();
  const later = new (ZPNs as unknown as new () => ZPNs)();
  await later.unregister();
  assert.deepEqual([page.push.ended, firebase.dropped, page.stored.get("doorbell:bound")], [1, 0, undefined]);
  page.push.subscription = null;
  await later.unregister(); // nothing is left to end
  page.push.subscription = { unsubscribe: () => Promise.reject(new Error("no")) };
  page.stored.set("doorbell:bound", "bob");
  await assert.rejects(later.unregister(), { reason: "not_logged_in" });
  zim = ZIM.create(1)!;
});

test("a worker of another scope is the app's own: its subscription stays", async () => {
  await zim.login("bob", { token: "token:bob" });
  await zpns.register(config, zim);
  zim.destroy();
  zim = ZIM.create(1)!;
  await assert.rejects(new (ZPNs as unknown as new () => ZPNs)().unregister(), { reason: "not_logged_in" });
  assert.equal(page.push.ended, 0);
});

test("another user on this browser gets another token: what FCM keeps for the first one never shows", async () => {
  await zim.login("bob", { token: "token:bob" });
  await zpns.register(config, zim);
  await zim.logout();
  assert.equal(firebase.dropped, 1);
  await zim.login("carol", { token: "token:carol" });
  await until(() => page.stored.get("doorbell:bound") === "carol");
  assert.deepEqual(tokens(), ["fcm-1", "fcm-2"]);
});

test("the same without a logout, on a page loaded anew", async () => {
  await zim.login("bob", { token: "token:bob" });
  await zpns.register(config, zim);
  zim.destroy();
  zim = ZIM.create(1)!;
  await zim.login("carol", { token: "token:carol" });
  await new (ZPNs as unknown as new () => ZPNs)().register(config, zim);
  // Firebase alone would install a worker at its default place to do that.
  assert.deepEqual([page.push.ended, firebase.dropped], [1, 0]);
  assert.deepEqual(tokens(), ["fcm-1", "fcm-2"]);
});

test("a page that a click opened is told of it, once", async () => {
  const database = new Database(page.registration.scope);
  await zim.login("bob", { token: "token:bob" });
  await zpns.register(config, zim);
  await database.stash({ message: { title: "t", content: "c", extra: { payload: "p" } }, at: Date.now() });
  const clicked: ZPNsMessage[] = [];
  zpns.on("notificationClicked", (message) => { clicked.push(message); });
  await until(() => clicked.length === 1);
  assert.equal(clicked[0]!.extra!.payload, "p");
  assert.equal(await database.takeClick(), undefined);
});

test("news of the worker reach the page's listeners, but not another scope's", async () => {
  await zim.login("bob", { token: "token:bob" });
  await zpns.register(config, zim);
  const heard: string[] = [];
  for (const type of ["notificationArrived", "notificationClicked", "throughMessageReceived"] as const) zpns.on(type, (m) => { heard.push(`${type} ${m.title}`); });
  const tell = (doorbell: string, scope: string): void => {
    page.workers.dispatchEvent(Object.assign(new Event("message"), { data: { doorbell, scope, message: { title: doorbell, content: "" } } }));
  };
  for (const doorbell of ["arrived", "clicked", "through"]) {
    tell(doorbell, page.registration.scope);
    tell(doorbell, "https://app.example/other");
  }
  assert.deepEqual(heard, ["notificationArrived arrived", "notificationClicked clicked", "throughMessageReceived through"]);
  page.stored.delete("doorbell:bound");
  tell("resubscribe", page.registration.scope);
  await until(() => page.stored.has("doorbell:bound"));
  assert.equal(tokens().length, 2);
});

test("selfTest names what is broken: the server's steps, and the permission that only the browser knows", async () => {
  await assert.rejects(zpns.selfTest(), { code: ZIMErrorCode.NetworkModuleUserIsNotLogged });
  await zim.login("bob", { token: "token:bob" });
  const fcm = { deviceID: "d", platform: "web", step: "fcm", ok: true, text: "FCM would take the push" };
  page.net.answers.set("/self-test", () => ({ ok: fcm.ok, steps: [fcm] }));
  const { ok, steps } = await zpns.selfTest();
  const { deviceID } = steps[0]!;
  assert.deepEqual([ok, steps[0], steps[1]], [true, { deviceID, platform: "web", step: "permission", ok: true, text: "this browser may show notifications" }, fcm]);
  assert.match(deviceID!, /^[0-9a-f]{32}$/);
  await zpns.selfTest({ ring: true, allDevices: true });
  assert.deepEqual(page.net.to("/self-test").map(({ body }) => body), [{ ring: false, deviceID }, { ring: true }]);
  fcm.ok = false;
  assert.equal((await zpns.selfTest()).ok, false);
  fcm.ok = true;
  for (const [permission, text] of [["denied", /are blocked/], ["default", /not asked yet/]] as const) {
    page.notification.permission = permission;
    const result = await zpns.selfTest();
    assert.deepEqual([result.ok, result.steps.map((s) => s.ok)], [false, [false, true]]);
    assert.match(result.steps[0]!.text, text);
  }
  Object.assign(globalThis, { isSecureContext: false });
  assert.match((await zpns.selfTest()).steps[0]!.text, /needs HTTPS/);
  assert.equal(page.notification.asked, 0);
  page.net.answers.set("/self-test", { error: { code: 6000401, message: "no" } });
  await assert.rejects(zpns.selfTest(), { code: 6000401 });
});
