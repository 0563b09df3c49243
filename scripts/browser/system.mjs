// The local system that the tests run against, as a person's own back end and the
// FCM stand-in's control API see it.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';

/** Where browsers find the system. */
export const web = process.env.DOORBELL_WEB;
assert(web, 'run these tests with: go run ./scripts/browser');

const within = 20_000; // ms; what is waited for takes well under a second

/** until waits for get to give something true, and returns it. */
export async function until(what, get, limit = within) {
  const deadline = Date.now() + limit;
  for (;;) {
    const got = await get();
    if (got) return got;
    if (Date.now() > deadline) throw new Error(`waited ${limit / 1000} s for ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** unique is a user ID, group ID and so on that no other test has. */
export const unique = (name) => `${name}-${randomBytes(4).toString('hex')}`;

export async function request(path, body, { method = body ? 'POST' : 'GET', token } = {}) {
  const answer = await fetch(web + path, {
    method,
    headers: { ...(body && { 'Content-Type': 'application/json' }), ...(token && { Authorization: `Bearer ${token}` }) },
    body: body && JSON.stringify(body),
  });
  const said = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status} ${said}`);
  return said && JSON.parse(said);
}

export const config = () => request('/local/config');
export const session = (userID) => request('/local/session', { userID });

/** call asks a function as a user. */
export async function call(userID, path, body) {
  return request(path, body, { token: (await session(userID)).idToken });
}

/** send has a user send a message to another that asks for a push, and returns the message; more is of its pushConfig. */
export async function send(from, to, text = 'content', { payload = '', type = 0, ...more } = {}) {
  const { message } = await call(from, '/send', {
    message: { type: 1, message: text }, toConversationID: to, conversationType: type, localMessageID: unique('m'),
    config: { priority: 2, pushConfig: { title: from, content: text, payload, ...more } },
  });
  return message;
}

/** systemSend has the operator's backend send a message to a user. */
export const systemSend = (to, text) => request('/system-send', {
  message: { type: 1, message: text }, toUserIDs: [to], localMessageID: unique('m'), config: { priority: 2 },
}, { token: process.env.DOORBELL_BACKEND_TOKEN });

/** verdict waits for what became of one user's devices: a list of status and detail. about is {message: ID} or {call: ID}. */
export async function verdict(about, userID) {
  return until(`the verdict on ${userID}`, async () => {
    const { outcomes } = await request(`/local/why?${new URLSearchParams(about)}`);
    const own = outcomes.filter((o) => o.userID === userID);
    return own.length > 0 && own.every((o) => o.status !== 'pending') && own.map(({ status, detail }) => ({ status, detail }));
  });
}

/** presence is how the server has a user's devices: {online, states}, each by pushID. */
export const presence = (userID) => request(`/local/presence?${new URLSearchParams({ user: userID })}`);

export const newDevice = async (platform = 'web') => (await request('/standin/devices', { platform })).token;
export const device = (token) => request(`/standin/devices/${token}`);

/** receipts is what a user's one device told of a message: when, by event. */
export async function receipts(messageID, userID) {
  const { outcomes } = await request(`/local/why?${new URLSearchParams({ message: messageID })}`);
  return outcomes.find((o) => o.userID === userID)?.receipts ?? {};
}
