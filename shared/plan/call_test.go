package plan

import (
	"reflect"
	"testing"
	"time"

	calling "github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// Who is told that a call stopped ringing: whatever rang, but where it was
// answered.
func TestDismissal(t *testing.T) {
	d := func(target string, state device.State) device.Device {
		out := device.Device{Platform: device.Android, State: state, LeaseUntil: now.Add(time.Minute)}
		if target != "" {
			out.Target = device.Target{Kind: device.KindToken, Value: target}
		}
		return out
	}
	u := &presence.User{UserID: "bob", Badge: 3, Devices: map[string]device.Device{
		"a-rang": d("A", device.Offline), "b-rang, online now": d("B", device.Online), "c-quiet": d("C", device.Online),
		"d-answered": d("D", device.Offline), "e-gone": d("", device.Offline),
	}}
	rung := func(id string) bool { return id != "c-quiet" }
	var got []string
	for _, d := range (Rules{}).Dismissal(Receiver{UserID: "bob", Presence: u}, rung, "d-answered") {
		got = append(got, d.PushID+": "+string(d.Reason))
		if d.Reason == Push && (d.Target.UserID != "bob" || d.Target.PushID != d.PushID || d.Target.Value == "" || d.Target.Badge != 3) {
			t.Errorf("target %+v", d.Target)
		}
	}
	want := []string{"a-rang: ", "b-rang, online now: ", "c-quiet: not_rung", "d-answered: answered_here", "e-gone: no_target"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := (Rules{}).Dismissal(Receiver{UserID: "bob"}, rung, ""); len(got) != 1 || got[0] != (Decision{UserID: "bob", Reason: NoDevice}) {
		t.Errorf("without devices: %+v", got)
	}
}

// A device that never rang is told of a missed call where it would have rung.
func TestMissedCall(t *testing.T) {
	a := push.Announcement{Kind: push.KindCallEnd, ID: "c", SenderUserID: "alice", ExpiresAt: call.ExpiresAt}
	for name, tc := range map[string]struct {
		a    push.Announcement
		u    *presence.User
		want Reason
	}{
		"would have rung": {a, bob(phone()), Push},
		"online":          {a, bob(phone(online)), Online},
		"popups off":      {a, bob(phone(popupOff)), PopupOff},
		"snoozed":         {a, snoozed(1, bob(phone())), Snoozed}, // though the end of a ring isn't held back by it
		"blocked":         {a, blocking(bob(phone())), Blocked},
		"told too late":   {expired(a), bob(phone()), Expired},
		"no device":       {a, nil, NoDevice},
	} {
		got := (Rules{}).MissedCall(tc.a, Receiver{UserID: "bob", Presence: tc.u}, now)
		if len(got) != 1 || got[0].Reason != tc.want || (tc.want == Push) != (got[0].Target.Value == "tok") {
			t.Errorf("%s: %+v, want %q", name, got, tc.want)
		}
	}
	if a.Kind != push.KindCallEnd {
		t.Errorf("the announcement became a %s", a.Kind)
	}
}

func TestRecheckCall(t *testing.T) {
	rings := calling.Call{CallID: "c", State: calling.Started, Pushes: map[string]chat.PushConfig{"1": {Title: "t", Content: "c"}}, Users: map[string]calling.User{
		"bob": {State: calling.Inviting, Inviter: "alice", Gen: 1, Push: "1", ExpiresAt: now.Add(time.Second).UnixMilli()},
	}}
	with := func(edit func(*calling.Call, *calling.User)) *calling.Call {
		c := rings.Clone()
		u := c.Users["bob"]
		edit(&c, &u)
		c.Users["bob"] = u
		return &c
	}
	for name, tc := range map[string]struct {
		c         *calling.Call
		ring, end Reason
	}{
		"rings":           {&rings, Push, Push},
		"gone":            {nil, CallOver, Push},
		"ended":           {with(func(c *calling.Call, _ *calling.User) { c.State = calling.Ended }), CallOver, Push},
		"accepted":        {with(func(_ *calling.Call, u *calling.User) { u.State = calling.Accepted }), CallOver, Push},
		"ran out":         {with(func(_ *calling.Call, u *calling.User) { u.ExpiresAt = now.UnixMilli() }), CallOver, Push},
		"not in it":       {&calling.Call{CallID: "c", State: calling.Started}, CallOver, Push},
		"again, it rings": {with(func(_ *calling.Call, u *calling.User) { u.Gen = 2 }), CallOver, Ringing},
		"again, over":     {with(func(_ *calling.Call, u *calling.User) { u.Gen, u.State = 2, calling.Rejected }), CallOver, Superseded},
		"last instant":    {with(func(_ *calling.Call, u *calling.User) { u.ExpiresAt = now.UnixMilli() + 1 }), Push, Push},
	} {
		target := push.Target{UserID: "bob", Gen: 1}
		if got := RecheckCall(push.OfCall(rings, "bob"), target, tc.c, now); got != tc.ring {
			t.Errorf("%s: the ring is %q, want %q", name, got, tc.ring)
		}
		if got := RecheckCall(push.OfCallEnd(rings, push.Missed, "bob"), target, tc.c, now); got != tc.end {
			t.Errorf("%s: its end is %q, want %q", name, got, tc.end)
		}
	}
	// Which invitation ended isn't said, so it may be one before the one that rings.
	if got := RecheckCall(push.OfCallEnd(rings, push.Missed, "bob"), push.Target{UserID: "bob"}, &rings, now); got != Ringing {
		t.Errorf("an end of any is %q", got)
	}
}

// A dismissal is for who is online as well, and goes where the device that rang
// is reached now.
func TestRecheckCallEnd(t *testing.T) {
	a := push.OfCallEnd(calling.Call{
		CallID: "c", Pushes: map[string]chat.PushConfig{"1": {}},
		Users: map[string]calling.User{"bob": {State: calling.Timeout, Inviter: "alice", Push: "1", At: now.UnixMilli()}},
	}, push.Missed, "bob")
	bob := func(value string) *presence.User {
		return &presence.User{UserID: "bob", Devices: map[string]device.Device{"p": {
			State: device.Online, LeaseUntil: now.Add(time.Minute), Target: device.Target{Kind: device.KindToken, Value: value},
		}}}
	}
	target := push.Target{UserID: "bob", PushID: "p", Kind: device.KindToken, Value: "A"}
	for name, tc := range map[string]struct {
		u    *presence.User
		want Reason
	}{
		"online":       {bob("A"), Push},
		"new token":    {bob("B"), Push},
		"unregistered": {bob(""), NoTarget},
		"no device":    {nil, NoDevice},
	} {
		got := (Rules{}).Recheck(a, target, tc.u, now)
		if d, _ := tc.u.Device("p"); got.Reason != tc.want || (tc.want == Push && got.Target.Value != d.Target.Value) {
			t.Errorf("%s: %+v, want %q", name, got, tc.want)
		}
	}
	// Whoever rang is told, whatever name it is told in.
	a.SenderUserID = "bob"
	if got := (Rules{}).Recheck(a, target, bob("A"), now); got.Reason != Push {
		t.Errorf("in their own name: %+v", got)
	}
}

// Who has blocked somebody whose words the end of a call may be in is told in ours; the
// call itself stays as it is.
func TestUnworded(t *testing.T) {
	c := calling.Call{Caller: "alice", EndedBy: "eve", Users: map[string]calling.User{"bob": {Inviter: "carol", EndPush: "p"}, "dave": {EndPush: "p"}}}
	blocks := func(ids ...string) *presence.User {
		u := &presence.User{UserID: "bob", Blacklist: map[string]int64{}}
		for _, id := range ids {
			u.Blacklist[id] = 1
		}
		return u
	}
	for name, tc := range map[string]struct {
		u    *presence.User
		want string
	}{
		"nobody known": {nil, "p"}, "nobody blocked": {blocks(), "p"}, "another blocked": {blocks("dave"), "p"},
		"the inviter": {blocks("carol"), ""}, "the caller": {blocks("dave", "alice"), ""}, "who ended it": {blocks("eve"), ""},
	} {
		got := Unworded(c, "bob", tc.u)
		if got.Users["bob"].EndPush != tc.want || got.Users["bob"].Inviter != "carol" || got.Users["dave"].EndPush != "p" || c.Users["bob"].EndPush != "p" {
			t.Errorf("%s: %+v, of %+v", name, got.Users, c.Users)
		}
	}
	silent := calling.Call{Caller: "alice", Users: map[string]calling.User{"bob": {}}}
	if got := Unworded(silent, "bob", blocks("alice")); !reflect.DeepEqual(got, silent) {
		t.Errorf("without words: %+v", got)
	}
}
