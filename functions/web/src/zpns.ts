import { boundKey, type Account } from "./account.js";
import { isFirebaseConfig, settings as configured, type FirebaseConfig, type Settings, type TokenRequest } from "./config.js";
import { Database } from "./database.js";
import { forget, recall, remember, storageKey } from "./device.js";
import { ZPNsErrorCode } from "./enums.js";
import { asError, DoorbellError, notLoggedIn } from "./errors.js";
import { activeWorker, checkSupport, checkVapidKey, dropToken, dropUnregistered, fetchToken, permission, requestPermission } from "./push-token.js";
import type { WorkerNews, ZPNsMessage } from "./push.js";
import type { SelfTestConfig, SelfTestResult } from "./types.js";
import { version } from "./version.js";
import { ZIM } from "./zim.js";

export interface ZPNsConfig {
  apiKey: string;
  authDomain: string;
  projectId: string;
  storageBucket: string;
  messagingSenderId: string;
  appId: string;
  measurementId: string;
  vapidKey: string;
}

/** What register resolves with. */
export interface ZPNsRegisterResult {
  /** The binding of this device and the user; empty until somebody logs in. */
  pushID: string;
}

/** What ZPNs tells a page; not part of the compared web SDK. */
export interface ZPNsEventHandler {
  /** A push arrived and is shown. */
  notificationArrived: (message: ZPNsMessage) => void;
  /** A notification was clicked, also if that opened this page. */
  notificationClicked: (message: ZPNsMessage) => void;
  /** A push arrived that shows nothing. */
  throughMessageReceived: (message: ZPNsMessage) => void;
}

/** A click older than this isn't why a page was opened. */
const clickMs = 60_000;

/** What this page registered. */
interface Registered {
  settings: Settings;
  request: TokenRequest;
  /** Empty where a new one is to be fetched. */
  token: string;
}

let instance: ZPNs | undefined;

export class ZPNs {
  private registered: Registered | undefined;
  private zim: ZIM | null = null;
  private last: Promise<unknown> = Promise.resolve(); // one thing after the other
  private readonly listeners = new Map<string, (message: ZPNsMessage) => void>();
  private listening = false;

  private constructor() {}

  static getVersion(): string {
    return version;
  }

  static getInstance(): ZPNs {
    return (instance ??= new ZPNs());
  }

  /**
   * Has this browser rung for the user: asks for permission, gets FCM's token and
   * binds it to who is logged in, or logs in later. It is rejected with what went
   * wrong; code that ignores the promise finds that in the console.
   */
  register(config: Partial<ZPNsConfig>, zim?: unknown): Promise<ZPNsRegisterResult> {
    this.zim = zim instanceof ZIM ? zim : ZIM.getInstance();
    this.zim?.attach(isFirebaseConfig(config) ? config : undefined, {
      loggedIn: (account) => this.loggedIn(account), loggedOut: () => this.loggedOut(),
    });
    const done = this.next(() => this.doRegister(config ?? {}));
    done.catch((err: unknown) => console.warn(`Doorbell: ZPNs.register: ${asError(err).message}`));
    return done;
  }

  /** Has this browser ring no more: neither notifications nor silent pushes reach it. */
  unregister(): Promise<void> {
    const done = this.next(() => this.doUnregister());
    done.catch((err: unknown) => console.warn(`Doorbell: ZPNs.unregister: ${asError(err).message}`));
    return done;
  }

  /** The same as unregister. */
  unregisterPush(): Promise<void> {
    return this.unregister();
  }

  /** The same as unregister. */
  unRegisterPush(): Promise<void> {
    return this.unregister();
  }

  /**
   * Walks every step of a push to the user who is logged in, to this browser where
   * nothing else is said, and resolves with what is broken. It asks the person for
   * nothing and changes nothing. Not part of the compared web SDK.
   */
  async selfTest({ ring = false, allDevices = false }: SelfTestConfig = {}): Promise<SelfTestResult> {
    const account = (this.zim ?? ZIM.getInstance())?.current;
    if (!account) throw notLoggedIn();
    const { deviceID } = account;
    const { steps } = await account.api.post<SelfTestResult>("/self-test", { ring, ...(allDevices ? {} : { deviceID }) });
    const problem = permission();
    steps.unshift({
      deviceID, platform: "web", step: "permission", ok: problem === undefined,
      text: problem?.message ?? "this browser may show notifications",
    });
    return { ok: steps.every(({ ok }) => ok), steps };
  }

  on<K extends keyof ZPNsEventHandler>(type: K, listener: ZPNsEventHandler[K]): void {
    this.listeners.set(type, listener);
    this.listen();
    if (type === "notificationClicked") void this.openedByClick();
  }

  off(type: keyof ZPNsEventHandler): void {
    this.listeners.delete(type);
  }

  private async doRegister(config: Partial<ZPNsConfig>): Promise<ZPNsRegisterResult> {
    if (!this.zim) throw new DoorbellError(ZPNsErrorCode.RegisterFailed, "register needs a ZIM: call ZIM.create first", { reason: "no_zim" });
    checkSupport();
    const { settings, firebase: shared } = await this.zim.where();
    const firebase = { ...shared, ...given(config) };
    const vapidKey = config.vapidKey || settings.vapidKey;
    checkVapidKey(vapidKey);
    await requestPermission();
    const serviceWorkerRegistration = await activeWorker(settings.serviceWorker);
    this.registered = { settings, request: { vapidKey, serviceWorkerRegistration, config: firebase }, token: "" };
    this.listen();
    const account = this.zim.current;
    if (account) return { pushID: await this.bind(account) };
    await this.token(recall(ownerKey(settings)));
    return { pushID: "" };
  }

  /**
   * token is FCM's token for userID. What FCM still keeps for one that was another
   * user's would reach this one, so that one is dropped first.
   */
  private async token(userID: string): Promise<string> {
    const r = this.registered!;
    const owner = recall(ownerKey(r.settings));
    if (owner && owner !== userID) {
      await dropToken(r.request, r.settings, r.token !== "");
      r.token = "";
    }
    return (r.token ||= await fetchToken(r.request, r.settings));
  }

  /** bind tells the server that this device is the user's, and the worker what it needs to know. */
  private async bind(account: Account): Promise<string> {
    const { settings, request } = this.registered!;
    const { pushID, receiptToken } = await account.api.post<{ pushID: string; receiptToken: string }>("/register", {
      token: await this.token(account.userID),
      platform: "web",
      deviceID: account.deviceID,
      sdkVersion: `web-${version}`,
      ...(navigator.language ? { locale: navigator.language } : {}),
    });
    remember(ownerKey(settings), account.userID);
    remember(boundKey(settings), account.userID);
    const known = { pushID, receiptToken, receiptsURL: settings.receiptsURL, contentURL: settings.contentURL, userID: account.userID, clockAheadMs: account.clockAhead, appURL: location.href.split("#")[0]! };
    // Without a database the worker does without: it still shows what comes.
    await new Database(request.serviceWorkerRegistration.scope).setSettings(known).catch(() => {});
    request.serviceWorkerRegistration.active?.postMessage({ doorbell: "flush" });
    return pushID;
  }

  private async loggedIn(account: Account): Promise<void> {
    await this.next(async () => {
      if (this.registered && this.zim?.current === account) await this.bind(account);
    });
  }

  /** loggedOut drops the token: what FCM still keeps for the user who left must not show to the next. */
  private async loggedOut(): Promise<void> {
    await this.next(async () => {
      const r = this.registered;
      if (!r) return;
      const used = r.token !== "";
      r.token = "";
      if (await dropToken(r.request, r.settings, used)) forget(ownerKey(r.settings));
    });
  }

  private async doUnregister(): Promise<void> {
    const registered = this.registered;
    this.registered = undefined;
    const zim = this.zim ?? ZIM.getInstance();
    const settings = registered?.settings ?? await this.settings();
    const account = zim?.current;
    // Who logged out was unbound then; who is bound still has to be logged in to tell the server.
    const bound = settings ? recall(boundKey(settings)) : "";
    let failure: unknown;
    if (account && settings) {
      try {
        await account.api.delete(`/register?deviceID=${encodeURIComponent(account.deviceID)}`);
        forget(boundKey(settings));
      } catch (err) {
        failure = err;
      }
    }
    const dropped = registered
      ? await dropToken(registered.request, registered.settings, registered.token !== "")
      : settings !== undefined && await dropUnregistered(settings);
    if (failure) throw asError(failure, ZPNsErrorCode.UnregisterFailed);
    if (settings && dropped) for (const key of [boundKey(settings), ownerKey(settings)]) forget(key);
    if (!account && bound && !dropped) {
      throw new DoorbellError(ZPNsErrorCode.UnregisterFailed, `log ${bound} in, then call unregister: only they may unbind this device`, { reason: "not_logged_in" });
    }
  }

  /** settings is where the worker is and so on, also before anything was registered; undefined where that can't be found out. */
  private async settings(): Promise<Settings | undefined> {
    const where = await (this.zim ?? ZIM.getInstance())?.where().catch(() => undefined);
    return where?.settings ?? await configured({}).catch(() => undefined);
  }

  /** next runs things one after the other, each whatever became of the one before. */
  private next<T>(work: () => Promise<T>): Promise<T> {
    const done = this.last.then(work);
    this.last = done.catch(() => {});
    return done;
  }

  private listen(): void {
    if (this.listening || !("serviceWorker" in navigator)) return;
    this.listening = true;
    navigator.serviceWorker.addEventListener("message", (event) => this.heard(event.data as WorkerNews));
    navigator.serviceWorker.startMessages();
  }

  private heard(news: WorkerNews | undefined): void {
    const r = this.registered;
    if (!news?.doorbell || (r && news.scope !== r.request.serviceWorkerRegistration.scope)) return;
    if (news.doorbell === "resubscribe" && r) void this.register({ ...r.request.config, vapidKey: r.request.vapidKey }, this.zim).catch(() => {});
    if (news.doorbell === "clicked") void new Database(news.scope).takeClick().catch(() => undefined);
    const type = ({ arrived: "notificationArrived", clicked: "notificationClicked", through: "throughMessageReceived", resubscribe: "" } as const)[news.doorbell];
    if (type && news.message) this.tell(type, news.message);
  }

  /** openedByClick tells of the click that opened this page. */
  private async openedByClick(): Promise<void> {
    if (!("serviceWorker" in navigator)) return;
    const settings = await this.settings();
    const scope = this.registered?.request.serviceWorkerRegistration.scope ?? new URL(settings?.serviceWorker.scope ?? "/firebase-cloud-messaging-push-scope", location.href).href;
    const click = await new Database(scope).takeClick().catch(() => undefined);
    if (click && Date.now() - click.at < clickMs) this.tell("notificationClicked", click.message);
  }

  private tell(type: keyof ZPNsEventHandler, message: ZPNsMessage): void {
    this.listeners.get(type)?.(message);
  }
}

/** given is the fields of config that aren't empty. */
function given(config: Partial<ZPNsConfig>): Partial<FirebaseConfig> {
  const { vapidKey: _, ...firebase } = config;
  return Object.fromEntries(Object.entries(firebase).filter(([, v]) => v !== "" && v !== undefined));
}

/** ownerKey is where this browser remembers whose its FCM token was last. */
function ownerKey(settings: Settings): string {
  return storageKey(settings.name, "tokenOwner");
}
