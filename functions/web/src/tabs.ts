import { randomID } from "./device.js";

// The tabs of one browser are one device. They tell each other whether somebody
// looks at them, and one of them, the leader, speaks to the server for all.

/** What Tabs needs of the platform; tests replace it. */
export interface TabChannel {
  postMessage(message: unknown): void;
  onmessage: ((event: { data: unknown }) => void) | null;
  close(): void;
}

export interface TabPlatform {
  open(name: string): TabChannel | undefined;
  /** Calls lead once this tab holds the lock, until release is called. */
  lock(name: string, lead: () => void): () => void;
}

type Said = { id: string; active?: boolean; ask?: boolean; bye?: boolean };

/** A tab that hasn't answered this many questions of the leader is taken for gone. */
const missesAllowed = 2;

export class Tabs {
  leading = false;
  private active = false;
  private readonly others = new Map<string, { active: boolean; misses: number }>();
  private readonly channel: TabChannel | undefined;
  private release = (): void => {};

  /** changed is called when this tab starts to lead, or another one's state is news. */
  constructor(private readonly name: string, private readonly changed: () => void, private readonly platform: TabPlatform = browserTabs, private readonly id: string = randomID()) {
    this.channel = platform.open(name);
    if (this.channel) this.channel.onmessage = ({ data }) => this.heard(data as Said);
    this.back();
  }

  /** set tells the others whether somebody looks at this tab. */
  set(active: boolean): void {
    if (this.active === active) return;
    this.active = active;
    this.say({ id: this.id, active });
  }

  /** anyActive reports whether somebody looks at any of the tabs. */
  get anyActive(): boolean {
    return this.active || [...this.others.values()].some((other) => other.active);
  }

  /** alone reports whether this is the only tab, as far as this one knows. */
  get alone(): boolean {
    return this.others.size === 0;
  }

  /** ask has the others say their state, and forgets those that have been silent. */
  ask(): void {
    for (const [id, other] of this.others) {
      if (++other.misses > missesAllowed) this.others.delete(id);
    }
    this.say({ id: this.id, active: this.active, ask: true });
  }

  /** back has this tab take part: it asks for the others, and leads once it holds the lock. */
  back(): void {
    this.release = this.platform.lock(this.name, () => {
      this.leading = true;
      this.ask();
      this.changed();
    });
    this.say({ id: this.id, active: false, ask: true });
  }

  /** leave tells the others that this tab goes, and lets one of them lead. */
  leave(): void {
    this.active = false;
    this.say({ id: this.id, bye: true });
    this.leading = false;
    this.release();
  }

  close(): void {
    this.leave();
    this.channel?.close();
  }

  private heard(said: Said): void {
    const before = this.anyActive;
    if (said.bye) this.others.delete(said.id);
    else this.others.set(said.id, { active: said.active === true, misses: 0 });
    if (said.ask) this.say({ id: this.id, active: this.active });
    if (this.anyActive !== before) this.changed();
  }

  private say(said: Said): void {
    this.channel?.postMessage(said);
  }
}

const browserTabs: TabPlatform = {
  open: (name) => (typeof BroadcastChannel === "function" ? new BroadcastChannel(name) as unknown as TabChannel : undefined),
  lock(name, lead) {
    let release = () => {};
    let released = false;
    const held = new Promise<void>((done) => { release = () => { released = true; done(); }; });
    // Without Web Locks (a page that isn't served over HTTPS) every tab leads.
    if (!navigator.locks) {
      queueMicrotask(lead);
      return release;
    }
    const waiting = new AbortController();
    navigator.locks.request(name, { signal: waiting.signal }, () => {
      if (!released) lead();
      return held;
    }).catch(() => { /* closed before it led */ });
    return () => {
      waiting.abort();
      release();
    };
  },
};
