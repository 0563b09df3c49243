// What the SDK listens to in Firestore, under the security rules.
import {
  collection, collectionGroup, doc, getDoc, getDocs, limit, onSnapshot, orderBy, query, Timestamp, where, type DocumentData, type Firestore, type Query,
  type QueryDocumentSnapshot,
} from "firebase/firestore";

import type { WireMessage } from "./message.js";

/** A peer conversation with something in it. */
export interface PeerNews {
  conversationID: string;
  cid: string;
  lastSeq: number;
  /** When one of its messages was revoked or edited last, ms of the server's clock; 0 for never. */
  changedAt: number;
}

/** The user's membership of a group. */
export interface Membership {
  groupID: string;
  cid: string;
  role: number;
  joinSeq: number;
}

/** A call's document. */
export interface CallDocument {
  callID: string;
  caller: string;
  mode: number;
  state: number;
  createTime: number;
  timeout: number;
  extendedData?: string;
  endTime?: number;
  endedBy?: string;
  users: Record<string, { state: number; extendedData?: string; inviter?: string; gen?: number; expiresAt?: number }>;
  rev: number;
}

export type Stop = () => void;
export type Failed = (err: unknown) => void;

/** Feed is Firestore as one user reads it. Every listener is called once soon with what there is, however little. */
export interface Feed {
  /** Peer conversations with a message later than since, ms of the server's clock; in news, those that changed at least. */
  peers(since: number, news: (list: PeerNews[]) => void, failed: Failed): Stop;
  /** The groups the user is in, all of them each time. */
  memberships(news: (list: Membership[]) => void, failed: Failed): Stop;
  /** A conversation's messages beyond an order key, in order, as they come; and those of them that are revoked or edited then. */
  follow(cid: string, after: number, news: (list: WireMessage[]) => void, failed: Failed, changed: (list: WireMessage[]) => void): Stop;
  /** Up to most of a conversation's messages beyond an order key, in order. */
  after(cid: string, after: number, most: number): Promise<WireMessage[]>;
  /** A conversation's messages later than since, ms of the server's clock, in order. */
  since(cid: string, since: number): Promise<WireMessage[]>;
  /** A conversation's messages that were revoked or edited later than since, ms of the server's clock, in the order of that. */
  changed(cid: string, since: number): Promise<WireMessage[]>;
  /** The order key of a conversation's last message, 0 for none. */
  lastSeq(cid: string): Promise<number>;
  /** The user's calls that began later than since, ms of the server's clock, as they change. */
  calls(since: number, news: (list: CallDocument[]) => void, failed: Failed): Stop;
}

const sinceMost = 500;
/** More than a user of the emulator has of anything. */
const lookMost = 10_000;

export class FirestoreFeed implements Feed {
  /**
   * emulated is for the emulator. What is written between its run of a query and
   * its watch on it no listener there is told of, though the first answer says it
   * is complete as of later. So each listener's query is run once more after that.
   */
  constructor(private readonly db: Firestore, private readonly userID: string, private readonly emulated = false) {}

  peers(since: number, news: (list: PeerNews[]) => void, failed: Failed): Stop {
    const wanted = query(collection(this.db, "conversations"),
      where("members", "array-contains", this.userID), where("lastAt", ">", Timestamp.fromMillis(since)), orderBy("lastAt", "desc"));
    return this.listen(wanted, (docs) => news(docs.map((d) => ({
      cid: d.id,
      conversationID: (d.get("members") as string[]).find((id) => id !== this.userID) ?? this.userID,
      lastSeq: d.get("lastSeq") as number,
      changedAt: (d.get("changedAt") as number | undefined) ?? 0,
    }))), failed);
  }

  memberships(news: (list: Membership[]) => void, failed: Failed): Stop {
    return this.listen(query(collectionGroup(this.db, "members"), where("userID", "==", this.userID)), (docs) => news(docs.map((d) => ({
      cid: d.ref.parent.parent!.id,
      groupID: d.get("groupID") as string,
      role: d.get("role") as number,
      joinSeq: (d.get("joinSeq") as number | undefined) ?? 0,
    }))), failed);
  }

  follow(cid: string, after: number, news: (list: WireMessage[]) => void, failed: Failed, changed: (list: WireMessage[]) => void): Stop {
    let given = after;
    const told = new Map<string, number>(); // which change of a message the receiver knows
    return this.listen(query(this.messages(cid), where("orderKey", ">", after), orderBy("orderKey")), (docs) => {
      const all = docs.map(wire);
      const fresh = all.filter((m) => m.orderKey > given);
      const other = all.filter((m) => m.orderKey <= given && (m.changedAt ?? 0) > (told.get(m.messageID) ?? 0));
      for (const m of all) if (m.changedAt) told.set(m.messageID, m.changedAt);
      if (other.length > 0) changed(other);
      given = fresh.at(-1)?.orderKey ?? given;
      if (fresh.length > 0) news(fresh);
    }, failed);
  }

  async after(cid: string, after: number, most: number): Promise<WireMessage[]> {
    const found = await getDocs(query(this.messages(cid), where("orderKey", ">", after), orderBy("orderKey"), limit(most)));
    return found.docs.map(wire);
  }

  async since(cid: string, since: number): Promise<WireMessage[]> {
    const found = await getDocs(query(this.messages(cid), where("timestamp", ">", since), orderBy("timestamp"), limit(sinceMost)));
    return found.docs.map(wire);
  }

  async changed(cid: string, since: number): Promise<WireMessage[]> {
    const found = await getDocs(query(this.messages(cid), where("changedAt", ">", since), orderBy("changedAt"), limit(sinceMost)));
    return found.docs.map(wire);
  }

  async lastSeq(cid: string): Promise<number> {
    const found = await getDoc(doc(this.db, "conversations", cid));
    return (found.get("lastSeq") as number | undefined) ?? 0;
  }

  calls(since: number, news: (list: CallDocument[]) => void, failed: Failed): Stop {
    const wanted = query(collection(this.db, "calls"),
      where("members", "array-contains", this.userID), where("createTime", ">", since), orderBy("createTime", "desc"));
    return this.listen(wanted, (docs) => news(docs.map((d) => d.data() as CallDocument)), failed);
  }

  private messages(cid: string) {
    return collection(this.db, "conversations", cid, "messages");
  }

  /**
   * listen gives all that a query finds, each time it is known to be complete.
   * What Firestore shows while it isn't connected comes out of its cache: that may
   * be nothing where there is something, or a later message without an earlier one.
   */
  private listen(wanted: Query, news: (docs: QueryDocumentSnapshot<DocumentData>[]) => void, failed: Failed): Stop {
    let answers = 0;
    const stop = onSnapshot(wanted, { includeMetadataChanges: true }, (all) => {
      if (all.metadata.fromCache) return;
      news(all.docs);
      if (++answers > 1 || !this.emulated) return;
      // With a limit it is another query, or the listener's own answer would do for it.
      getDocs(query(wanted, limit(lookMost))).then(({ docs }) => { if (answers === 1) news(docs); }, () => { /* the listener says what is wrong */ });
    }, failed);
    return () => {
      answers = Infinity;
      stop();
    };
  }
}

function wire(d: QueryDocumentSnapshot<DocumentData>): WireMessage {
  return d.data() as WireMessage;
}
