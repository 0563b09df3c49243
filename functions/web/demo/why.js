// "Why rung, why not", in words.
import * as local from "./local.js";

// The reasons that the demo's own people have; for others the plan's words do.
const reasons = {
  online: "the tab is open",
  rule_platform: "the tab is open",
  muted: "the group is muted",
  level: "such messages are not to ring",
  snoozed: "nothing is to ring for an hour",
  quiet_hours: "these are quiet hours",
  bundled: "told of with others of this conversation",
  no_device: "no device yet",
};

// Reasons that stand for all of a person's devices.
const ofPerson = new Set(["muted", "level", "snoozed", "quiet_hours", "blocked", "no_device", "no_push_config", "not_member", "already_read", "expired"]);

const enough = 40; // looks at the ledger; the chain takes well under a second, one retry of it a few
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/**
 * explain fills a list with what became of the devices of people, as the ledger
 * tells it, until all are told, and again when a phone has told what became of a
 * push. about is {message: ID} or {call: ID}; phone is the phone with a pushID, if
 * it is one.
 */
export async function explain(list, about, people, phone, since) {
  let told = [];
  let turn = Promise.resolve(); // one look after the other: an earlier one's answer is never drawn later
  const look = () => (turn = turn.catch(() => {}).then(async () => {
    told = (await local.why(about)).filter((o) => ["message", "call"].includes(o.kind) && people.some((p) => p.id === o.userID));
    draw(list, told.sort(byPerson).map((o) => line(o, people, phone, since)));
  }));
  addEventListener("receipt", ({ detail }) => {
    if (list.isConnected && [detail.id, detail.callID].includes(about.message ?? about.call)) look().catch(() => {}); // it stays as it was
  });
  for (let looks = 0; looks < enough && list.isConnected; looks++) {
    await pause(Math.min(150 + 50 * looks, 1000));
    await look();
    if (people.every((p) => settled(told.filter((o) => o.userID === p.id)))) return;
  }
}

/** draw keeps the lines that stay: a screen reader reads what is put into the list. */
function draw(list, lines) {
  const before = new Map([...list.children].map((el) => [el.outerHTML, el]));
  const now = lines.map((el) => before.get(el.outerHTML) ?? el);
  if (now.length === list.children.length && now.every((el, i) => el === list.children[i])) return;
  for (const el of [...list.children]) if (!now.includes(el)) el.remove();
  now.forEach((el, i) => { if (list.children[i] !== el) list.insertBefore(el, list.children[i] ?? null); });
}

const byPerson = (a, b) => (a.userID + a.pushID).localeCompare(b.userID + b.pushID);

// A person has a phone and a browser.
function settled(outcomes) {
  return outcomes.length > 0 && outcomes.every((o) => o.status !== "pending") && (outcomes.length >= 2 || ofPerson.has(outcomes[0].detail));
}

function line({ userID, pushID, status, detail, words, at, receipts }, people, phone, since) {
  const item = document.createElement("li");
  const name = people.find((p) => p.id === userID).name;
  const device = phone(pushID);
  const what = ofPerson.has(detail) ? name : `${name}’s ${device ? "phone" : "browser"}`;
  const [kind, word, rest] = {
    sent: device?.off ? ["silent", "waiting", ": it is off, FCM keeps the push"] : ["rang", "rang", ` after ${seconds((receipts?.shown ?? Date.parse(at)) - since)}${became(receipts)}`],
    skipped: ["silent", "silent", `: ${reasons[detail] ?? words}`],
    pending: ["silent", "waiting", ": FCM was asked, and will be again"],
    failed: ["failed", "failed", `: FCM said ${detail}`],
    dead_letter: ["failed", "failed", `: given up after ${detail}`],
  }[status];
  item.className = kind;
  const verdict = document.createElement("b");
  verdict.textContent = word;
  item.append(verdict, ` ${what}${rest}`);
  return item;
}

/** became is what the device told of the push since. */
const became = (receipts) => (receipts?.clicked ? ", tapped" : receipts?.shown ? ", shown" : "");

const seconds = (ms) => `${(Math.max(ms, 0) / 1000).toFixed(2)} s`;
