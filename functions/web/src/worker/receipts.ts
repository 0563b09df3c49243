import type { Database, Receipt } from "../database.js";
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
    if (!settings?.receiptsURL) return;
    await this.database.addReceipts(receipts);
    await this.flush(settings);
  }

  /** flush posts what waits. Posting twice is safe: a receipt names its push, event and time. */
  async flush(settings: WorkerSettings | undefined): Promise<void> {
    if (!settings?.receiptsURL) return;
    for (;;) {
      const { keys, list } = await this.database.receipts(batch);
      if (list.length === 0) return;
      const told = await this.post(settings, list);
      if (!told) {
        await this.sender.later();
        return;
      }
      await this.database.removeReceipts(keys);
    }
  }

  /** post reports whether the server has taken the receipts, or never will. */
  private async post(settings: WorkerSettings, receipts: Receipt[]): Promise<boolean> {
    try {
      const answer = await this.sender.fetch(settings.receiptsURL, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        credentials: "omit",
        body: JSON.stringify({ pushID: settings.pushID, receipts }),
      });
      return answer.ok || (answer.status >= 400 && answer.status < 500 && answer.status !== 408 && answer.status !== 429);
    } catch {
      return false;
    }
  }
}
