import { ZIMConversationSyncState, ZIMConversationType, ZIMMessageType } from "./enums.js";
import { asError } from "./errors.js";
import type { Fire } from "./events.js";
import type { Feed, Membership, PeerNews, Stop } from "./feed.js";
import type { Api } from "./http.js";
import { conversationKey, type Inbox } from "./inbox.js";
import { toMessage, type WireMessage } from "./message.js";
import type { ZIMCallInfo } from "./call-types.js";
import type { ZIMMessage, ZIMRevokeMessage } from "./types.js";

/** The answer of POST sync, as far as it is used here. */
export interface SyncPage {
  messageList: WireMessage[];
  callList?: (ZIMCallInfo & { expiresAt?: number; timeout?: number })[];
  cursor: string;
  hasMore: boolean;
}

/** Messages of one page of `sync` and of one read of a conversation. */
const page = 100;
/** A listener on a group starts anew after so many messages: it keeps them all. */
const followMost = 200;
/**
 * How much earlier than the server's clock says the peers' listener starts: the
 * difference of two instances' clocks and the time a send may take.
 */
export const marginMs = 120_000;
/** How long a sync waits for the listeners. */
const listenMs = 10_000;
const retryMs = [1_000, 5_000, 15_000, 60_000];

export interface ReceiverParts {
  api: Pick<Api, "post">;
  feed: Feed;
  inbox: Inbox;
  userID: string;
  fire: Fire;
  /** Calls that still ring, on the first pages of a sync. */
  ringing: (calls: NonNullable<SyncPage["callList"]>) => void;
  /** The groups the user is in, each time they change. */
  groups: (now: Membership[]) => void;
  /** Reports whether this page sent the message, and so needn't be told of it. */
  sentHere: (localMessageID: string) => boolean;
  /** Reports whether this page itself revoked or edited the message. */
  changedHere: (messageID: string) => boolean;
  wait?: (ms: number) => Promise<void>;
}

/**
 * Receiver delivers each message once and in its conversation's order: what was
 * missed from `sync`, what follows from Firestore's listeners.
 *
 * The listeners start before the sync. A conversation goes on from the inbox's
 * position; one that has none there after the sync, from the last message it had
 * before: what the sync didn't bring of it had been read. So nothing falls
 * between the two, and the position keeps anything from coming twice.
 */
export class Receiver {
  private readonly stops = new Set<Stop>();
  private readonly peers = new Map<string, PeerNews>();
  private readonly groups = new Map<string, Membership>();
  private readonly following = new Map<string, Stop>();
  private readonly floors = new Map<string, number>(); // last messages before the sync, by conversation
  private readonly changes = new Map<string, number>(); // of peers: which change was told last
  private readonly catching = new Map<string, Promise<void>>();
  private since = 0;
  private live = false;
  private stopped = false;
  private listening = false;
  private syncing: Promise<boolean> | undefined;
  private unsettled = 0;
  private settledAt: number;

  constructor(private readonly parts: ReceiverParts) {
    this.settledAt = parts.inbox.newest;
  }

  /** The newest message of which the device has all that came before, ms of the server's clock. */
  get ackedUpTo(): number {
    return this.settledAt;
  }

  /**
   * start listens and syncs. Where Firestore can't be reached what was missed
   * comes all the same, and once it can, a second sync closes the gap.
   */
  async start(serverTime: number): Promise<void> {
    this.since = serverTime - marginMs;
    const listened = Promise.all([
      this.listen<PeerNews[]>((news, failed) => this.parts.feed.peers(this.since, news, failed), (list) => this.peersChanged(list)),
      this.listen<Membership[]>((news, failed) => this.parts.feed.memberships(news, failed), (list) => this.groupsChanged(list)),
    ]).then(() => { this.listening = true; });
    await Promise.race([listened, this.wait(listenMs)]);
    const early = this.sync();
    await listened;
    if (await early || this.stopped) return;
    await this.sync();
  }

  stop(): void {
    this.stopped = true;
    for (const stop of [...this.stops.values(), ...this.following.values()]) stop();
    this.parts.inbox.flush();
  }

  /** sync fetches what was missed; where one is under way, that one does. It reports whether all that follows is live then. */
  sync(): Promise<boolean> {
    this.syncing ??= this.busy(this.syncUntilDone()).finally(() => { this.syncing = undefined; });
    return this.syncing;
  }

  private async syncUntilDone(): Promise<boolean> {
    for (let failures = 0; !this.stopped; failures++) {
      this.parts.fire("conversationSyncStateChanged", { state: ZIMConversationSyncState.Started });
      try {
        const listening = this.listening;
        await this.findFloors();
        await this.pages();
        if (this.stopped) return false;
        this.parts.fire("conversationSyncStateChanged", { state: ZIMConversationSyncState.Finished });
        if (listening) this.goLive();
        return listening;
      } catch (err) {
        if (this.stopped) return false;
        this.parts.fire("conversationSyncStateChanged", { state: ZIMConversationSyncState.Failed });
        this.failed(err);
        await this.wait(retryMs[Math.min(failures, retryMs.length - 1)]!);
      }
    }
    return false;
  }

  /** pages delivers what the cursor doesn't have. The first time what came before the login is an offline message, later what came before now. */
  private async pages(): Promise<void> {
    const { api, inbox } = this.parts;
    for (let isFirst = true, more = true; more && !this.stopped; isFirst = false) {
      let answer: SyncPage;
      try {
        answer = await api.post<SyncPage>("/sync", { cursor: inbox.cursor, count: page, ...(this.live ? {} : { onlineSince: this.since + marginMs }) });
      } catch (err) {
        // A cursor that the server doesn't know any more: start with what is unread.
        if ((err as { field?: string }).field !== "cursor" || inbox.cursor === "") throw err;
        inbox.cursor = "";
        continue;
      }
      if (this.stopped) return;
      this.deliverPage(answer.messageList);
      if (isFirst && answer.callList?.length) this.parts.ringing(answer.callList);
      inbox.passed(answer.cursor);
      more = answer.hasMore;
    }
  }

  /** deliverPage has one event for each conversation on the page. */
  private deliverPage(list: WireMessage[]): void {
    const byConversation = new Map<string, WireMessage[]>();
    for (const m of list) {
      const own = toMessage(m, this.parts.userID);
      const key = `${conversationKey(own.conversationType!, own.conversationID!)} ${m.isOfflineMessage !== false}`;
      byConversation.set(key, [...(byConversation.get(key) ?? []), m]);
    }
    for (const messages of byConversation.values()) this.deliver(messages, messages[0]!.isOfflineMessage !== false);
  }

  /** findFloors remembers the last message of the conversations that have no position yet. */
  private async findFloors(): Promise<void> {
    const { inbox, feed } = this.parts;
    for (const [key, peer] of this.peers) {
      if (inbox.position(key) === undefined && !this.floors.has(key)) this.floors.set(key, peer.lastSeq);
    }
    const unknown = [...this.groups].filter(([key]) => inbox.position(key) === undefined && !this.floors.has(key));
    await Promise.all(unknown.map(async ([key, group]) => { this.floors.set(key, await feed.lastSeq(group.cid)); }));
  }

  private goLive(): void {
    this.live = true;
    for (const [key, floor] of this.floors) {
      // A group's may be of a membership before this one.
      if (this.parts.inbox.position(key) === undefined) this.parts.inbox.advance(key, Math.max(floor, this.groups.get(key)?.joinSeq ?? 0));
    }
    this.floors.clear();
    for (const key of this.peers.keys()) this.catchUp(key);
    for (const [key, group] of this.groups) this.follow(key, group);
  }

  private peersChanged(list: PeerNews[]): void {
    for (const peer of list) {
      const key = conversationKey(ZIMConversationType.Peer, peer.conversationID);
      this.peers.set(key, peer);
      if (this.live) this.catchUp(key);
      this.lookAtChanges(key, peer);
    }
  }

  /** lookAtChanges reads what was revoked or edited in a peer conversation since the login, once for each time that something was. */
  private lookAtChanges(key: string, peer: PeerNews): void {
    const known = this.changes.get(key) ?? this.since + marginMs;
    if (peer.changedAt <= known) return;
    this.changes.set(key, peer.changedAt);
    this.parts.feed.changed(peer.cid, known).then((list) => this.tellChanges(list), (err: unknown) => {
      this.failed(err);
      this.changes.set(key, known); // until the next news of the conversation
    });
  }

  /** tellChanges tells of messages that the page had before they were revoked or edited; others come as they are now. */
  private tellChanges(list: WireMessage[]): void {
    if (this.stopped) return;
    const all = list.filter((m) => !this.parts.changedHere(m.messageID)).map((m) => toMessage(m, this.parts.userID))
      .filter((m) => m.orderKey! <= (this.parts.inbox.position(conversationKey(m.conversationType!, m.conversationID!)) ?? 0));
    const revoked = all.filter((m) => m.type === ZIMMessageType.Revoke) as ZIMRevokeMessage[];
    const edited = all.filter((m) => m.type !== ZIMMessageType.Revoke);
    if (revoked.length > 0) this.parts.fire("messageRevokeReceived", { messageList: revoked });
    if (edited.length > 0) this.parts.fire("messageEdited", { messageList: edited });
  }

  /** catchUp reads a peer conversation's messages up to the last one the listener told of, one read after the other. */
  private catchUp(key: string): void {
    if (this.catching.has(key)) return;
    const peer = this.peers.get(key)!;
    const at = this.parts.inbox.position(key);
    if (at !== undefined && at >= peer.lastSeq) return;
    // No position: the conversation's first message since the listener started, whose news are all later.
    const read = at === undefined ? this.parts.feed.since(peer.cid, this.since) : this.parts.feed.after(peer.cid, at, page);
    const caught = this.busy(read.then((list) => {
      if (this.stopped) return;
      if (list.length > 0) this.deliver(list, false);
      else this.parts.inbox.advance(key, peer.lastSeq); // expired, or gone otherwise
    })).then(() => {
      this.catching.delete(key);
      if (!this.stopped) this.catchUp(key);
    }, async (err) => {
      this.failed(err);
      await this.wait(retryMs[1]!);
      this.catching.delete(key);
      if (!this.stopped) this.catchUp(key);
    });
    this.catching.set(key, caught);
  }

  private groupsChanged(list: Membership[]): void {
    const now = new Map(list.map((group) => [conversationKey(ZIMConversationType.Group, group.groupID), group]));
    for (const key of [...this.groups.keys()].filter((key) => !now.has(key))) {
      this.groups.delete(key);
      this.following.get(key)?.();
      this.following.delete(key);
    }
    for (const [key, group] of now) {
      const known = this.groups.has(key);
      this.groups.set(key, group);
      // Who comes back to a group isn't told of what came while they weren't in it.
      if (this.parts.inbox.position(key) !== undefined) this.parts.inbox.advance(key, group.joinSeq);
      if (this.live && !known) this.follow(key, group);
    }
    this.parts.groups(list);
  }

  private follow(key: string, group: Membership): void {
    if (this.following.has(key)) return;
    let count = 0;
    const stop = this.parts.feed.follow(group.cid, this.parts.inbox.position(key) ?? group.joinSeq, (list) => {
      this.deliver(list, false);
      this.settle();
      count += list.length;
      if (count < followMost || this.following.get(key) !== stop) return;
      stop();
      this.following.delete(key);
      this.follow(key, group);
    }, (err) => {
      // No longer a member, which the memberships tell, or a failure: then try again.
      this.following.delete(key);
      void this.wait(retryMs[1]!).then(() => {
        if (this.stopped || !this.groups.has(key)) return;
        this.failed(err);
        this.follow(key, group);
      });
    }, (list) => this.tellChanges(list));
    this.following.set(key, stop);
  }

  private deliver(list: WireMessage[], isOfflineMessage: boolean): void {
    const { inbox, userID, sentHere, fire } = this.parts;
    const all = list.map((m) => toMessage(m, userID));
    const { conversationType, conversationID } = all[0]!;
    const fresh = inbox.take(conversationKey(conversationType!, conversationID!), all);
    const messageList: ZIMMessage[] = fresh.filter((m) => !sentHere(m.localMessageID!));
    if (messageList.length === 0) return;
    const older = { messageList, fromConversationID: conversationID! };
    const data = { ...older, info: { isOfflineMessage } };
    if (conversationType === ZIMConversationType.Peer) {
      fire("peerMessageReceived", data);
      fire("receivePeerMessage", older);
    } else {
      fire("groupMessageReceived", data);
      fire("receiveGroupMessage", older);
    }
  }

  /** busy keeps ackedUpTo where it is while something of earlier may still be on its way. */
  private async busy<T>(work: Promise<T>): Promise<T> {
    this.unsettled++;
    try {
      return await work;
    } finally {
      this.unsettled--;
      this.settle();
    }
  }

  private settle(): void {
    if (this.unsettled === 0) this.settledAt = this.parts.inbox.newest;
  }

  /** listen resolves with the first news. A listener that fails is dead, so another one takes its place. */
  private listen<T>(open: (news: (v: T) => void, failed: (err: unknown) => void) => Stop, news: (v: T) => void): Promise<void> {
    return new Promise((done) => {
      const start = (): void => {
        const stop = open((v) => {
          if (this.stopped) return;
          news(v);
          done();
        }, (err) => {
          this.stops.delete(stop);
          this.failed(err);
          void this.wait(retryMs[2]!).then(() => { if (!this.stopped) start(); });
        });
        this.stops.add(stop);
      };
      start();
    });
  }

  private readonly failed = (err: unknown): void => {
    if (!this.stopped) this.parts.fire("error", asError(err));
  };

  private wait(ms: number): Promise<void> {
    return this.parts.wait?.(ms) ?? new Promise((done) => { setTimeout(done, ms); });
  }
}
