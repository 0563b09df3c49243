// What a push becomes on this device: pure functions of the push, the clock and
// what came before.
import type { Seen } from "../database.js";
import type { ShownData, ZPNsMessage } from "../push.js";

/** A push as FCM delivers it to a service worker. */
export interface Push {
  data?: Record<string, string>;
  notification?: Record<string, unknown> & { title?: string; body?: string; tag?: string; icon?: string };
  fcmOptions?: { link?: string };
  fcmMessageId?: string;
}

/** What is to be done about a push. */
export interface Decision {
  message: ZPNsMessage;
  /** What to show; absent: nothing. */
  show?: { title: string; options: NotificationOptions };
  /** Why nothing is shown, or what is shown instead. */
  reason?: "silent" | "duplicate" | "late" | "ended";
}

/** Options beyond TypeScript's, which Chromium has. */
type Options = NotificationOptions & { renotify?: boolean; timestamp?: number; vibrate?: number[]; image?: string; actions?: unknown[] };

/**
 * A ring that comes this soon after its end was overtaken by it. Push services
 * keep only the newest of the two for a device that is away, so it is a matter of
 * seconds.
 */
const overtakenMs = 15_000;

/** parse is the push in an event's text, or undefined where it isn't FCM's. */
export function parse(text: string | undefined): Push | undefined {
  if (!text) return undefined;
  try {
    const value = JSON.parse(text) as Push;
    return typeof value === "object" && value !== null && (value.data || value.notification) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** identity names the thing a push is about, and itself: the same push delivered again has the same key. */
export function identity(push: Push): { id: string; kind: string; key: string; expiresAt: number } {
  const id = push.data?.id || push.notification?.tag || push.fcmMessageId || "";
  const kind = push.data?.kind ?? "";
  const expiresAt = Number(push.data?.expiresAt) || 0;
  // People can be invited to one call again and again, each time until another moment.
  const which = kind === "message" ? "" : `:${expiresAt}`;
  return { id, kind, key: `${kind}:${id}${which}`, expiresAt };
}

/**
 * decide is what becomes of a push that came at now, of the server's clock.
 * first says whether it came for the first time, still whether its notification
 * still stands; about is what came before about the same thing.
 */
export function decide(push: Push, now: number, first: boolean, still: boolean, about: Seen[], missedCall: string): Decision {
  const { id, kind, expiresAt, key } = identity(push);
  const n = push.notification;
  const message: ZPNsMessage = {
    title: n?.title ?? "", content: n?.body ?? "",
    ...(typeof n?.icon === "string" ? { icon: n.icon } : {}),
    extra: { ...push.data },
  };
  if (!n?.title) return { message, reason: "silent" };
  // It was shown, and the person has closed it: it doesn't come back.
  if (!first && !still) return { message, reason: "duplicate" };

  const link = push.fcmOptions?.link ?? (typeof n.click_action === "string" ? n.click_action : "");
  const { title, body, tag: _tag, click_action: _action, ...rest } = n;
  const options: Options = {
    ...rest,
    body: body ?? "",
    ...(id ? { tag: id } : {}),
    data: { message, id, kind, link } satisfies ShownData,
  };
  if (!first) return { message, show: { title, options: quiet(options) }, reason: "duplicate" };
  if (kind !== "call") return { message, show: { title, options } };

  const late = expiresAt > 0 && expiresAt <= now;
  const ended = overtaken(about, key, now, expiresAt);
  if (!late && !ended) return { message, show: { title, options: { ...options, renotify: true, requireInteraction: true } as Options } };
  const missed = quiet({ ...options, body: missedCall });
  return { message, show: { title, options: missed }, reason: late ? "late" : "ended" };
}

/** overtaken reports whether the call's end came before this ring. A later invitation to the same call runs out later, and rings. */
function overtaken(about: Seen[], key: string, now: number, expiresAt: number): boolean {
  const ends = about.filter((seen) => seen.kind === "call_end" && now - seen.at < overtakenMs);
  const rang = about.filter((seen) => seen.kind === "call" && seen.key !== key && seen.expiresAt < expiresAt);
  return ends.length > 0 && rang.length === 0;
}

/** quiet is options of a notification that changes without a sound. */
function quiet(options: Options): Options {
  const { vibrate: _, renotify: __, ...rest } = options;
  return { ...rest, silent: true, requireInteraction: false };
}

/** pickWindow is the open page that a click goes to: the one at the link, or where there is no link any, best the one looked at. */
export function pickWindow<T extends { url: string; focused: boolean; visibilityState: string }>(windows: readonly T[], link: string, appURL: string): T | undefined {
  const rank = (w: T): number => (samePage(w.url, appURL) ? 4 : 0) + (w.focused ? 2 : 0) + (w.visibilityState === "visible" ? 1 : 0);
  const candidates = link ? windows.filter((w) => samePage(w.url, link)) : [...windows];
  return candidates.sort((a, b) => rank(b) - rank(a))[0];
}

function samePage(a: string, b: string): boolean {
  if (!a || !b) return false;
  const [x, y] = [new URL(a, b), new URL(b, a)];
  return x.origin === y.origin && x.pathname === y.pathname && x.search === y.search;
}
