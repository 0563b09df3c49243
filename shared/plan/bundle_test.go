package plan

import (
	"reflect"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

func TestBundle(t *testing.T) {
	minute := 60
	soon, over := now.Add(time.Second), now.Add(-time.Second)
	with := func(edit func(*push.Announcement)) push.Announcement {
		a := seventh
		a.ID, a.CreatedAt = "m7", 5
		edit(&a)
		return a
	}
	same := func(*push.Announcement) {}
	begins := &presence.Burst{Tag: "m7", Since: 5, Until: now.Add(time.Minute).UTC()}
	running := presence.Burst{Tag: "m1", Since: 1, Until: soon}
	held := presence.Burst{Tag: "m1", Since: 1, Until: soon, Held: true}
	for name, tc := range map[string]struct {
		a        push.Announcement
		burst    presence.Burst
		read     int64
		insisted bool
		off      bool
		want     Reason
		note     *presence.Burst
	}{
		"off":                         {a: with(same), burst: held, off: true},
		"the first":                   {a: with(same), note: begins},
		"after one that is over":      {a: with(same), burst: presence.Burst{Tag: "m1", Until: over}, note: begins},
		"the second":                  {a: with(same), burst: running, want: Bundled, note: &held},
		"the third":                   {a: with(same), burst: held, want: Bundled},
		"late, and not told of yet":   {a: with(same), burst: presence.Burst{Tag: "m1", Until: over, Held: true}, want: Bundled},
		"while it is told of":         {a: with(same), burst: presence.Burst{Tag: "m1", Until: soon, Telling: true}, want: Bundled, note: &presence.Burst{Tag: "m1", Until: soon, Telling: true, Held: true}},
		"the first, again":            {a: with(func(a *push.Announcement) { a.ID = "m1" }), burst: running},
		"the first, again, with more": {a: with(func(a *push.Announcement) { a.ID = "m1" }), burst: held},
		"read what rang":              {a: with(same), burst: running, read: 6, note: begins},
		"read some":                   {a: with(same), burst: running, read: 5, want: Bundled, note: &held},
		"read, and some is to come":   {a: with(same), burst: held, read: 6, want: Bundled},
		"a mention that insists":      {a: with(same), burst: running, insisted: true},
		"priority 3":                  {a: with(func(a *push.Announcement) { a.Priority = chat.High }), burst: running},
		"a collapseID":                {a: with(func(a *push.Announcement) { a.Collapse = "x" }), burst: running},
		"silent":                      {a: with(func(a *push.Announcement) { a.Push.Silent = true }), burst: running},
		"a call":                      {a: with(func(a *push.Announcement) { a.Kind = push.KindCall }), burst: running},
		"of another conversation":     {a: with(func(a *push.Announcement) { a.CID = "other" }), burst: held, note: begins},
	} {
		u := bob(phone(), phone(web, online))
		u.Bursts = map[string]presence.Burst{"c": tc.burst}
		if tc.read > 0 {
			read(tc.read, u)
		}
		rules := Rules{Defaults: presence.Settings{BundleSeconds: &minute}}
		if tc.off {
			rules = Rules{}
		}
		r := Receiver{UserID: "bob", Presence: u, Insisted: tc.insisted}
		decided := rules.Decide(tc.a, r, now)
		got := rules.Bundle(tc.a, r, decided, now)
		if len(got) != 2 || got[0].Reason != tc.want || got[1].Reason != Online || (got[0].Target.Value == "") != (tc.want == Bundled) {
			t.Errorf("%s: %+v", name, got)
			continue
		}
		if !reflect.DeepEqual(got[0].Burst, tc.note) || got[1].Burst != nil {
			t.Errorf("%s: notes %+v, want %+v", name, got[0].Burst, tc.note)
		}
	}
}

// Who isn't rung has no burst; and of the devices that are, one has the note.
func TestBundleOfDevices(t *testing.T) {
	minute := 60
	rules := Rules{Defaults: presence.Settings{BundleSeconds: &minute}}
	for name, u := range map[string]*presence.User{"nobody known": nil, "no device": bob(), "online": bob(phone(online)), "read": read(7, bob(phone()))} {
		r := Receiver{UserID: "bob", Presence: u}
		for _, d := range rules.Bundle(seventh, r, rules.Decide(seventh, r, now), now) {
			if d.Burst != nil || d.Reason == Bundled || d.Reason == Push {
				t.Errorf("%s: %+v", name, d)
			}
		}
	}
	r := Receiver{UserID: "bob", Presence: bob(phone(), phone(web))}
	got := rules.Bundle(seventh, r, rules.Decide(seventh, r, now), now)
	if len(got) != 2 || got[0].Burst == nil || got[1].Burst != nil {
		t.Errorf("%+v", got)
	}
	// More bursts than a user may have: each message rings by itself.
	r.Presence.Bursts = map[string]presence.Burst{}
	for i := range presence.MaxBursts {
		r.Presence.Bursts[string(rune('A'+i))] = presence.Burst{Until: now.Add(time.Second)}
	}
	for _, d := range rules.Bundle(seventh, r, rules.Decide(seventh, r, now), now) {
		if d.Burst != nil || d.Reason != Push {
			t.Errorf("without room: %+v", d)
		}
	}
}
