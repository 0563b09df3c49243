/** A clock that only moves when nothing is left to do, so that a simulation of hours takes no time. */
export class Clock {
  now: number;
  private readonly queue: { at: number; n: number; wake: () => void }[] = [];
  private n = 0;

  constructor(now = 1_700_000_000_000) {
    this.now = now;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((wake) => { this.queue.push({ at: this.now + ms, n: this.n++, wake }); });
  }

  /** run lets time pass, all of it until ms from now. */
  async run(ms: number): Promise<void> {
    const end = this.now + ms;
    for (;;) {
      await settled();
      this.queue.sort((a, b) => a.at - b.at || a.n - b.n);
      if (!this.queue[0] || this.queue[0].at > end) break;
      const next = this.queue.shift()!;
      this.now = Math.max(this.now, next.at);
      next.wake();
    }
    this.now = end;
  }
}

/** settled resolves once promises have run as far as they can without a timer. */
export function settled(): Promise<void> {
  return new Promise((done) => { setImmediate(done); });
}

/** A repeatable source of chance (mulberry32). */
export function chance(seed: number): (below: number) => number {
  let s = seed;
  return (below) => {
    s = (s + 0x6d2b79f5) | 0;
    let t = Math.imul(s ^ (s >>> 15), 1 | s);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below);
  };
}
