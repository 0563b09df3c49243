// The notifications of this browser that have done their work: what the person
// answered or read here needs no notification any more.
import type { Settings } from "./config.js";
import type { ShownData } from "./push.js";

/** closeShown closes the notifications that match. Where there is no worker, or it can't be asked, there is nothing to close. */
export async function closeShown(settings: Settings, matches: (extra: Record<string, string>) => boolean): Promise<void> {
  if (!("serviceWorker" in navigator)) return;
  try {
    const registration = await navigator.serviceWorker.getRegistration(settings.serviceWorker.scope);
    for (const shown of await registration?.getNotifications() ?? []) {
      const extra = (shown.data as ShownData | undefined)?.message?.extra;
      if (extra && matches(extra)) shown.close();
    }
  } catch {
    // Notifications are blocked, or the worker is gone.
  }
}
