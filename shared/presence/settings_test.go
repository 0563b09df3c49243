package presence_test

import (
	"errors"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/presence"
)

const (
	all      = presence.LevelAll
	mentions = presence.LevelMentions
	none     = presence.LevelNone
)

// changeOf is a change as a client sends it.
func changeOf(t testing.TB, body string) (c presence.SettingsChange) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), &c, json.RejectUnknownMembers(true)); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return c
}

func TestOver(t *testing.T) {
	levels := func(all, peer, group presence.Level) presence.Settings {
		return presence.Settings{Level: all, PeerLevel: peer, GroupLevel: group}
	}
	for name, tc := range map[string]struct{ own, defaults, want presence.Settings }{
		"nothing":                       {levels("", "", ""), levels("", "", ""), levels(all, all, all)},
		"the operator's":                {levels("", "", ""), levels(none, all, mentions), levels(none, all, mentions)},
		"the operator's, for all":       {levels("", "", ""), levels(none, "", ""), levels(none, none, none)},
		"one's own":                     {levels(none, all, mentions), levels(all, none, none), levels(none, all, mentions)},
		"one's own for all beats all":   {levels(none, "", ""), levels(all, all, all), levels(none, none, none)},
		"one's own for a type, no more": {levels("", mentions, ""), levels(none, all, all), levels(none, mentions, all)},
	} {
		tc.want.Privacy = device.PrivacyFull
		if got := tc.own.Over(tc.defaults); got != tc.want {
			t.Errorf("%s: %+v, want %+v", name, got, tc.want)
		}
	}
	for _, tc := range [][3]device.Privacy{{"", "", "full"}, {"", "id", "id"}, {"sender", "id", "sender"}, {"full", "generic", "full"}} {
		if got := (presence.Settings{Privacy: tc[0]}).Over(presence.Settings{Privacy: tc[1]}).Privacy; got != tc[2] {
			t.Errorf("privacy %q over %q: %q", tc[0], tc[1], got)
		}
	}
	snoozed := presence.Settings{SnoozedUntil: 5}
	if got := snoozed.Over(presence.Settings{}).SnoozedUntil; got != 5 {
		t.Errorf("snoozed until %d", got)
	}
}

func TestSnoozedAt(t *testing.T) {
	s := presence.Settings{SnoozedUntil: start.UnixMilli()}
	if s.SnoozedAt(start) || !s.SnoozedAt(start.Add(-time.Millisecond)) || (presence.Settings{}).SnoozedAt(start) {
		t.Error("a snooze ends at its time, and doesn't begin by itself")
	}
}

func TestSettingsCheck(t *testing.T) {
	for body, field := range map[string]string{
		`{"level":"some"}`: "level", `{"level":"All"}`: "level", `{"peerLevel":"x"}`: "peerLevel", `{"groupLevel":"x"}`: "groupLevel",
		`{"snoozedUntil":-1}`: "snoozedUntil",
		`{"privacy":"none"}`:  "privacy", `{"deviceID":"d","devicePrivacy":"none"}`: "devicePrivacy",
		`{"devicePrivacy":"full"}`: "deviceID", `{"devicePrivacy":null}`: "deviceID", `{"deviceID":"d"}`: "devicePrivacy", `{"pushID":"p","level":"all"}`: "devicePrivacy",
		`{"privacy":"full"}`: "", `{"privacy":"sender"}`: "", `{"privacy":"generic"}`: "", `{"pushID":"p","devicePrivacy":"id"}`: "", `{"deviceID":"d","devicePrivacy":null}`: "",
		`{}`: "", `{"level":null}`: "", `{"level":"","snoozedUntil":0}`: "",
		`{"level":"all","peerLevel":"mentions","groupLevel":"none","snoozedUntil":9223372036854775807}`: "",
	} {
		err := changeOf(t, body).Check()
		var e *fault.Error
		if (err != nil) != (field != "") || (err != nil && (!errors.As(err, &e) || e.Field != field || e.Status != fault.InvalidArgument)) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// Each step changes what it names and leaves the rest.
func TestChangeSettings(t *testing.T) {
	w := newWorld(t)
	w.register("alice", "phone", "T1")
	for _, step := range []struct {
		body string
		want presence.Settings
	}{
		{`{}`, presence.Settings{}},
		{`{"level":"mentions"}`, presence.Settings{Level: mentions}},
		{`{"level":"mentions"}`, presence.Settings{Level: mentions}},
		{`{"peerLevel":"all","groupLevel":"none"}`, presence.Settings{Level: mentions, PeerLevel: all, GroupLevel: none}},
		{`{"snoozedUntil":7}`, presence.Settings{Level: mentions, PeerLevel: all, GroupLevel: none, SnoozedUntil: 7}},
		{`{"level":null,"peerLevel":"","snoozedUntil":0}`, presence.Settings{GroupLevel: none}},
		{`{"groupLevel":null,"privacy":"sender"}`, presence.Settings{Privacy: device.PrivacySender}},
		{`{"privacy":null}`, presence.Settings{}},
	} {
		set, err := w.reg.ChangeSettings(t.Context(), "alice", changeOf(t, step.body))
		if err != nil || set.Settings != step.want {
			t.Errorf("%s: %+v, %v", step.body, set, err)
		}
		if got, err := w.reg.User(t.Context(), "alice"); err != nil || got.Settings != step.want {
			t.Errorf("%s: read %+v, %v", step.body, got, err)
		}
	}
	if len(w.devices("alice")) != 1 {
		t.Errorf("settings changed devices: %+v", w.devices("alice"))
	}
	if got, err := w.reg.User(t.Context(), "nobody"); err != nil || got.UserID != "nobody" || got.Settings != (presence.Settings{}) {
		t.Errorf("nobody's are %+v, %v", got, err)
	}
	w.reg.Store = down{w.db}
	if _, err := w.reg.User(t.Context(), "alice"); !errors.Is(err, errDown) {
		t.Errorf("got %v", err)
	}
}

// Registering again keeps a person's settings.
func TestSettingsOutliveDevices(t *testing.T) {
	w := newWorld(t)
	out := w.register("alice", "phone", "T1")
	set, err := w.reg.ChangeSettings(t.Context(), "alice", changeOf(t, `{"level":"none"}`))
	if err != nil {
		t.Fatal(err)
	}
	want := set.Settings
	if err := w.reg.SetPeer(t.Context(), "alice", "c", nil, mentions); err != nil {
		t.Fatal(err)
	}
	if _, err := w.reg.Unregister(t.Context(), "alice", out.PushID); err != nil {
		t.Fatal(err)
	}
	w.register("alice", "phone", "T2")
	if u := w.user("alice"); u.Settings != want || u.PeerLevel("c") != mentions {
		t.Errorf("left %+v", u)
	}
}

// A device's privacy is set by itself, and kept when the device registers again.
func TestDevicePrivacy(t *testing.T) {
	w := newWorld(t)
	pushID := w.register("alice", "phone", "T1").PushID
	w.register("alice", "tablet", "T2")
	change := changeOf(t, `{"deviceID":"phone","devicePrivacy":"generic","level":"none"}`)
	change.PushID = pushID
	u, err := w.reg.ChangeSettings(t.Context(), "alice", change)
	if d, _ := u.Device(pushID); err != nil || d.Privacy != device.PrivacyGeneric || u.Settings != (presence.Settings{Level: none}) {
		t.Errorf("set %+v, %v", u, err)
	}
	w.register("alice", "phone", "T3")
	if all := w.devices("alice"); all["phone"].Privacy != device.PrivacyGeneric || all["tablet"].Privacy != "" {
		t.Errorf("devices %+v", all)
	}
	change.DevicePrivacy.Value = ""
	if _, err := w.reg.ChangeSettings(t.Context(), "alice", change); err != nil || w.devices("alice")["phone"].Privacy != "" {
		t.Errorf("taken back: %+v, %v", w.devices("alice")["phone"], err)
	}
	// Nothing is changed for a device that isn't theirs.
	change.PushID, change.Level.Value = "other", all
	if u, err := w.reg.ChangeSettings(t.Context(), "alice", change); u != nil || err != nil || w.user("alice").Settings.Level != none {
		t.Errorf("another's device: %+v, %v; now %+v", u, err, w.user("alice").Settings)
	}
}
