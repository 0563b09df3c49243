package dispatch

import (
	"errors"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// ringing stores a call of alice's to the users of some tokens, and is it and
// the batch that rings them.
func (b *bench) ringing(tokens ...string) (call.Call, push.Batch) {
	b.Helper()
	batch := b.batch("m", tokens...)
	c := call.Call{
		CallID: "c", Caller: "alice", State: call.Started, Pushes: map[string]chat.PushConfig{"1": {Title: "t", Content: "c"}},
		Users: map[string]call.User{},
	}
	for _, token := range tokens {
		c.Users["user-"+token] = call.User{
			State: call.Inviting, Inviter: "alice", Push: "1", At: time.Now().UnixMilli(), ExpiresAt: time.Now().Add(90 * time.Second).UnixMilli(),
		}
	}
	if _, err := b.db.CreateCall(b.Context(), c); err != nil {
		b.Fatal(err)
	}
	a := push.OfCall(c, "user-"+tokens[0])
	return c, push.Batches(a, "ring1", batch.Targets, time.Now())[0]
}

func (b *bench) change(edit func(c *call.Call)) {
	b.Helper()
	err := b.db.ChangeCall(b.Context(), "c", func(c *call.Call) (*call.Call, error) { edit(c); return c, nil })
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) settle(userID string, s call.UserState) {
	b.change(func(c *call.Call) {
		u := c.Users[userID]
		u.State = s
		c.Users[userID] = u
	})
}

// However fresh the plan, the call is looked at before it rings.
func TestCallRingsWhomItStillInvites(t *testing.T) {
	inBubble(t, func(b *bench) {
		_, batch := b.ringing("A", "B", "C")
		b.settle("user-B", call.Rejected)
		b.dispatch(batch, false)
		b.wantRequests("A", 1, "C", 1)
		b.want(batch, true, "A", "sent", "B", "skipped call_over", "C", "sent")
	})
}

func TestCallThatIsOverDoesNotRing(t *testing.T) {
	for name, end := range map[string]func(b *bench){
		"ended":   func(b *bench) { b.change(func(c *call.Call) { c.State = call.Ended }) },
		"expired": func(*bench) { time.Sleep(91 * time.Second) },
	} {
		inBubble(t, func(b *bench) {
			_, batch := b.ringing("A")
			end(b)
			b.dispatch(batch, false)
			b.wantRequests()
			want := map[string]string{"ended": "skipped call_over", "expired": "skipped expired"}[name]
			b.want(batch, true, "A", want)
		})
	}
}

// A ring that was retried until the call was over may have rung, one that was
// never tried has not.
func TestWhatMayHaveRung(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.fcm.answer = func(string, int) answer { return broken }
		_, tried := b.ringing("A")
		b.dispatch(tried, true)
		b.settle("user-A", call.BeCancelled)
		b.dispatch(tried, false)
		b.want(tried, true, "A", "skipped call_over")
		if e := b.db.Deliveries()[tried.ID]; !e.MayHaveShown(tried.Targets[0].PushID) {
			t.Errorf("%+v may have rung", e)
		}
		never := tried
		never.ID = "never"
		b.dispatch(never, false)
		if e := b.db.Deliveries()["never"]; e.MayHaveShown(tried.Targets[0].PushID) || e.MayHaveShown("unknown") {
			t.Errorf("%+v can't have rung", e)
		}
	})
}

// A worker that dies may have rung whomever it set out to ring, whatever is
// known of the others: the device comes online, so that a second plan leaves it
// out, and another worker finishes that.
func TestWhatADeadWorkerMayHaveRung(t *testing.T) {
	inBubble(t, func(b *bench) {
		_, batch := b.ringing("A", "B")
		b.d.Ledger = &ledger{Ledger: b.db, finish: func() error { return errors.New("died") }}
		b.dispatch(batch, true)
		b.wantRequests("A", 1, "B", 1)
		b.d = b.dispatcher()
		time.Sleep(lease)
		if _, err := b.reg.Heartbeat(b.Context(), "user-A", presence.Beat{PushID: batch.Targets[0].PushID, State: device.Online}); err != nil {
			t.Fatal(err)
		}
		second := batch
		second.Targets = batch.Targets[1:]
		b.dispatch(second, false)
		for range 2 {
			if e := b.db.Deliveries()[batch.ID]; !e.Done || !e.MayHaveShown(batch.Targets[0].PushID) {
				t.Errorf("%+v can't have rung A", e)
			}
			b.dispatch(batch, false) // the first delivery is repeated
		}
		b.want(batch, true, "A", "skipped online", "B", "sent")
	})
}

// Who is invited again rings: what ended before must not take that away.
func TestDismissalAndSecondInvitation(t *testing.T) {
	inBubble(t, func(b *bench) {
		c, ring := b.ringing("A", "B")
		b.settle("user-A", call.Timeout)
		end := push.Batches(push.OfCallEnd(c, push.Missed, "user-A"), "missed2", ring.Targets, time.Now())[0]
		b.dispatch(end, false)
		b.want(end, true, "A", "sent", "B", "skipped ringing")
	})
}

// A plan that is old is held against the group's members as they are now.
func TestOldPlanRingsNoExMember(t *testing.T) {
	inBubble(t, func(b *bench) {
		batch := b.batch("m", "A", "B")
		batch.Announcement.ConversationType, batch.Announcement.CID = chat.Group, "g"
		err := b.db.ChangeGroup(b.Context(), "g", nil, func(*chat.Conversation, map[string]group.Member) (*group.Change, error) {
			return &group.Change{Conversation: &chat.Conversation{Type: chat.Group}, Put: []group.Member{{UserID: "user-A"}}}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(trust)
		b.dispatch(batch, false)
		b.wantRequests("A", 1)
		b.want(batch, true, "A", "sent", "B", "skipped not_member")
	})
}

// Nor anyone of a group that was dismissed, whose members are still there.
func TestOldPlanRingsNobodyOfDismissedGroup(t *testing.T) {
	inBubble(t, func(b *bench) {
		batch := b.batch("m", "A")
		batch.Announcement.ConversationType, batch.Announcement.CID = chat.Group, "g"
		err := b.db.ChangeGroup(b.Context(), "g", nil, func(*chat.Conversation, map[string]group.Member) (*group.Change, error) {
			dismissed := &chat.Conversation{Type: chat.Group, GroupFields: chat.GroupFields{Dismissed: true}}
			return &group.Change{Conversation: dismissed, Put: []group.Member{{UserID: "user-A"}}}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(trust)
		b.dispatch(batch, false)
		b.wantRequests("A", 0)
		b.want(batch, true, "A", "skipped not_member")
	})
}

// A dismissal reaches a device that came online meanwhile.
func TestDismissalOfOnlineDevice(t *testing.T) {
	inBubble(t, func(b *bench) {
		c, ring := b.ringing("A")
		b.settle("user-A", call.Timeout)
		if _, err := b.reg.Heartbeat(b.Context(), "user-A", presence.Beat{PushID: ring.Targets[0].PushID, State: device.Online}); err != nil {
			t.Fatal(err)
		}
		end := push.Batches(push.OfCallEnd(c, push.Missed, "user-A"), "missed2", ring.Targets, time.Now())[0]
		b.dispatch(end, false)
		b.want(end, true, "A", "sent")
	})
}
