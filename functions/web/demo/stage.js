// The demo's window: people side by side, each with a browser tab and a phone.
// The tabs are pages of their own (tab.html) that use the SDK as any app would;
// what is drawn here is what an operating system would draw around them.
import * as local from "./local.js";

const names = ["Ada", "Ben", "Cleo"];
let cast; // [{id, name}]
let group; // {id, name}
const platform = { android: 3, web: 6 }; // ZIMPlatformType

const $ = (id) => document.getElementById(id);

class Person {
  constructor({ id, name }) {
    this.id = id;
    this.name = name;
    this.first = ""; // the conversation that the tab opens at
  }

  /** enter gets the person's devices, tells Doorbell of the phone, and draws all. */
  async enter() {
    this.phone = await kept(`${this.id}-phone`, "android");
    this.web = await kept(`${this.id}-web`, "web");
    const device = { deviceID: `${this.id}-phone` };
    Object.assign(this.phone, await local.call(this.id, "/register", { ...device, token: this.phone.token, platform: "android" })); // pushID, receiptToken
    await this.keepQuiet(true);
    this.draw();
    this.open();
    await Promise.all([this.look(this.phone), this.look(this.web)]);
  }

  draw() {
    const el = $("person").content.firstElementChild.cloneNode(true);
    const find = (selector) => el.querySelector(selector);
    el.setAttribute("aria-label", this.name);
    find("h2").textContent = this.name;
    find(".avatar").textContent = this.name[0];
    find(".browser").setAttribute("aria-label", `${this.name}’s browser`);
    find(".browser .title").textContent = `${this.name}’s chats`;
    find(".closed p").textContent = `The tab is closed: ${this.name} is away. The browser still shows what arrives:`;
    find(".phone").setAttribute("aria-label", `${this.name}’s phone`);
    find(".rule span").textContent = "Keep the phone silent while the tab is open";
    find(".rule input").checked = true;
    find(".rule input").addEventListener("change", (e) => this.keepQuiet(e.target.checked).catch(complain));
    find(".toggle-tab").addEventListener("click", () => (this.frame ? this.close() : this.open()));
    find(".power").addEventListener("click", () => this.switchPower().catch(complain));
    find(".clear").addEventListener("click", () => this.clear().catch(complain));
    $("people").append(el);
    this.el = el;
    this.phone.shade = find(".phone .shade");
    this.web.shade = find(".closed .shade");
  }

  open(conversation = "") {
    this.first = conversation;
    this.frame = document.createElement("iframe");
    this.frame.title = `${this.name}’s tab`;
    this.frame.src = `tab.html?user=${this.id}`;
    this.el.querySelector(".page").append(this.frame);
    this.heed().catch(complain);
  }

  close() {
    this.frame.remove();
    this.frame = undefined;
    this.heed().catch(complain);
    this.el.querySelector(".toggle-tab").focus();
    if (this.name === "Ben") done("close");
  }

  /** heed waits until the server, too, knows whether the tab is open: that decides who rings. */
  async heed() {
    const frame = this.frame;
    this.known = false;
    this.drawState();
    while (!this.known && this.frame === frame) {
      await new Promise((done) => setTimeout(done, 200));
      const online = Object.values(await local.online(this.id)).includes(true);
      if (this.frame === frame) this.known = online === Boolean(frame);
    }
    this.drawState();
  }

  /** keepQuiet sets the user's rule: who is online in the browser needs no ring on the phone. */
  keepQuiet(on) {
    return local.call(this.id, "/push-rule", {
      onlinePlatforms: on ? [platform.web] : [],
      notToReceiveOfflinePushPlatforms: on ? [platform.android] : [],
    });
  }

  async switchPower() {
    this.phone.off = !this.phone.off;
    await local.switchPower(this.phone.token, !this.phone.off);
    await this.look(this.phone);
    this.drawState();
  }

  async clear() {
    const { shade } = await local.device(this.phone.token);
    await Promise.all(shade.map((n) => local.dismiss(this.phone.token, n.tag)));
    await this.look(this.phone);
    this.drawState();
  }

  /** look draws what a device shows. */
  async look(device) {
    const now = await this.heard(device);
    if (!now) return;
    device.waiting = now.queued;
    const before = new Map([...device.shade.children].map((el) => [el.dataset.key, el]));
    const drawn = now.shade.map((n) => before.get(`${n.tag} ${n.name}`) ?? this.notification(device, n, messageOf(now, n)));
    device.shade.replaceChildren(...drawn.reverse());
    this.drawState();
  }

  /** heard is a device as it is once its app has done what pushes without a notification ask for. */
  async heard(device) {
    const now = await local.device(device.token);
    const gone = withdrawn(now);
    if (gone.length === 0) return now;
    await Promise.all(gone.map((n) => local.dismiss(device.token, n.tag)));
    return local.device(device.token);
  }

  notification(device, { tag, name, title, body }, { data = {} }) {
    const el = $("notification").content.firstElementChild.cloneNode(true);
    el.dataset.key = `${tag} ${name}`;
    el.classList.add("new");
    el.querySelector(".title").textContent = title;
    el.querySelector(".body").textContent = body;
    const button = el.querySelector("button");
    button.classList.toggle("call", data.kind === "call");
    button.addEventListener("click", () => this.tap(device, tag, data).catch(complain));
    if (data.kind === "call_end") done("ring");
    this.tell(device, data, "shown").catch(complain);
    return el;
  }

  /** tell has the server know what became of a push on the phone, as its app would, and the tabs look again. */
  async tell({ receiptToken }, data, event) {
    if (!receiptToken || !data.id) return; // the browser's are its worker's to tell
    await local.tell(receiptToken, { id: data.id, kind: data.kind, event, at: Date.now() });
    for (const { frame } of here.values()) frame?.contentWindow.dispatchEvent(new CustomEvent("receipt", { detail: data }));
  }

  /** tap does what an app does with a notification: it opens where the payload says. */
  async tap(device, tag, data) {
    this.tell(device, data, "clicked").catch(complain);
    await local.dismiss(device.token, tag);
    await this.look(device);
    const { conversation = "" } = JSON.parse(data.payload || "{}");
    if (this.frame) this.frame.contentWindow.dispatchEvent(new CustomEvent("show", { detail: conversation }));
    else this.open(conversation);
    this.frame.focus();
    done("tap");
  }

  drawState() {
    const find = (selector) => this.el.querySelector(selector);
    const [settled, changing] = this.frame ? ["online", "coming …"] : ["away", "leaving …"];
    find(".state").textContent = this.known ? settled : changing;
    find(".state").classList.toggle("online", Boolean(this.frame) && this.known);
    find(".toggle-tab").textContent = this.frame ? `Close ${this.name}’s tab` : `Open ${this.name}’s tab`;
    find(".closed").hidden = Boolean(this.frame);
    find(".phone").classList.toggle("off", Boolean(this.phone.off));
    find(".power").textContent = this.phone.off ? "Switch on" : "Switch off";
    const shown = this.phone.shade.children.length;
    find(".clear").disabled = this.phone.off || shown === 0;
    find(".quiet").textContent = this.phone.off
      ? `Switched off. ${this.phone.waiting || "Nothing"} waiting at FCM.`
      : shown ? "" : "In the pocket, silent";
  }
}

/** kept is a device of the stand-in that outlives a reload of this page. */
async function kept(key, kind) {
  const token = localStorage.getItem(key);
  if (token && (await local.device(token))) return { token };
  const device = await local.newDevice(kind);
  localStorage.setItem(key, device.token);
  return { token: device.token };
}

/**
 * withdrawn is the notifications of a device whose message was revoked without words, or read on another device: an app takes
 * those away, a worker too.
 */
function withdrawn(device) {
  const silent = device?.messages.map((m) => m.message).filter((p) => p.data && !p.notification).map((p) => p.data) ?? [];
  const revoked = silent.filter((d) => d.kind === "revoke").map((d) => d.tag ?? d.id);
  const reads = silent.filter((d) => d.kind === "read");
  const read = ({ kind, conversationID, conversationType, messageSeq } = {}) => kind === "message" && reads.some((d) =>
    d.conversationID === conversationID && d.conversationType === conversationType && Number(messageSeq) <= Number(d.messageSeq));
  return device?.shade.filter((n) => revoked.includes(n.tag) || read(messageOf(device, n).data)) ?? [];
}

/** messageOf is the FCM message that a notification came with. */
function messageOf(device, { name }) {
  return device.messages.findLast((m) => m.name === name)?.message ?? {};
}

function done(step) {
  document.querySelector(`[data-step="${step}"]`)?.classList.add("done");
}

function complain(err) {
  $("notice").textContent = err.message;
  $("notice").hidden = false;
}

const here = new Map(); // people in the window, by ID

async function enter(one) {
  const person = new Person(one);
  await person.enter();
  here.set(person.id, person);
  const next = cast.find((p) => !here.has(p.id));
  $("add").hidden = !next;
  if (next) $("add").textContent = `Bring ${next.name} in`;
}

/** choose makes or finds the cast of this browser: in another one the same names are other users. */
function choose() {
  const suffix = localStorage.getItem("cast") ?? Math.random().toString(36).slice(2, 8);
  localStorage.setItem("cast", suffix);
  cast = names.map((name) => ({ id: `${name.toLowerCase()}-${suffix}`, name }));
  group = { id: `weekend-${suffix}`, name: "Weekend trip" };
}

/** stage is what the tabs in this window know of it. */
window.stage = {
  get cast() { return cast; },
  get group() { return group; },
  done,
  phone: (pushID) => [...here.values()].find((p) => p.phone.pushID === pushID)?.phone,
  webToken: (id) => kept(`${id}-web`, "web").then((d) => d.token),
  firstConversation: (id) => here.get(id)?.first ?? "",
};

/** follow looks at a device whenever FCM was told to tell it something. */
function follow() {
  const stream = new EventSource("/standin/stream");
  stream.addEventListener("message", (e) => {
    const { token } = JSON.parse(e.data);
    for (const person of here.values()) {
      for (const device of [person.phone, person.web]) {
        if (device.token === token) person.look(device).catch(complain);
      }
    }
  });
}

/** tick moves the clocks on, and looks what waits for phones that are off: nobody tells of that. */
function tick() {
  const time = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  for (const el of document.querySelectorAll(".clock")) el.textContent = time;
  for (const person of here.values()) if (person.phone.off) person.look(person.phone).catch(complain);
}

/** forget drops what was kept of another run of the local system: its users and devices are gone. */
async function forget(run) {
  if (localStorage.getItem("run") === run) return;
  localStorage.clear();
  for (const { name } of await indexedDB.databases()) indexedDB.deleteDatabase(name);
  localStorage.setItem("run", run);
}

async function start() {
  const config = await local.config();
  if (!config) throw new Error("This demo plays on Doorbell’s local system. Start it with: go run ./scripts/local");
  await forget(config.run);
  choose();
  follow();
  await enter(cast[0]);
  await enter(cast[1]);
  try {
    await local.call(cast[0].id, "/group-create", {
      groupInfo: { groupID: group.id, groupName: group.name, groupAvatarUrl: "" },
      userIDs: cast.slice(1).map((p) => p.id),
    });
  } catch (err) {
    if (err.code !== 6000524) throw err; // it is there already
  }
  tick();
  setInterval(tick, 1000);
}

$("add").addEventListener("click", () => {
  const next = cast.find((p) => !here.has(p.id));
  if (next) enter(next).then(tick).catch(complain);
});
start().catch(complain);
