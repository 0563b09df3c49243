// What this browser remembers from one page to the next, per name (see
// DoorbellConfig). Where storage is blocked it remembers for the page's life.

const memory = new Map<string, string>();

export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
    memory.delete(key);
  } catch {
    memory.set(key, value); // blocked or full
  }
}

export function recall(key: string): string {
  try {
    return localStorage.getItem(key) ?? memory.get(key) ?? "";
  } catch {
    return memory.get(key) ?? "";
  }
}

export function forget(key: string): void {
  memory.delete(key);
  try {
    localStorage.removeItem(key);
  } catch {
    // Blocked.
  }
}

/** storageKey names something remembered for a name. */
export function storageKey(name: string, what: string): string {
  return name ? `doorbell:${name}:${what}` : `doorbell:${what}`;
}

/** deviceID is this installation's ID: the same on every start, and for every user of the name. */
export function deviceID(name: string): string {
  const key = storageKey(name, "deviceID");
  const known = recall(key);
  if (known) return known;
  const made = randomID();
  remember(key, made);
  return recall(key) || made;
}

/** randomID is 128 random bits as 32 hexadecimal digits. */
export function randomID(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");
}
