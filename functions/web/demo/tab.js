// One person's browser tab: a small chat app on Doorbell's SDK, as any app would
// use it. What it has of the stage around it is who else is in the demo.
import { add as addLine, change, clear, has, line, toEnd } from "./lines.js";
import * as local from "./local.js";
import { selfTest } from "./self-test.js";
import { settings } from "./settings.js";
import { explain } from "./why.js";

const { cast, group, done, phone, webToken, firstConversation } = window.parent.stage;
const me = cast.find((p) => p.id === new URLSearchParams(location.search).get("user"));
const others = cast.filter((p) => p !== me);
const chats = [...others.map((p) => ({ ...p, type: 0, people: [p] })), { ...group, type: 2, people: others }];
const named = (id) => cast.find((p) => p.id === id)?.name ?? id;

const $ = (id) => document.getElementById(id);

let zim;
let chat = chats[0]; // the one that is shown
let editing; // the message that is being written anew
let call; // {callID, name, text, states} of the call under way

// A page has to ask before it may show notifications. Here the stage draws them,
// so there is nothing to ask the person at the screen for.
Object.defineProperty(window.Notification, "permission", { get: () => "granted" });
window.Notification.requestPermission = async () => "granted";

/** whyLast is how many of the messages that are there already are explained. */
const whyLast = 6;

async function start() {
  document.title = `${me.name}’s chats`;
  const { firebase, baseURL, emulators } = await local.config();
  ZIM.configure({
    firebase,
    baseURL,
    emulators,
    name: me.id, // the demo's people share one origin; a person of yours won't need this
    idleSeconds: 86_400, // nobody moves the mouse in three tabs at once
    serviceWorker: { url: "/sdk/firebase-messaging-sw.js", scope: `/demo/push-${me.id}` },
    tokenProvider: () => webToken(me.id), // Google would give a token; here its stand-in does
  });
  zim = ZIM.create({ appID: 1 });
  listen();
  const { customToken } = await local.session(me.id);
  await zim.login(me.id, { userName: me.name, token: customToken });
  await ZPNs.getInstance().register(firebase, zim);
  selfTest(complain);
  await settings(zim, complain);
  for (const c of (await zim.queryConversationList({ count: 50 })).conversationList) {
    const known = chats.find((k) => k.id === c.conversationID && k.type === c.type);
    if (!known) continue;
    known.begun = true; // there is something to read in it
    known.unread = c.unreadMessageCount;
    known.muted = c.notificationStatus === 2;
  }
  await show(firstConversation(me.id));
  $("composer").querySelector("fieldset").disabled = false;
}

function listen() {
  const received = (_, { messageList, fromConversationID, info }) => {
    for (const m of messageList) arrived(m, fromConversationID, info.isOfflineMessage);
  };
  zim.on("peerMessageReceived", received);
  zim.on("groupMessageReceived", received);
  zim.on("messageEdited", (_, { messageList }) => change(messageList));
  zim.on("messageRevokeReceived", (_, { messageList }) => change(messageList));
  zim.on("error", (_, { message }) => complain(new Error(message)));

  zim.on("callInvitationReceived", (_, { callID, inviter, callUserList }) => {
    setCall({ callID, name: named(inviter), text: `${named(inviter)} is calling`, answer: true, states: statesOf(callUserList) });
  });
  zim.on("callInvitationCancelled", (_, { callID, inviter }) => endCall(callID, `You missed a call from ${named(inviter)}`));
  zim.on("callInvitationTimeout", (_, { callID }) => endCall(callID, "You missed a call"));
  zim.on("callInvitationEnded", (_, { callID }) => endCall(callID, "The call is over"));
  zim.on("callUserStateChanged", (_, { callID, callUserList }) => {
    if (callID === call?.callID) othersChanged(callUserList);
  });
}

/* Messages */

function arrived(message, conversationID, wasAway) {
  const from = chats.find((c) => c.id === conversationID);
  if (!from) return;
  from.begun = true;
  if (from === chat) {
    add(message, wasAway);
    read();
  } else {
    from.unread = (from.unread ?? 0) + 1;
    drawChats();
  }
}

async function show(id) {
  chat = chats.find((c) => c.id === id) ?? chat;
  edit(undefined);
  if (chat.unread) read();
  chat.unread = 0;
  drawChats();
  clear();
  if (!chat.begun) return;
  const shown = chat;
  const { messageList } = await zim.queryHistoryMessage(chat.id, chat.type, { count: 30, reverse: true });
  if (shown !== chat) return; // another one was chosen meanwhile
  messageList.forEach((m, i) => add(m, false, i >= messageList.length - whyLast));
}

function read() {
  zim.clearConversationUnreadMessageCount(chat.id, chat.type).catch(complain);
}

function add(message, wasAway, withWhy = true) {
  if (has(message)) return;
  const mine = message.senderUserID === me.id;
  const who = [!mine && chat.type === 2 && named(message.senderUserID), wasAway && "while you were away"].filter(Boolean).join(", ");
  const list = addLine(message, mine, who, { edit, revoke: (m) => revoke(m).catch(complain) });
  if (withWhy) explain(list, { message: message.messageID }, mine ? chat.people : [me], phone, message.timestamp).then(toEnd, complain);
}

/** pushConfig asks for a push, and says in its payload where a tap leads. */
function pushConfig(content) {
  const inGroup = chat.type === 2;
  return {
    title: inGroup ? `${chat.name}: ${me.name}` : me.name,
    content,
    payload: JSON.stringify({ conversation: inGroup ? chat.id : me.id }),
  };
}

async function send(text) {
  const to = chat;
  const { message } = await zim.sendMessage({ type: 1, message: text }, to.id, to.type, { priority: 2, pushConfig: pushConfig(text) });
  to.begun = true;
  if (to === chat) add(message);
  done("send");
}

/** edit has the composer write a message anew, or with none, another one. */
function edit(message) {
  if (!message && !editing) return;
  editing = message;
  $("composer").querySelector("[type=submit]").textContent = message ? "Save" : "Send";
  $("text").value = message?.message ?? "";
  drawComposer();
  if (message) $("text").focus();
}

/** save gives the message that is being edited its new text, and says what shows where it was pushed. */
async function save(text) {
  const { message } = await zim.editMessage({ ...editing, message: text }, { pushConfig: pushConfig(text) });
  edit(undefined);
  change([message]);
}

/** revoke takes a message back: what shows of it goes. */
async function revoke(message) {
  if (editing?.messageID === message.messageID) edit(undefined);
  change([(await zim.revokeMessage(message, {})).message]);
  $("messages").focus(); // the button is gone
}

/* Calls */

const inviting = 0, accepted = 1, rejected = 2, unanswered = 6; // ZIMCallUserState

const statesOf = (users) => new Map(users.map((u) => [u.userID, u.state]));

/**
 * othersChanged is for news of who else is in the call. One of several who
 * declines or leaves ends it for nobody else: for who was invited it ends with
 * their own events, for who rang when nobody is left who came or may still come.
 */
function othersChanged(changed) {
  for (const { userID, state } of changed) call.states.set(userID, state);
  const others = (state) => [...call.states].filter(([id, s]) => id !== me.id && s === state).map(([id]) => named(id));
  const inIt = others(accepted);
  if (inIt.length > 0 && (call.mine || call.connected)) {
    setCall({ ...call, text: `In a call with ${inIt.join(" and ")}`, connected: true });
  } else if (call.mine && inIt.length + others(inviting).length === 0) {
    const last = changed.findLast((u) => u.userID !== me.id);
    const how = { [rejected]: `${named(last?.userID)} declined`, [unanswered]: `${named(last?.userID)} did not answer` };
    endCall(call.callID, how[last?.state] ?? "The call is over");
  }
}

async function ring() {
  const { name, people } = chat;
  const push = pushConfig("Incoming call");
  const { callID, errorUserList } = await zim.callInvite(people.map((p) => p.id), { timeout: 60, mode: 1, pushConfig: push });
  const rung = people.filter((p) => !errorUserList.some((u) => u.userID === p.id));
  setCall({ callID, name, text: `Ringing ${name} …`, mine: true, states: statesOf(rung.map((p) => ({ userID: p.id, state: inviting }))) });
  explain(line("event", `You rang ${name}`), { call: callID }, people, phone, Date.now()).then(toEnd, complain);
}

const answers = {
  Accept: () => zim.callAccept(call.callID, {}).then(() => setCall({ ...call, text: `In a call with ${call.name}`, answer: false, connected: true })),
  Decline: () => zim.callReject(call.callID, {}).then(() => endCall(call.callID, "You declined")),
  Cancel: () => zim.callCancel([], call.callID, {}).then(() => endCall(call.callID, "You cancelled")),
  "Hang up": () => zim.callEnd(call.callID, {}).then(() => endCall(call.callID, "The call is over")),
};

function setCall(next) {
  call = next;
  $("call").hidden = !call;
  $("ring").disabled = Boolean(call);
  if (!call) return;
  $("call").querySelector("p").textContent = call.text;
  const offered = call.connected ? ["Hang up"] : call.answer ? ["Accept", "Decline"] : ["Cancel"];
  $("call").querySelector(".answers").replaceChildren(...offered.map((name) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.className = name === "Accept" ? "main" : "";
    button.addEventListener("click", () => answers[name]().catch(complain));
    return button;
  }));
}

function endCall(callID, how) {
  if (callID !== call?.callID) return;
  setCall(undefined);
  line("event", how);
}

/* The page */

function drawChats() {
  $("chats").replaceChildren(...chats.map((c) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = c.name;
    button.setAttribute("aria-current", String(c === chat));
    if (c.unread) {
      const count = document.createElement("span");
      count.className = "unread";
      count.textContent = c.unread;
      count.setAttribute("aria-label", `${c.unread} unread`);
      button.append(count);
    }
    button.addEventListener("click", () => {
      show(c.id).catch(complain);
      $("chats").querySelector("[aria-current=true]").focus();
    });
    return button;
  }));
  const to = addressee();
  $("with").textContent = `Messages with ${to}`;
  $("ring").setAttribute("aria-label", `Ring ${to}`);
  $("mute").hidden = chat.type !== 2;
  $("mute").setAttribute("aria-pressed", String(Boolean(chat.muted)));
  drawComposer();
}

const addressee = () => (chat.type === 2 ? `the group ${chat.name}` : chat.name);

function drawComposer() {
  document.querySelector("label[for=text]").textContent = editing ? "New text of the message; Escape leaves it as it is" : `Message to ${addressee()}`;
  $("text").placeholder = editing ? "New text" : `Write to ${chat.name}`;
}

function complain(err) {
  $("problem").textContent = err.message ?? String(err);
  $("problem").hidden = false;
}

$("composer").addEventListener("submit", (e) => {
  e.preventDefault();
  const text = $("text").value.trim();
  if (!text) return;
  $("problem").hidden = true;
  if (editing) {
    save(text).catch(complain);
    return;
  }
  $("text").value = "";
  send(text).catch(complain);
});
$("text").addEventListener("keydown", (e) => {
  if (e.key === "Escape") edit(undefined);
});
$("ring").addEventListener("click", () => ring().catch(complain));
$("mute").addEventListener("click", () => {
  const { id, type, muted } = chat;
  zim.setConversationNotificationStatus(muted ? 1 : 2, id, type).then(() => {
    chat.muted = !muted;
    drawChats();
  }, complain);
});
window.addEventListener("show", (e) => show(e.detail).catch(complain));

start().catch(complain);
