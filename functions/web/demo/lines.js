// The conversation that a tab shows: its lines, and of one's own messages what can
// still be done about them.
const $ = (id) => document.getElementById(id);

const revokedType = 31; // ZIMMessageType.Revoke
const shown = new Map(); // messages by ID

/** clear empties the conversation. */
export function clear() {
  shown.clear();
  $("messages").replaceChildren();
}

/** has reports whether a message is in it. */
export const has = (message) => shown.has(message.messageID);

/** line adds a line and returns its list of reasons. */
export function line(kind, text, { who = "" } = {}) {
  return append(kind, text, who).querySelector(".why");
}

/** add adds a message and returns its list of reasons. actions is what its buttons do: {edit, revoke}, both given the message. */
export function add(message, mine, who, actions) {
  const el = append(mine ? "mine" : "theirs", "", who);
  el.dataset.message = message.messageID;
  if (mine) {
    for (const [name, action] of Object.entries(actions)) {
      el.querySelector(`.${name}`).addEventListener("click", () => action(shown.get(message.messageID)));
    }
  }
  draw(el, message, mine);
  return el.querySelector(".why");
}

/** change draws messages as they are now, where they are shown. */
export function change(messages) {
  for (const message of messages) {
    const el = document.querySelector(`[data-message="${message.messageID}"]`);
    if (el) draw(el, message, el.classList.contains("mine"));
  }
}

function draw(el, message, mine) {
  shown.set(message.messageID, message);
  const revoked = message.type === revokedType;
  el.classList.toggle("revoked", revoked);
  el.querySelector(".text").textContent = revoked ? "taken back" : message.message;
  el.querySelector(".edited").hidden = revoked || !message.editedTime;
  el.querySelector(".own").hidden = revoked || !mine;
}

function append(kind, text, who) {
  const el = $("message").content.firstElementChild.cloneNode(true);
  el.className = kind;
  el.querySelector(".who").textContent = who;
  el.querySelector(".who").hidden = who === "";
  el.querySelector(".text").textContent = text;
  $("messages").append(el);
  toEnd();
  return el;
}

/** toEnd has the last line be seen. */
export function toEnd() {
  $("messages").scrollTop = $("messages").scrollHeight;
}
