package lapse

import (
	"slices"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// service is calls on w's store that many seconds after the start.
func (w *world) service(seconds int) *call.Service {
	return &call.Service{
		Store: w.db, Presence: w.db, Now: func() time.Time { return at(seconds) }, MaxInvitees: 9, Retention: time.Hour,
		CheckPush: func(call.Call, string, chat.PushConfig) error { return nil },
	}
}

// ring has alice call user that many seconds after the start. It rings for some
// seconds.
func (w *world) ring(callID, user string, seconds, timeout int, edits ...func(*call.InviteRequest)) {
	w.Helper()
	req := call.InviteRequest{CallID: callID, Invitees: []string{user}, Config: call.InviteConfig{
		Mode: call.Advanced, Timeout: &timeout, PushConfig: &chat.PushConfigInput{PushConfig: chat.PushConfig{Title: "t", Content: "c"}},
	}}
	for _, edit := range edits {
		edit(&req)
	}
	invitation, err := req.Invitation("alice")
	if err != nil {
		w.Fatal(err)
	}
	if _, err := w.service(seconds).Invite(w.Context(), invitation); err != nil {
		w.Fatal(err)
	}
}

// act does an action that many seconds after the start.
func (w *world) act(seconds int, a call.Action) {
	w.Helper()
	a.MaxInvitees = 9
	if _, err := w.service(seconds).Do(w.Context(), a); err != nil {
		w.Fatal(err)
	}
}

// A device that was held to be online while a call rang, and is dead, rings as
// soon as that is known, or is told of the call it missed.
func TestSweepCalls(t *testing.T) {
	id := call.ID("c")
	noPush := func(r *call.InviteRequest) { r.Config.PushConfig = nil }
	for name, tc := range map[string]struct {
		do   func(w *world, tab string)
		want []string
	}{
		"it rings still":            {func(w *world, _ string) { w.ring("c", "bob", 10, 60) }, []string{"call c1 bobtab"}},
		"it has run out":            {func(w *world, _ string) { w.ring("c", "bob", 10, 55) }, []string{"call_endmissed c1 bobtab"}},
		"it was ended by the clock": {func(w *world, _ string) { w.ring("c", "bob", 10, 30); w.endOverdue(40) }, []string{"call_endmissed c1 bobtab"}},
		"it asked for no push":      {func(w *world, _ string) { w.ring("c", "bob", 10, 60, noPush) }, nil},
		"before it came online":     {func(w *world, _ string) { w.ring("c", "bob", -61, 600) }, nil},
		"while it came online":      {func(w *world, _ string) { w.ring("c", "bob", -59, 600) }, []string{"call c1 bobtab"}},
		"it was known to be away":   {func(w *world, _ string) { w.ring("c", "bob", 66, 600) }, nil},
		"it had a heartbeat since":  {func(w *world, _ string) { w.ring("c", "bob", 4, 600); w.beat("bob", "tab", device.Online, 10, 0) }, nil},
		"it has later messages":     {func(w *world, _ string) { w.ring("c", "bob", 10, 600); w.beat("bob", "tab", device.Online, 1, 1) }, []string{"call c1 bobtab"}},
		"it left awake": {func(w *world, _ string) {
			w.ring("c", "bob", 10, 60)
			w.beat("bob", "tab", device.Background, 40, 1)
			w.now = at(66)
		}, nil},
		"it left, and may have slept": {func(w *world, _ string) { w.ring("c", "bob", 10, 90); w.beat("bob", "tab", device.Background, 46, 0) }, []string{"call c1 bobtab"}},
		"its batch was sent": {func(w *world, tab string) {
			w.ring("c", "bob", 10, 600)
			w.outcome(push.KindCall, id, tab, 11, delivery.Sent)
		}, nil},
		"it was told of the end": {func(w *world, tab string) {
			w.ring("c", "bob", 10, 30)
			w.outcome(push.KindCallEnd, id, tab, 41, delivery.Sent)
		}, nil},
		"it rang, and was told": {func(w *world, tab string) {
			w.ring("c", "bob", 10, 30)
			w.outcome(push.KindCall, id, tab, 11, delivery.Sent)
		}, nil},
		"its ring came too late": {func(w *world, tab string) {
			w.ring("c", "bob", 10, 30)
			w.outcome(push.KindCall, id, tab, 42, delivery.Skipped)
		}, []string{"call_endmissed c1 bobtab"}},
		"the caller cancelled": {func(w *world, _ string) {
			w.ring("c", "bob", 10, 90)
			w.act(20, call.Action{Kind: call.Cancel, CallID: "c", UserID: "alice"})
		}, []string{"call_endmissed c1 bobtab"}},
		"the caller cancelled, and called again": {func(w *world, _ string) {
			w.ring("c", "bob", 10, 90)
			w.act(11, call.Action{Kind: call.Invite, CallID: "c", UserID: "alice", Invitees: []string{"carol"}})
			w.act(20, call.Action{Kind: call.Cancel, CallID: "c", UserID: "alice", Invitees: []string{"bob"}})
			w.act(30, call.Action{Kind: call.Invite, CallID: "c", UserID: "alice", Invitees: []string{"bob"}, Push: &chat.PushConfig{Title: "t", Content: "again"}})
		}, []string{"call c2 bobtab"}},
		"it rang for the invitation before": {func(w *world, tab string) {
			w.ring("c", "bob", -90, 90)
			w.outcome(push.KindCall, id, tab, -89, delivery.Sent)
			w.act(-80, call.Action{Kind: call.Invite, CallID: "c", UserID: "alice", Invitees: []string{"carol"}})
			w.act(-75, call.Action{Kind: call.Cancel, CallID: "c", UserID: "alice", Invitees: []string{"bob"}})
			w.act(0, call.Action{Kind: call.Invite, CallID: "c", UserID: "alice", Invitees: []string{"bob"}, Push: &chat.PushConfig{Title: "t", Content: "again"}})
		}, []string{"call c2 bobtab"}},
		"another device answered": {func(w *world, _ string) {
			w.ring("c", "bob", 10, 90)
			w.act(20, call.Action{Kind: call.Accept, CallID: "c", UserID: "bob", PushID: "another"})
		}, nil},
		"another device declined": {func(w *world, _ string) {
			w.ring("c", "bob", 10, 90)
			w.act(20, call.Action{Kind: call.Reject, CallID: "c", UserID: "bob", PushID: "another"})
		}, nil},
		"the caller is blocked": {func(w *world, _ string) { w.ring("c", "bob", 10, 30); w.block("bob", "alice") }, nil},
		"they want to sleep":    {func(w *world, _ string) { w.ring("c", "bob", 10, 30); w.snooze("bob", 3600) }, nil},
		"it is back":            {func(w *world, _ string) { w.ring("c", "bob", 10, 90); w.beat("bob", "tab", device.Online, 63, 0) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tab := w.online("bob", "tab", 0, 0)
			w.register("carol", "phone", device.Android)
			tc.do(w, tab)
			w.now = at(66)
			if _, err := w.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := w.rung(); !slices.Equal(got, tc.want) {
				t.Errorf("rang %q, want %q", got, tc.want)
			}
		})
	}
}

// A ring that leaves as the call ends is dropped by the dispatcher. Then the device
// is told that it missed the call; and whatever is repeated keeps its batch's ID.
func TestSweepRingsTooLate(t *testing.T) {
	w := newWorld(t)
	tab := w.online("bob", "tab", 0, 0)
	w.ring("c", "bob", 10, 60)
	w.now = at(65)
	w.sweep(1, "call c1 bobtab")
	w.sweep(1, "call c1 bobtab", "call c1 bobtab")
	if w.batches[0].ID != w.batches[1].ID || !w.batches[0].Urgent() {
		t.Errorf("batches %+v", w.batches)
	}
	w.outcome(push.KindCall, call.ID("c"), tab, 66, delivery.Skipped) // it was over
	w.batches, w.now = nil, at(70)
	w.sweep(1, "call_endmissed c1 bobtab")
	w.sweep(0, "call_endmissed c1 bobtab")
}

// While somebody is about to ring the device, whether it rang isn't known.
func TestSweepWaitsForARing(t *testing.T) {
	w := newWorld(t)
	tab := w.online("bob", "tab", 0, 0)
	w.ring("c", "bob", 10, 50)
	e := delivery.Entry{
		ID: "e", Kind: string(push.KindCall), SubjectID: call.ID("c"), Attempt: 1, CreatedAt: at(59), LeaseUntil: at(89), Asked: []string{tab},
	}
	if _, err := w.db.Begin(t.Context(), e, nil, at(59)); err != nil {
		t.Fatal(err)
	}
	w.now = at(65)
	w.sweep(1)
	e.Lease, e.Done, e.Outcomes = 1, true, map[string]delivery.Outcome{tab: {UserID: "bob", Status: delivery.Skipped}}
	if err := w.db.Finish(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	w.sweep(1, "call_endmissed c1 bobtab")
	w.sweep(0, "call_endmissed c1 bobtab")
}

// A call that a dead tab kept from the phone by the user's rule rings there.
func TestSweepCallsWhomTheRuleSilenced(t *testing.T) {
	for timeout, want := range map[int]string{60: "call c1 bobphone", 30: "call_endmissed c1 bobphone"} {
		w := newWorld(t)
		w.register("bob", "phone", device.Android)
		w.rule("bob", presence.PushRule{OnlinePlatforms: []device.Platform{device.Linux}, NotToReceiveOfflinePushPlatforms: []device.Platform{device.Android}})
		w.beat("bob", "pc", device.Online, 0, 0)
		w.ring("c", "bob", 10, timeout)
		w.now = at(65)
		w.sweep(1, want)
	}
}

func (w *world) endOverdue(seconds int) {
	w.Helper()
	if n, err := w.service(seconds).EndOverdue(w.Context(), at(seconds)); n != 1 || err != nil {
		w.Fatal(n, err)
	}
}

func (w *world) block(user, other string) {
	w.Helper()
	if _, err := w.registry.AddToBlacklist(w.Context(), user, []string{other}); err != nil {
		w.Fatal(err)
	}
}

func (w *world) snooze(user string, seconds int) {
	w.Helper()
	change := presence.SettingsChange{SnoozedUntil: presence.Change[int64]{Given: true, Value: at(seconds).UnixMilli()}}
	if _, err := w.registry.ChangeSettings(w.Context(), user, change); err != nil {
		w.Fatal(err)
	}
}
