// The person's own rules for being rung, in their tab: which messages ring, how
// much a push shows, nothing at all for an hour, and quiet hours every day.

const hour = 3_600_000;
const weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const $ = (id) => document.getElementById(id);

/** settings shows what the person has set, and has the server know what they change. */
export async function settings(zim, complain) {
  const draw = ({ effective }) => {
    $("level").value = effective.level;
    $("privacy").value = effective.privacy;
    $("snooze").checked = (effective.snoozedUntil ?? 0) > Date.now();
    const quiet = effective.quiet?.weekdays.length ? effective.quiet : null;
    $("quiet").checked = Boolean(quiet);
    $("quiet-summary").checked = Boolean(quiet?.summary);
    if (quiet) [$("quiet-from").value, $("quiet-to").value] = [quiet.from, quiet.to];
  };
  const change = (what) => zim.updateNotificationSettings(what).then(draw, complain);
  draw(await zim.queryNotificationSettings());
  $("level").addEventListener("change", (e) => change({ level: e.target.value }));
  $("privacy").addEventListener("change", (e) => change({ privacy: e.target.value }));
  $("snooze").addEventListener("change", (e) => change({ snoozedUntil: e.target.checked ? Date.now() + hour : null }));
  const quiet = () => ({
    weekdays: $("quiet").checked ? weekdays : [], from: $("quiet-from").value, to: $("quiet-to").value,
    summary: $("quiet-summary").checked, timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  });
  for (const id of ["quiet", "quiet-from", "quiet-to", "quiet-summary"]) {
    $(id).addEventListener("change", () => { if ($("quiet-from").value && $("quiet-to").value) change({ quiet: quiet() }); });
  }
  $("settings").hidden = false;
}
