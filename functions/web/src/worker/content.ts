import type { WorkerSettings } from "../push.js";
import type { Push } from "./notification.js";

/** How long a notification waits for its words, ms: a browser gives a worker some seconds before it shows one of its own. */
const patience = 4000;

/** What the server says of a push: functions/README.md, "POST /push-content". */
interface Content {
  notification?: { title: string; body: string };
  senderUserID: string;
  payload?: string;
  resourcesID?: string;
}

/** Asks is what asks the server; tests replace it. */
export type Asks = (url: string, init: RequestInit) => Promise<{ ok: boolean; json(): Promise<unknown> }>;

/**
 * complete is a push that says only IDs with what it is about, which the worker asks the server for: so neither FCM nor
 * the browser's push service has it. What can't be had in time is said in reason, and the push is as it came.
 */
export async function complete(push: Push, settings: WorkerSettings | undefined, ask: Asks): Promise<{ push: Push; reason?: "not_fetched" }> {
  const { data } = push;
  if (data?.fetch !== "1" || !settings?.contentURL) return { push };
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const late = new Promise<never>((_, failed) => { timer = setTimeout(() => { failed(new Error("no answer in time")); }, patience); });
    return { push: filled(push, await Promise.race([late, fetched(data, settings, ask)])) };
  } catch {
    return { push, reason: "not_fetched" };
  } finally {
    clearTimeout(timer);
  }
}

async function fetched(data: Record<string, string>, { contentURL, receiptToken, userID }: WorkerSettings, ask: Asks): Promise<Content> {
  const answer = await ask(contentURL, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${receiptToken}` },
    credentials: "omit",
    body: JSON.stringify({
      userID, kind: data.kind, id: data.id,
      ...(data.callID ? { callID: data.callID } : { conversationID: data.conversationID, conversationType: Number(data.conversationType) }),
    }),
  });
  if (!answer.ok) throw new Error("refused");
  return await answer.json() as Content;
}

function filled(push: Push, { notification, senderUserID, payload, resourcesID }: Content): Push {
  return {
    ...push,
    data: { ...push.data, senderUserID, ...(payload ? { payload } : {}), ...(resourcesID ? { resourcesID } : {}) },
    ...(push.notification && notification?.title ? { notification: { ...push.notification, title: notification.title, body: notification.body } } : {}),
  };
}
