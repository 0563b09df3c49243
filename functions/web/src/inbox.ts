import { forget, recall, remember } from "./device.js";
import type { ZIMMessage } from "./types.js";

/** How many conversations' positions are remembered: those longest without a message make room. */
const mostPositions = 1000;

interface Stored {
  cursor: string;
  acked: number;
  /** The order key up to which this device has a conversation's messages, the latest to change last. */
  positions: [string, number][];
}

/**
 * Inbox is what this device has already: a cursor of `sync`, and how far it has
 * each conversation. Order keys count a conversation's messages without gaps, so
 * a message is new exactly if it lies beyond the position, whichever way it came.
 */
export class Inbox {
  cursor = "";
  /** The time of the newest message that arrived, ms of the server's clock. */
  newest = 0;
  private readonly positions = new Map<string, number>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly key: string) {
    this.load();
  }

  position(conversation: string): number | undefined {
    return this.positions.get(conversation);
  }

  /** advance moves a position forward; it never moves back. */
  advance(conversation: string, orderKey: number): void {
    const at = this.positions.get(conversation);
    if (at !== undefined && at >= orderKey) return;
    this.positions.delete(conversation);
    this.positions.set(conversation, orderKey);
    if (this.positions.size > mostPositions) this.positions.delete(this.positions.keys().next().value!);
    this.save();
  }

  /** take is those of a conversation's messages that are new, in order. From now on they are not. */
  take(conversation: string, messages: ZIMMessage[]): ZIMMessage[] {
    const fresh: ZIMMessage[] = [];
    for (const m of [...messages].sort((a, b) => a.orderKey! - b.orderKey!)) {
      if (m.orderKey! <= (this.positions.get(conversation) ?? 0)) continue;
      this.advance(conversation, m.orderKey!);
      this.newest = Math.max(this.newest, m.timestamp ?? 0);
      fresh.push(m);
    }
    return fresh;
  }

  /** passed is for a page of `sync` that was delivered. */
  passed(cursor: string): void {
    this.cursor = cursor;
    this.save();
  }

  /** flush writes what there is to write now. */
  flush(): void {
    if (this.timer === undefined) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    const stored: Stored = { cursor: this.cursor, acked: this.newest, positions: this.merged() };
    remember(this.key, JSON.stringify(stored));
  }

  clear(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    forget(this.key);
  }

  private save(): void {
    this.timer ??= setTimeout(() => this.flush(), 500);
  }

  private load(): void {
    const { cursor, acked, positions } = this.stored();
    this.cursor = cursor;
    this.newest = acked;
    for (const [conversation, at] of positions) this.positions.set(conversation, at);
  }

  /**
   * merged is the positions to write: also what another tab of the same user wrote.
   * This tab's own stay as they are, since it still has to tell its page of what
   * the other one was told of.
   */
  private merged(): [string, number][] {
    const all = new Map(this.stored().positions);
    for (const [conversation, at] of this.positions) {
      const theirs = all.get(conversation) ?? 0;
      all.delete(conversation);
      all.set(conversation, Math.max(at, theirs));
    }
    return [...all].slice(-mostPositions);
  }

  private stored(): Stored {
    try {
      const v = JSON.parse(recall(this.key)) as Stored;
      if (typeof v.cursor === "string" && typeof v.acked === "number" && Array.isArray(v.positions)) return v;
    } catch {
      // Nothing there, or nothing of ours.
    }
    return { cursor: "", acked: 0, positions: [] };
  }
}

/** conversationKey names a conversation as its user knows it. */
export function conversationKey(type: number, conversationID: string): string {
  return `${type}:${conversationID}`;
}
