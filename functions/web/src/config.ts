import { ZIMErrorCode } from "./enums.js";
import { asError, DoorbellError } from "./errors.js";

/** Firebase's web configuration, as its console shows it. */
export interface FirebaseConfig {
  apiKey: string;
  projectId: string;
  authDomain?: string;
  storageBucket?: string;
  messagingSenderId?: string;
  appId?: string;
  measurementId?: string;
}

/** What a TokenProvider gets. */
export interface TokenRequest {
  vapidKey: string;
  serviceWorkerRegistration: ServiceWorkerRegistration;
  config: FirebaseConfig;
}

/** Gives the FCM registration token of this browser. */
export type TokenProvider = (request: TokenRequest) => Promise<string>;

/** Where Doorbell is and how the SDK behaves; README.md describes each field. */
export interface DoorbellConfig {
  firebase?: FirebaseConfig;
  baseURL?: string;
  vapidKey?: string;
  emulators?: { auth?: string; firestore?: string };
  name?: string;
  serviceWorker?: { url?: string; scope?: string };
  receiptsURL?: string;
  contentURL?: string;
  idleSeconds?: number;
  appCheck?: { siteKey: string; enterprise?: boolean };
  tenant?: string;
  tokenProvider?: TokenProvider;
}

/** A DoorbellConfig, or the URL of a JSON file that holds one. */
export type ConfigSource = DoorbellConfig | string;

/** A DoorbellConfig with everything decided but firebase. */
export interface Settings extends DoorbellConfig {
  baseURL: string;
  name: string;
  vapidKey: string;
  serviceWorker: { url: string; scope: string };
  receiptsURL: string;
  contentURL: string;
  idleSeconds: number;
}

const defaults = {
  name: "",
  vapidKey: "",
  idleSeconds: 300,
};
const workerDefaults = { url: "/firebase-messaging-sw.js", scope: "/firebase-cloud-messaging-push-scope" };

let configured: ConfigSource | undefined;

/** configure sets what every ZIM of this page uses from now on. */
export function configure(source: ConfigSource): void {
  configured = source;
}

/** settings merges what there is: the fields beside appID, then configure's, then the page's global. */
export async function settings(own: DoorbellConfig): Promise<Settings> {
  const shared = await load(configured ?? (globalThis as { DOORBELL_CONFIG?: ConfigSource }).DOORBELL_CONFIG);
  const merged = { ...defaults, ...defined(shared), ...defined(own) };
  const baseURL = (merged.baseURL ?? servedFrom).replace(/\/+$/, "");
  return {
    ...merged,
    baseURL,
    receiptsURL: merged.receiptsURL ?? `${baseURL}/receipts`,
    contentURL: merged.contentURL ?? `${baseURL}/push-content`,
    serviceWorker: { ...workerDefaults, ...defined(merged.serviceWorker ?? {}) },
  };
}

async function load(source: ConfigSource | undefined): Promise<DoorbellConfig> {
  if (typeof source !== "string") return source ?? {};
  const found = await json(source);
  if (!found) throw new DoorbellError(ZIMErrorCode.CommonModuleNotInit, `no Doorbell configuration at ${source}`);
  return found as DoorbellConfig;
}

/** hosted is Firebase Hosting's configuration of the site, if it serves the page. */
export async function hosted(): Promise<FirebaseConfig | undefined> {
  const found = await json("/__/firebase/init.json");
  return isFirebaseConfig(found) ? found : undefined;
}

async function json(url: string): Promise<unknown> {
  try {
    const answer = await fetch(url);
    return answer.ok ? await answer.json() : undefined;
  } catch (err) {
    // A 200 that isn't JSON is a site that answers everything with its page.
    if (err instanceof SyntaxError) return undefined;
    throw asError(err, ZIMErrorCode.NetworkModuleNetworkError);
  }
}

export function isFirebaseConfig(v: unknown): v is FirebaseConfig {
  const c = v as Partial<FirebaseConfig> | undefined;
  return typeof c?.apiKey === "string" && c.apiKey !== "" && typeof c.projectId === "string" && c.projectId !== "";
}

function defined<T extends object>(o: T): T {
  return Object.fromEntries(Object.entries(o).filter(([, v]) => v !== undefined)) as T;
}

// Where this script was loaded from is only known while it runs for the first time.
const servedFrom = baseOf(scriptURL(), globalThis.location?.origin ?? "");

function scriptURL(): string {
  const script = globalThis.document?.currentScript as HTMLScriptElement | null | undefined;
  return script?.src || import.meta.url || "";
}

/** baseOf is the part of the script's URL before /sdk/, or else origin. */
export function baseOf(script: string, origin: string): string {
  const at = script.lastIndexOf("/sdk/");
  return at > 0 && /^https?:/.test(script) ? script.slice(0, at) : origin;
}
