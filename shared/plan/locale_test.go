package plan

import (
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// A target has its device's language where what it shows may depend on it, and
// only there, since a batch has many targets.
func TestTargetsHaveLocales(t *testing.T) {
	german := phone(func(d *device.Device) { d.Locale = "de" })
	for name, tc := range map[string]struct {
		edit     func(*push.Announcement)
		settings presence.Settings
		want     string
	}{
		"as it was sent":  {func(*push.Announcement) {}, presence.Settings{}, ""},
		"in a resource":   {func(a *push.Announcement) { a.Push.ResourcesID = "chat" }, presence.Settings{}, "de"},
		"veiled":          {func(*push.Announcement) {}, presence.Settings{Privacy: device.PrivacyGeneric}, "de"},
		"in full":         {func(*push.Announcement) {}, presence.Settings{Privacy: device.PrivacyFull}, ""},
		"silent":          {func(a *push.Announcement) { a.Push.Silent = true }, presence.Settings{Privacy: device.PrivacyID}, ""},
		"a bundle":        {func(a *push.Announcement) { *a = push.OfBundle(*a, 5, false, "first") }, presence.Settings{}, "de"},
		"a bundle of one": {func(a *push.Announcement) { *a = push.OfBundle(*a, 1, false, "first") }, presence.Settings{}, ""},
		"a summary":       {func(a *push.Announcement) { *a = push.OfHeld("bob", 5, false, nil, now, time.Hour) }, presence.Settings{}, "de"},
		"a call":          {func(a *push.Announcement) { a.Kind = push.KindCall }, presence.Settings{}, "de"},
	} {
		a := call
		tc.edit(&a)
		u := bob(german)
		u.Settings = tc.settings
		for _, d := range (Rules{}).Decide(a, Receiver{UserID: "bob", Presence: u}, now) {
			if d.Reason != Push || d.Target.Locale != tc.want {
				t.Errorf("%s: %+v, want locale %q", name, d, tc.want)
			}
			if again := (Rules{}).Recheck(a, d.Target, u, now); again.Target.Locale != tc.want {
				t.Errorf("%s: looked at again %+v", name, again)
			}
		}
	}
	rung := func(string) bool { return true }
	for _, d := range (Rules{}).Dismissal(Receiver{UserID: "bob", Presence: bob(german)}, rung, "") {
		if d.Target.Locale != "de" {
			t.Errorf("what dismisses goes to %+v", d)
		}
	}
}
