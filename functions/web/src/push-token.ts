// How this browser comes to an FCM token, and what can go wrong on the way.
import { deleteApp, getApps, initializeApp, type FirebaseApp } from "firebase/app";
import { deleteToken, getMessaging, getToken } from "firebase/messaging";

import type { FirebaseConfig, Settings, TokenRequest } from "./config.js";
import { ZPNsErrorCode } from "./enums.js";
import { DoorbellError } from "./errors.js";

/** checkSupport fails where this browser, or this way of loading the page, has no web push. */
export function checkSupport(): void {
  if (!globalThis.isSecureContext) {
    throw failed("insecure", "web push needs HTTPS (or localhost): load the page over HTTPS");
  }
  const missing = [
    ["service workers", "serviceWorker" in navigator], ["the Push API", "PushManager" in globalThis],
    ["the Notification API", "Notification" in globalThis], ["IndexedDB", "indexedDB" in globalThis],
  ].filter(([, there]) => !there).map(([name]) => name);
  if (missing.length > 0) {
    throw failed("unsupported", `this browser has no ${missing.join(" and no ")}, so it can't be pushed to; on iOS add the page to the home screen`);
  }
}

/** checkVapidKey fails for a key that no browser would take. Without a key Firebase uses a default. */
export function checkVapidKey(key: string): void {
  if (key === "") return;
  let bytes = "";
  try {
    bytes = atob(key.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    // Not base64: no bytes.
  }
  // RFC 8292 §3.2: an uncompressed point on P-256.
  if (bytes.length === 65 && bytes.charCodeAt(0) === 4) return;
  throw new DoorbellError(ZPNsErrorCode.ConfigInvalid,
    "vapidKey is no Web Push certificate: copy the key pair's public key from the Firebase console, Cloud Messaging, Web Push certificates", { reason: "bad_vapid_key", field: "vapidKey" });
}

/** requestPermission asks the person, once. */
export async function requestPermission(): Promise<void> {
  const answer = Notification.permission === "default" ? await Notification.requestPermission() : Notification.permission;
  if (answer === "granted") return;
  throw answer === "denied" ? blocked()
    : failed("permission_dismissed", "the person closed the question for permission: call register again, best on a click");
}

/** permission is why this browser may show nothing as it stands, or undefined. It asks nobody. */
export function permission(): DoorbellError | undefined {
  try {
    checkSupport();
  } catch (err) {
    return err as DoorbellError;
  }
  if (Notification.permission === "denied") return blocked();
  if (Notification.permission === "granted") return undefined;
  return failed("permission_dismissed", "the person was not asked yet whether notifications may be shown, or didn't say: call register, best on a click");
}

function blocked(): DoorbellError {
  return failed("permission_denied", "notifications are blocked for this site: the person has to allow them in the browser's site settings");
}

/** activeWorker is the registration of the service worker, once it can take a subscription. */
export async function activeWorker(where: { url: string; scope: string }): Promise<ServiceWorkerRegistration> {
  let registration: ServiceWorkerRegistration;
  try {
    registration = await navigator.serviceWorker.register(where.url, { scope: where.scope });
  } catch (err) {
    throw failed("no_service_worker", `the service worker can't be loaded from ${where.url}: copy firebase-messaging-sw.js to the site's root (${String(err)})`, err);
  }
  const worker = registration.installing ?? registration.waiting;
  if (registration.active || !worker) return registration;
  await new Promise<void>((done, broken) => {
    worker.addEventListener("statechange", () => {
      if (worker.state === "activated") done();
      if (worker.state === "redundant") broken(failed("no_service_worker", `the service worker at ${where.url} fails to install: see its console`));
    });
    if (worker.state === "activated") done();
  });
  return registration;
}

/** fetchToken is FCM's registration token. */
export async function fetchToken(request: TokenRequest, settings: Settings): Promise<string> {
  try {
    if (settings.tokenProvider) return await settings.tokenProvider(request);
    const messaging = getMessaging(appFor(request.config, settings));
    return await getToken(messaging, {
      serviceWorkerRegistration: request.serviceWorkerRegistration,
      ...(request.vapidKey ? { vapidKey: request.vapidKey } : {}),
    });
  } catch (err) {
    throw new DoorbellError(ZPNsErrorCode.GetPushIDFailed, `FCM gives no token: ${err instanceof Error ? err.message : String(err)}`, { reason: "no_token", cause: err });
  }
}

/**
 * dropToken ends this browser's push subscription, and its FCM token with it, and
 * reports whether nothing reaches the browser any more. used says whether this
 * page has fetched a token: only then does Firebase know whose worker it is, and
 * else it would install one of its own to tell FCM.
 */
export async function dropToken({ config, serviceWorkerRegistration }: TokenRequest, settings: Settings, used: boolean): Promise<boolean> {
  if (settings.tokenProvider) return false;
  const told = used && await deleteToken(getMessaging(appFor(config, settings))).catch(() => false);
  return await unsubscribe(serviceWorkerRegistration) || told;
}

/** dropUnregistered is dropToken on a page that has registered nothing, for what an earlier one did. */
export async function dropUnregistered(settings: Settings): Promise<boolean> {
  if (settings.tokenProvider || !("serviceWorker" in navigator)) return false;
  const scope = new URL(settings.serviceWorker.scope, location.href).href;
  const found = await navigator.serviceWorker.getRegistration(scope).catch(() => undefined);
  // One of another scope that covers this one may be the app's own.
  return found?.scope === scope && unsubscribe(found);
}

/** unsubscribe reports whether the worker has no push subscription any more: the push service then refuses what is sent to it. */
async function unsubscribe(registration: ServiceWorkerRegistration): Promise<boolean> {
  try {
    const subscription = await registration.pushManager.getSubscription();
    return subscription === null || await subscription.unsubscribe();
  } catch {
    return false;
  }
}

/** appFor is a Firebase app for messaging alone: it may be of another configuration than the one logged in with. */
function appFor(config: FirebaseConfig, settings: Settings): FirebaseApp {
  const name = `doorbell-push${settings.name && `:${settings.name}`}`;
  const known = getApps().find((app) => app.name === name);
  if (known && JSON.stringify(known.options) === JSON.stringify(config)) return known;
  if (known) void deleteApp(known);
  return initializeApp(config, name);
}

function failed(reason: string, message: string, cause?: unknown): DoorbellError {
  return new DoorbellError(ZPNsErrorCode.RegisterFailed, message, cause === undefined ? { reason } : { reason, cause });
}
