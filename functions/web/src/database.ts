// The database that the page and the service worker share. Each call opens it
// anew: a worker lives for seconds, and a page calls rarely.
import { databaseName, type StashedClick, type WorkerSettings } from "./push.js";

/** What became of a push on this device. */
export interface Receipt {
  id: string;
  kind: string;
  event: "arrived" | "shown" | "clicked" | "dropped";
  /** ms of the server's clock. */
  at: number;
  reason?: string;
}

/** A receipt that waits to be told, and the token of whose push it is of: by the time it is told another user may be logged in. */
export interface Waiting extends Receipt {
  token: string;
}

/** A push that came before. */
export interface Seen {
  key: string;
  id: string;
  kind: string;
  at: number;
  expiresAt: number;
}

/** The oldest make room. */
const mostReceipts = 500;
const mostSeen = 1000;

export class Database {
  constructor(private readonly scope: string) {}

  settings(): Promise<WorkerSettings | undefined> {
    return this.run<WorkerSettings | undefined>("kept", "readonly", (store) => store.get("settings"));
  }

  async setSettings(settings: WorkerSettings): Promise<void> {
    await this.run("kept", "readwrite", (store) => store.put(settings, "settings"));
  }

  async stash(click: StashedClick): Promise<void> {
    await this.run("kept", "readwrite", (store) => store.put(click, "click"));
  }

  /** takeClick is the click that was stashed, once. */
  takeClick(): Promise<StashedClick | undefined> {
    return this.run<StashedClick | undefined>("kept", "readwrite", (store) => {
      const found = store.get("click");
      store.delete("click");
      return found;
    });
  }

  /** first notes a push and reports whether it is the first with its key. */
  async first(seen: Seen): Promise<boolean> {
    const known = await this.run<Seen | undefined>("seen", "readwrite", (store) => {
      const found = store.get(seen.key);
      found.onsuccess = () => { if (!found.result) store.put(seen); };
      return found;
    });
    if (!known) await this.prune("seen", mostSeen);
    return !known;
  }

  /** about is the pushes that came about one thing. */
  about(id: string): Promise<Seen[]> {
    return this.run<Seen[]>("seen", "readonly", (store) => store.index("id").getAll(id));
  }

  async addReceipts(receipts: Waiting[]): Promise<void> {
    for (const receipt of receipts) await this.run("receipts", "readwrite", (store) => store.add(receipt));
    await this.prune("receipts", mostReceipts);
  }

  /** receipts is up to most of those waiting, the oldest first, and the keys to remove them by. */
  async receipts(most: number): Promise<{ keys: IDBValidKey[]; list: Waiting[] }> {
    const keys = await this.run<IDBValidKey[]>("receipts", "readonly", (store) => store.getAllKeys(undefined, most));
    const list = await this.run<Waiting[]>("receipts", "readonly", (store) => store.getAll(undefined, most));
    const n = Math.min(keys.length, list.length);
    return { keys: keys.slice(0, n), list: list.slice(0, n) };
  }

  async removeReceipts(keys: IDBValidKey[]): Promise<void> {
    for (const key of keys) await this.run("receipts", "readwrite", (store) => store.delete(key));
  }

  private async prune(name: string, most: number): Promise<void> {
    const count = await this.run<number>(name, "readonly", (store) => store.count());
    if (count <= most) return;
    const keys = await this.run<IDBValidKey[]>(name, "readonly", (store) => (name === "seen" ? store.index("at") : store).getAllKeys(undefined, count - most) as IDBRequest<IDBValidKey[]>);
    // An index gives its records' primary keys.
    for (const key of keys) await this.run(name, "readwrite", (store) => store.delete(key));
  }

  private async run<T = unknown>(name: string, mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest): Promise<T> {
    const db = await this.open();
    try {
      return await new Promise<T>((done, failed) => {
        const tx = db.transaction(name, mode);
        const request = act(tx.objectStore(name));
        tx.oncomplete = () => done(request.result as T);
        tx.onerror = tx.onabort = () => failed(tx.error);
      });
    } finally {
      db.close();
    }
  }

  private open(): Promise<IDBDatabase> {
    return new Promise((done, failed) => {
      const request = indexedDB.open(databaseName(this.scope), 1);
      request.onupgradeneeded = () => {
        const db = request.result;
        db.createObjectStore("kept");
        db.createObjectStore("receipts", { autoIncrement: true });
        const seen = db.createObjectStore("seen", { keyPath: "key" });
        seen.createIndex("id", "id");
        seen.createIndex("at", "at");
      };
      request.onsuccess = () => done(request.result);
      request.onerror = () => failed(request.error);
    });
  }
}
