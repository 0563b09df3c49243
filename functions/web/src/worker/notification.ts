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

/** What names a push. */
export interface Identity {
  /** The thing it is about. */
  id: string;
  kind: string;
  /** The push itself: delivered again it has the same key. */
  key: string;
  /** What it replaces and is replaced by; empty for one that stands alone. */
  tag: string;
  /** ms of the server's clock, 0 for never. */
  expiresAt: number;
}

/** identity is what names a push. */
export function identity(push: Push): Identity {
  const tag = push.notification?.tag || push.data?.tag || "";
  const id = push.data?.id || tag || push.fcmMessageId || "";
  const kind = push.data?.kind ?? "";
  const expiresAt = Number(push.data?.expiresAt) || 0;
  return { id, kind, key: keyOf(kind, id, push.data), tag: tag || id, expiresAt };
}

/** keyOf: people can be invited to one call again and again, each time until another moment. */
function keyOf(kind: string, id: string, data: Record<string, string> | undefined): string {
  return `${kind}:${id}${kind === "message" ? "" : `:${Number(data?.changedAt) || Number(data?.expiresAt) || 0}`}`;
}

/** changeOf is which change of a message a push is about, by its key: a later one has the greater number, the message as it was sent has 0. */
function changeOf(key: string): number {
  return Number(key.split(":")[2]) || 0;
}

const changes = ["edit", "revoke"];

/** replaces reports whether a push is about what may be shown already. */
export function replaces(kind: string): boolean {
  return changes.includes(kind);
}

/** takesAway reports whether a push without a notification of its own ends one that is shown. */
export function takesAway({ data, notification }: Push, shown: ShownData | null): boolean {
  const extra = shown?.message?.extra;
  if (!data || notification?.title || !extra) return false;
  if (data.kind === "revoke") return shown.id === data.id;
  if (data.kind === "read" && shown.kind === "summary") return (data.tags ?? "").split(" ").includes(shown.id);
  return data.kind === "read" && extra.conversationID === data.conversationID && extra.conversationType === data.conversationType &&
    Number(extra.messageSeq) <= Number(data.messageSeq);
}

/** ends reports whether a push is there to take notifications away, and nothing for the app. */
export function ends({ data, notification }: Push): boolean {
  return !notification?.title && (data?.kind === "revoke" || data?.kind === "read");
}

/**
 * passed reports whether what a push says of a message isn't to be shown: it was
 * revoked or edited since, or it is to replace what the person has closed, or what
 * never was shown here. An edit whose message never came is shown as that.
 */
function passed(kind: string, id: string, key: string, about: readonly Seen[], standing: readonly ShownData[]): boolean {
  if (kind !== "message" && !replaces(kind)) return false;
  if (about.some((seen) => changes.includes(seen.kind) && changeOf(seen.key) > changeOf(key))) return true;
  const stands = standing.some((shown) => shown.id === id);
  return replaces(kind) && !stands && (kind === "revoke" || about.some((seen) => seen.kind === "message"));
}

/**
 * decide is what becomes of a push that came at now, of the server's clock.
 * first says whether it came for the first time; about is what came before about
 * the same thing, standing what is shown under its tag.
 */
export function decide(push: Push, now: number, first: boolean, standing: readonly ShownData[], about: Seen[], missedCall: string): Decision {
  const { id, kind, expiresAt, key, tag } = identity(push);
  const n = push.notification;
  const message: ZPNsMessage = {
    title: n?.title ?? "", content: n?.body ?? "",
    ...(typeof n?.icon === "string" ? { icon: n.icon } : {}),
    extra: { ...push.data },
  };
  if (!n?.title) return { message, reason: "silent" };
  // It was shown, and the person has closed it, or something newer has taken its
  // place: a call's end, the next message with its collapseID. It doesn't come back.
  if (!first && !standing.some((shown) => keyOf(shown.kind, shown.id, shown.message.extra) === key)) {
    return { message, reason: "duplicate" };
  }

  if (passed(kind, id, key, about, standing)) return { message, reason: "ended" };

  const link = push.fcmOptions?.link ?? (typeof n.click_action === "string" ? n.click_action : "");
  const { title, body, tag: _tag, click_action: _action, renotify, ...rest } = n;
  const options: Options = {
    ...rest,
    body: body ?? "",
    // Browsers refuse renotify without a tag.
    ...(tag ? { tag, ...(renotify ? { renotify: true } : {}) } : {}),
    data: { message, id, kind, link } satisfies ShownData,
  };
  const late = expiresAt > 0 && expiresAt <= now;
  const over = kind === "call" && (late || overtaken(about, key, now, expiresAt));
  const ringing = kind === "call" && !over;
  const show = over ? { ...options, body: missedCall } : ringing ? { ...options, requireInteraction: true } : options;
  if (!first) return { message, show: { title, options: quiet(show, ringing) }, reason: "duplicate" };
  if (over) return { message, show: { title, options: quiet(show, false) }, reason: late ? "late" : "ended" };
  if (kind === "edit" && !standing.some((shown) => shown.id === id)) return { message, show: { title, options: { ...show, silent: false } } };
  return { message, show: { title, options: ringing && tag ? { ...show, renotify: true } as Options : show } };
}

/**
 * overtaken reports whether the call's end came before this ring, or since it
 * first came. A later invitation to the same call runs out later, and rings.
 */
function overtaken(about: Seen[], key: string, now: number, expiresAt: number): boolean {
  const came = about.find((seen) => seen.key === key)?.at ?? now;
  const ends = about.filter((seen) => seen.kind === "call_end" && came - seen.at < overtakenMs);
  const rang = about.filter((seen) => seen.kind === "call" && seen.key !== key && seen.expiresAt < expiresAt);
  return ends.length > 0 && rang.length === 0;
}

/** quiet is options of a notification that changes without a sound; one that still rings stays until it is answered. */
function quiet(options: Options, ringing: boolean): Options {
  const { vibrate: _, renotify: __, ...rest } = options;
  return { ...rest, silent: true, requireInteraction: ringing };
}

/**
 * pickWindow is the open page that a click goes to: the one at the link, else any
 * of the link's site, best the app's own, then the one looked at.
 */
export function pickWindow<T extends { url: string; focused: boolean; visibilityState: string }>(windows: readonly T[], link: string, appURL: string): T | undefined {
  const rank = (w: T): number => (samePage(w.url, link) ? 8 : 0) + (samePage(w.url, appURL) ? 4 : 0) + (w.focused ? 2 : 0) + (w.visibilityState === "visible" ? 1 : 0);
  const candidates = windows.filter((w) => !link || new URL(link, w.url).origin === new URL(w.url).origin);
  return candidates.sort((a, b) => rank(b) - rank(a))[0];
}

function samePage(a: string, b: string): boolean {
  if (!a || !b) return false;
  const [x, y] = [new URL(a), new URL(b, a)];
  return x.origin === y.origin && x.pathname === y.pathname && x.search === y.search;
}
