import type { ZIMCallInfo } from "./call-types.js";
import { callEvents } from "./call-events.js";
import { ZIMCallState, ZIMCallUserState } from "./enums.js";
import { asError } from "./errors.js";
import type { Fire } from "./events.js";
import type { CallDocument, Feed, Stop } from "./feed.js";

/** A timer can't be set for longer than some 24 days; a call rings for ten minutes at most. */
const longestMs = 11 * 60_000;
/** A call that began this long before the login isn't told of any more. */
const longestCallMs = 12 * 3_600_000;
/** How much later than an invitation's end the server is asked to look: clocks differ. */
const graceMs = 500;
const retryMs = 15_000;

export interface TrackerParts {
  feed: Feed;
  userID: string;
  fire: Fire;
  /** Has the server look whether an invitation has run out. */
  settle: (callID: string) => Promise<void>;
  /** The server's clock, ms. */
  serverTime: () => number;
}

/**
 * CallTracker tells of the user's calls as they change. It asks the server to end
 * an invitation the moment it runs out, so that nobody waits for the sweep.
 */
export class CallTracker {
  private readonly calls = new Map<string, CallDocument>();
  private readonly timers = new Map<string, ReturnType<typeof setTimeout>>();
  private stopListening: Stop = () => {};
  private stopped = false;
  private since = 0;

  constructor(private readonly parts: TrackerParts) {}

  /** start listens for a user who logged in at since, of the server's clock. */
  start(since: number): void {
    this.since = since;
    this.stopListening = this.parts.feed.calls(since - longestCallMs, (list) => {
      for (const call of list) this.changed(call);
    }, (err) => {
      if (this.stopped) return;
      this.parts.fire("error", asError(err));
      setTimeout(() => { if (!this.stopped) this.start(since); }, retryMs);
    });
  }

  stop(): void {
    this.stopped = true;
    this.stopListening();
    for (const timer of this.timers.values()) clearTimeout(timer);
  }

  /** ringing takes the calls that `sync` says ring: those of them that the listener hasn't told of yet. */
  ringing(list: (ZIMCallInfo & { expiresAt?: number; timeout?: number })[]): void {
    for (const info of list) {
      if (!this.calls.has(info.callID)) this.changed(documentOf(info, this.parts.userID));
    }
  }

  private changed(call: CallDocument): void {
    if (this.stopped) return;
    const before = this.calls.get(call.callID);
    if (before && before.rev >= call.rev) return;
    this.calls.set(call.callID, call);
    for (const { type, data } of callEvents(before, call, this.parts.userID, this.since)) this.parts.fire(type, data as never);
    this.schedule(call);
  }

  private schedule(call: CallDocument): void {
    clearTimeout(this.timers.get(call.callID));
    this.timers.delete(call.callID);
    const ends = Object.values(call.users).filter((u) => u.state === ZIMCallUserState.Inviting).map((u) => u.expiresAt ?? Infinity);
    if (call.state !== ZIMCallState.Started || ends.length === 0) return;
    const inMs = Math.max(0, Math.min(...ends) - this.parts.serverTime()) + graceMs;
    if (inMs > longestMs) return;
    this.timers.set(call.callID, setTimeout(() => {
      this.parts.settle(call.callID).catch(() => { /* the sweep does it */ });
    }, inMs));
  }
}

/** documentOf is what sync says of a call, older than any document. */
function documentOf(info: ZIMCallInfo & { expiresAt?: number; timeout?: number }, userID: string): CallDocument {
  const users: CallDocument["users"] = {};
  for (const u of info.callUserList) users[u.userID] = { state: u.state, extendedData: u.extendedData };
  const own = users[userID];
  // Which of the user's invitations it is isn't said: take it for the newest.
  if (own) Object.assign(own, { inviter: info.inviter, gen: Infinity, ...(info.expiresAt ? { expiresAt: info.expiresAt } : {}) });
  const { callID, caller, mode, state, createTime, extendedData } = info;
  return { callID, caller, mode, state, createTime, timeout: info.timeout ?? 0, extendedData, users, rev: 0 };
}
