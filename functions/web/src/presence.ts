import type { Api } from "./http.js";
import { Tabs, type TabPlatform } from "./tabs.js";

/** The answer of POST presence. */
export interface Beat {
  leaseSeconds: number;
  serverTime: number;
}

type State = "online" | "background" | "offline" | "logout";

export interface PresenceHooks {
  /** The newest message this device has, ms of the server's clock; 0 for none. */
  ackedUpTo: () => number;
  /** A heartbeat failed; it is tried again. */
  lost: (err: unknown) => void;
  /** The server was told. */
  told: () => void;
}

/** A heartbeat is sent when this part of the lease is over. */
const pace = 0.5;
const retryMs = 5_000;
/**
 * The tab that led says "offline" as it goes, for it can't know who outlives it:
 * a window that is closed takes all of its tabs along. That may arrive after its
 * successor's first heartbeat, so the successor soon repeats that one.
 */
const repeatMs = 3_000;
/** How long the other tabs have to say that somebody looks at them. */
const answerMs = 100;

/**
 * Presence keeps the server's picture of this device: online while somebody looks
 * at one of its tabs, background while nobody does (it rings then), offline once
 * the last tab goes.
 */
export class Presence {
  private readonly tabs: Tabs;
  private leaseMs = 120_000;
  /** The last word, said or on its way. */
  private said: State | undefined;
  private saying: Promise<unknown> = Promise.resolve();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private idleTimer: ReturnType<typeof setTimeout> | undefined;
  private idle = false;
  private started = false;
  private led = false;
  private away = false; // the page was left; it may be come back to
  private stopped = false;
  private readonly unlisten: () => void;

  constructor(
    private readonly api: Pick<Api, "post" | "beacon">,
    private readonly deviceID: string,
    key: string,
    private readonly idleMs: number,
    private readonly hooks: PresenceHooks,
    platform?: TabPlatform,
  ) {
    this.tabs = new Tabs(key, () => this.tabsChanged(), platform);
    this.unlisten = this.listen();
  }

  /** start says for the first time that this device is here. It fails where the server can't be told. */
  async start(): Promise<Beat> {
    this.touched();
    this.tabs.set(this.looking());
    if (!this.looking()) await new Promise((done) => { setTimeout(done, answerMs); });
    const beat = await this.say(this.state());
    this.started = true;
    this.led = this.tabs.leading;
    this.update();
    return beat;
  }

  /** logout stops, and says as the last word that the user has left this device. */
  async logout(): Promise<void> {
    this.stop();
    await this.say("logout");
  }

  /** stop ends it without a word. */
  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    clearTimeout(this.timer);
    clearTimeout(this.idleTimer);
    this.unlisten();
    this.tabs.close();
  }

  /** wake tells the server now, where this tab speaks for the device. */
  wake(): void {
    if (this.speaks()) this.beatIn(0);
  }

  private state(): State {
    return this.tabs.anyActive ? "online" : "background";
  }

  private looking(): boolean {
    return document.visibilityState === "visible" && !this.idle;
  }

  private speaks(): boolean {
    return this.started && !this.stopped && !this.away && this.tabs.leading;
  }

  private tabsChanged(): void {
    if (!this.started) return;
    const takesOver = this.tabs.leading && !this.led;
    this.led = this.tabs.leading;
    if (takesOver) void this.beat().then(() => { this.beatIn(repeatMs); });
    else this.update();
  }

  /** update tells the server what is news to it, at once: a hidden page may be given no time later. */
  private update(): void {
    if (!this.speaks()) return;
    if (this.said === this.state()) this.schedule();
    else void this.beat();
  }

  private beatIn(ms: number): void {
    clearTimeout(this.timer);
    if (!this.stopped) this.timer = setTimeout(() => void this.beat(), ms);
  }

  private async beat(): Promise<void> {
    if (!this.speaks()) return;
    try {
      await this.say(this.state());
      this.update();
    } catch (err) {
      if (this.stopped || this.away) return;
      this.hooks.lost(err);
      this.beatIn(retryMs);
    }
  }

  /** schedule plans the next heartbeat: none in the background, where there is no lease to keep. */
  private schedule(): void {
    clearTimeout(this.timer);
    if (!this.speaks() || !this.tabs.anyActive) return;
    this.tabs.ask();
    this.beatIn(this.leaseMs * pace);
  }

  /** say tells the server, one word after the other: the last to arrive stands. */
  private say(state: State): Promise<Beat> {
    this.said = state;
    // "online" doesn't outlive its page, where "offline" would have to overtake it.
    const keepalive = state !== "online";
    const told = this.saying.then(async () => {
      if (this.away) throw new Error("the page was left, which is the last word");
      const beat = await this.api.post<Beat>("/presence", this.body(state), { keepalive });
      this.leaseMs = beat.leaseSeconds * 1000;
      if (!this.stopped) this.hooks.told();
      return beat;
    });
    this.saying = told.catch(() => { if (this.said === state) this.said = undefined; });
    return told;
  }

  private body(state: State): object {
    const ackedUpTo = this.hooks.ackedUpTo();
    return { deviceID: this.deviceID, platform: "web", state, ...(ackedUpTo > 0 ? { ackedUpTo } : {}) };
  }

  private readonly touched = (): void => {
    clearTimeout(this.idleTimer);
    this.idleTimer = setTimeout(() => {
      this.idle = true;
      this.looked();
    }, this.idleMs);
    if (this.idle) {
      this.idle = false;
      this.looked();
    }
  };

  /** looked follows a change of whether somebody looks at this tab. */
  private readonly looked = (): void => {
    this.tabs.set(this.looking());
    this.update();
  };

  private readonly shownOrHidden = (): void => {
    if (document.visibilityState === "visible") this.touched(); // somebody went there
    this.looked();
  };

  private readonly returned = (): void => {
    if (this.away) this.tabs.back();
    this.away = false;
    this.shownOrHidden();
  };

  private readonly left = (): void => {
    const last = this.tabs.leading || this.tabs.alone;
    this.away = true;
    this.led = false;
    this.tabs.leave();
    if (!last) return;
    this.said = "offline";
    this.api.beacon("/presence", this.body("offline"));
  };

  private listen(): () => void {
    const input = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"] as const;
    const options = { capture: true, passive: true };
    for (const type of input) window.addEventListener(type, this.touched, options);
    document.addEventListener("visibilitychange", this.shownOrHidden);
    window.addEventListener("pageshow", this.returned);
    window.addEventListener("pagehide", this.left);
    return () => {
      for (const type of input) window.removeEventListener(type, this.touched, options);
      document.removeEventListener("visibilitychange", this.shownOrHidden);
      window.removeEventListener("pageshow", this.returned);
      window.removeEventListener("pagehide", this.left);
    };
  }
}
