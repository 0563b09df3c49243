import type { Database, Receipt, Waiting } from "../database.js";
import type { WorkerSettings } from "../push.js";

const batch = 100;
export const syncTag = "doorbell-receipts";

/** What Receipts needs of the worker; tests replace it. */
export interface Sender {
  fetch: (url: string, init: RequestInit) => Promise<{ ok: boolean; status: number }>;
  /** Has the browser wake the worker once there is a network. */
  later: () => Promise<void>;
}

/** Receipts tells the server what became of each push. What can't be told now waits in the database. */
export class Receipts {
  constructor(private readonly database: Database, private readonly sender: Sender) {}

  async add(settings: WorkerSettings | undefined, receipts: Receipt[]): Promise<void> {
    if (!settings?.receiptsURL || !settings.receiptToken) return;
    await this.database.addReceipts(receipts.map((r) => ({ ...r, at: Math.round(r.at), token: settings.receiptToken })));
    await this.flush(settings);
  }

  /** flush posts what waits, the oldest first. Posting twice is safe: of each event the server keeps the earliest time. */
  async flush(settings: WorkerSettings | undefined): Promise<void> {
    if (!settings?.receiptsURL) return;
    for (;;) {
      const { keys, list } = await this.database.receipts(batch);
      const token = list[0]?.token;
      if (token === undefined) return;
      const others = list.findIndex((r) => r.token !== token);
      const n = others < 0 ? list.length : others;
      const told = await this.post(settings.receiptsURL, token, list.slice(0, n));
      if (!told) {
        await this.sender.later();
        return;
      }
      await this.database.removeReceipts(keys.slice(0, n));
    }
  }

  /** post reports whether the server has taken the receipts, or never will. */
  private async post(url: string, token: string, waiting: Waiting[]): Promise<boolean> {
    try {
      const answer = await this.sender.fetch(url, {
        method: "POST",
        headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
        credentials: "omit",
        body: JSON.stringify({ receipts: waiting.map(({ token: _, ...receipt }) => receipt) }),
      });
      return answer.ok || (answer.status >= 400 && answer.status < 500 && answer.status !== 408 && answer.status !== 429);
    } catch {
      return false;
    }
  }
}
