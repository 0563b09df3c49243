// What the demo asks of the local system, and of nothing else: see
// scripts/system/web.go. A deployment answers 404 there.

/** config is the SDK's configuration, or undefined where this is no local system. */
export async function config() {
  const answer = await fetch("/local/config");
  return answer.ok ? answer.json() : undefined;
}

/** session signs a user in: {customToken, idToken}. */
export const session = (userID) => request("/local/session", { userID });

/** call asks a function as a user. */
export async function call(userID, path, body) {
  const { idToken } = await session(userID);
  return request(path, body, { Authorization: `Bearer ${idToken}` });
}

/** tell posts what became of a push on a device, by the receiptToken that registering it answered. */
export const tell = (receiptToken, receipt) => request("/receipts", { receipts: [receipt] }, { Authorization: `Bearer ${receiptToken}` });

/** why is what became of each device: [{kind, userID, pushID, status, detail, words, at, receipts}]. */
export const why = async (about) => (await request(`/local/why?${new URLSearchParams(about)}`)).outcomes;

/** online is, by pushID, whether the server takes a user's devices for online. */
export const online = async (userID) => (await request(`/local/presence?${new URLSearchParams({ user: userID })}`)).online;

/** device is a device of the stand-in for FCM, or undefined if it knows none. */
export async function device(token) {
  const answer = await fetch(`/standin/devices/${token}`);
  return answer.ok ? answer.json() : undefined;
}

export const newDevice = (platform) => request("/standin/devices", { platform });
export const switchPower = (token, on) => request(`/standin/devices/${token}/power`, { on });
export const dismiss = (token, tag) => request(`/standin/devices/${token}/shade/${tag}`, undefined, {}, "DELETE");

async function request(path, body, headers = {}, method = body ? "POST" : "GET") {
  const answer = await fetch(path, {
    method,
    headers: body ? { "Content-Type": "application/json", ...headers } : headers,
    body: body && JSON.stringify(body),
  });
  const said = answer.status === 204 ? undefined : await answer.json();
  if (!answer.ok) {
    const error = new Error(said.error?.message ?? said.error ?? `${path} answered ${answer.status}`);
    error.code = said.error?.code;
    throw error;
  }
  return said;
}
