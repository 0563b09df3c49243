// The person's own rules for being rung, in their tab: which messages ring, how
// much a push shows, and nothing at all for an hour.

const hour = 3_600_000;
const $ = (id) => document.getElementById(id);

/** settings shows what the person has set, and has the server know what they change. */
export async function settings(zim, complain) {
  const draw = ({ effective }) => {
    $("level").value = effective.level;
    $("privacy").value = effective.privacy;
    $("snooze").checked = (effective.snoozedUntil ?? 0) > Date.now();
  };
  const change = (what) => zim.updateNotificationSettings(what).then(draw, complain);
  draw(await zim.queryNotificationSettings());
  $("level").addEventListener("change", (e) => change({ level: e.target.value }));
  $("privacy").addEventListener("change", (e) => change({ privacy: e.target.value }));
  $("snooze").addEventListener("change", (e) => change({ snoozedUntil: e.target.checked ? Date.now() + hour : null }));
  $("settings").hidden = false;
}
