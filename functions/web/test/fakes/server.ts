// A server in memory, as far as receiving goes: conversations with gapless order
// keys, `sync` by a cursor, and Firestore's listeners, each with latency.
import type { Failed, Feed, Membership, PeerNews, Stop } from "../../src/feed.js";
import type { WireMessage } from "../../src/message.js";
import type { SyncPage } from "../../src/receiver.js";
import type { Clock } from "./clock.js";

interface Conversation {
  cid: string;
  type: number;
  id: string; // as the user knows it
  messages: WireMessage[];
  lastAt: number;
  changedAt: number;
  joinSeq: number;
  member: boolean;
  read: number;
}

type Changed = (c: Conversation) => void;

export class Server {
  readonly conversations = new Map<string, Conversation>();
  readonly userID = "me";
  /** Reports whether the next thing goes wrong. */
  breaks: () => boolean = () => false;
  private readonly watchers = new Set<Changed>();
  reads = 0;

  constructor(private readonly clock: Clock, private readonly latency: () => number) {}

  add(type: number, id: string, member = true): Conversation {
    const c = { cid: `${type}-${id}`, type, id, messages: [], lastAt: 0, changedAt: 0, joinSeq: 0, member, read: 0 };
    this.conversations.set(c.cid, c);
    return c;
  }

  join(c: Conversation): void {
    c.member = true;
    c.joinSeq = c.messages.length;
    this.changed(c);
  }

  leave(c: Conversation): void {
    c.member = false;
    this.changed(c);
  }

  send(c: Conversation, from: string, localMessageID: string, skewMs = 0): WireMessage {
    const timestamp = Math.max(this.clock.now + skewMs, c.lastAt + 1);
    const orderKey = c.messages.length + 1;
    const m: WireMessage = {
      messageID: `${c.cid}/${orderKey}`, localMessageID, type: 1, message: String(orderKey), senderUserID: from,
      conversationID: c.type === 2 ? c.id : from === this.userID ? c.id : this.userID,
      conversationType: c.type, timestamp, orderKey,
    };
    c.messages.push(m);
    c.lastAt = timestamp;
    this.changed(c);
    return m;
  }

  /** change revokes or edits a message. */
  change(c: Conversation, orderKey: number, to: Partial<WireMessage>): void {
    c.changedAt = Math.max(this.clock.now, c.changedAt + 1);
    Object.assign(c.messages[orderKey - 1]!, to, { changedAt: c.changedAt });
    this.changed(c);
  }

  /** post is POST sync. Its cursor has the order keys of everything before; no cursor: what is unread. */
  post = async (path: string, body: object): Promise<never> => {
    const { cursor, count } = body as { cursor: string; count: number };
    if (path !== "/sync") throw new Error(path);
    await this.clock.sleep(this.latency());
    if (this.breaks()) throw new Error("sync is broken");
    const at: Record<string, number> = cursor ? JSON.parse(cursor) as Record<string, number> : {};
    const visible = [...this.conversations.values()].filter((c) => c.member);
    const missed = visible.flatMap((c) => {
      const from = Math.max(at[c.cid] ?? (cursor ? 0 : c.read), c.joinSeq);
      return c.messages.filter((m) => m.orderKey > from).map((m) => ({ c, m }));
    }).sort((a, b) => a.m.timestamp - b.m.timestamp || a.m.orderKey - b.m.orderKey);
    const page = missed.slice(0, count);
    const hasMore = missed.length > page.length;
    for (const { c, m } of page) at[c.cid] = m.orderKey;
    if (!hasMore) for (const c of visible) at[c.cid] = c.messages.length;
    if (hasMore && !cursor) for (const c of visible) at[c.cid] ??= c.read;
    await this.clock.sleep(this.latency());
    const answer: SyncPage = { messageList: page.map(({ m }) => ({ ...m, isOfflineMessage: true })), cursor: JSON.stringify(at), hasMore };
    return answer as never;
  };

  feed(): Feed {
    return {
      peers: (since, news, failed) => this.watch((c) => c.type === 0 && c.lastAt > since, (list) => news(list.map((c): PeerNews => ({ cid: c.cid, conversationID: c.id, lastSeq: c.messages.length, changedAt: c.changedAt }))), failed),
      memberships: (news, failed) => this.watch((c) => c.type === 2, () => news(this.groups()), failed, true),
      changed: (cid, since) => this.read(() => this.conversations.get(cid)!.messages.filter((m) => (m.changedAt ?? 0) > since)),
      follow: (cid, after, news, failed, changed) => {
        const c = this.conversations.get(cid)!;
        let at = after;
        const told = new Map<string, number>();
        return this.watch((changed) => changed === c, () => {
          const other = c.messages.filter((m) => m.orderKey > after && m.orderKey <= at && (m.changedAt ?? 0) > (told.get(m.messageID) ?? 0));
          const list = c.messages.filter((m) => m.orderKey > at);
          for (const m of c.messages) told.set(m.messageID, m.changedAt ?? 0);
          if (other.length > 0) changed(other.map((m) => ({ ...m })));
          at = c.messages.length;
          this.reads += list.length;
          if (list.length > 0) news(list);
        }, failed, false, true);
      },
      after: (cid, after, most) => this.read(() => this.conversations.get(cid)!.messages.filter((m) => m.orderKey > after).slice(0, most)),
      since: (cid, since) => this.read(() => this.conversations.get(cid)!.messages.filter((m) => m.timestamp > since)),
      lastSeq: (cid) => this.read(() => this.conversations.get(cid)!.messages.length),
      calls: () => () => {},
    };
  }

  private groups(): Membership[] {
    return [...this.conversations.values()].filter((c) => c.type === 2 && c.member).map(({ cid, id, joinSeq }) => ({ cid, groupID: id, role: 3, joinSeq }));
  }

  private async read<T>(what: () => T): Promise<T> {
    await this.clock.sleep(this.latency());
    if (this.breaks()) throw new Error("a read is broken");
    this.reads++;
    return what();
  }

  private changed(c: Conversation): void {
    for (const watcher of this.watchers) watcher(c);
  }

  /** watch calls back with what there is and then, in order, with what changes; a listener that breaks says nothing more. */
  private watch(wanted: (c: Conversation) => boolean, news: (list: Conversation[]) => void, failed: Failed, always = false, denies = false): Stop {
    let alive = true;
    let turn = Promise.resolve();
    const give = (list: Conversation[]): void => {
      // Firestore ends the listener of who may no longer read.
      const denied = denies && list.some((c) => wanted(c) && !c.member);
      turn = turn.then(() => this.clock.sleep(this.latency())).then(() => {
        if (!alive) return;
        if (denied || this.breaks()) {
          stop();
          failed(new Error("a listener is broken"));
        } else {
          news(list.filter(wanted));
        }
      });
    };
    const watcher: Changed = (c) => { if (always ? c.type === 2 : wanted(c)) give([c]); };
    const stop: Stop = () => {
      alive = false;
      this.watchers.delete(watcher);
    };
    this.watchers.add(watcher);
    give([...this.conversations.values()]);
    return stop;
  }
}
