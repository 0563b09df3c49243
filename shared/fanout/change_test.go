package fanout

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// changeBench is a bench whose ledger may be marked, of users whose devices take
// silent pushes too.
func changeBench(t *testing.T, users ...*presence.User) *bench {
	for _, u := range users {
		for id, d := range u.Devices {
			d.Silent = true
			u.Devices[id] = d
		}
	}
	b := newBench(t, users...)
	b.f.Marks, b.f.MaxDevices = b.ledger, 25
	return b
}

// wasRung has the ledger say that the batch of a message was sent to devices of
// bob's.
func (b *bench) wasRung(t *testing.T, m chat.Message, pushIDs ...string) {
	t.Helper()
	e := delivery.Entry{ID: push.BatchID(push.KindMessage, m.MessageID, "", 0), Kind: "message", SubjectID: m.MessageID, LeaseUntil: now.Add(time.Second), Attempt: 1}
	e, err := b.ledger.Begin(t.Context(), e, pushIDs, now)
	if err != nil {
		t.Fatal(err)
	}
	e.Done, e.LeaseUntil, e.Outcomes = true, now, map[string]delivery.Outcome{}
	for _, id := range pushIDs {
		e.Outcomes[id] = delivery.Outcome{UserID: "bob", Status: delivery.Sent, At: now}
	}
	if err := b.ledger.Finish(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

func revokedNow(m chat.Message, words *chat.PushConfig) chat.Message {
	m.Type, m.Message, m.Push, m.ChangedAt = chat.Revoke, "", words, now.UnixMilli()
	return m
}

func editedNow(m chat.Message, content string) chat.Message {
	p := *m.Push
	p.Content = content
	m.Push, m.ChangedAt = &p, now.UnixMilli()
	return m
}

func TestChanged(t *testing.T) {
	m := message()
	badge := message(func(m *chat.Message) { m.Push.EnableBadge, m.Push.BadgeIncrement = true, 2 })
	silent := message(func(m *chat.Message) { m.Push = &chat.PushConfig{Silent: true, Payload: "p"} })
	taken := chat.PushConfig{Silent: true}
	for name, tc := range map[string]struct {
		before, after chat.Message
		kind          push.Kind // empty: nobody is told
		push          chat.PushConfig
	}{
		"revoked":                    {m, revokedNow(m, nil), push.KindRevoke, taken},
		"revoked, with words":        {m, revokedNow(m, &chat.PushConfig{Title: "t", Content: "gone", EnableBadge: true, BadgeIncrement: 1}), push.KindRevoke, chat.PushConfig{Title: "t", Content: "gone"}},
		"revoked, with a payload":    {m, revokedNow(m, &chat.PushConfig{Silent: true, Payload: "q", ResourcesID: "r"}), push.KindRevoke, chat.PushConfig{Silent: true, Payload: "q", ResourcesID: "r"}},
		"silent, revoked with words": {silent, revokedNow(silent, &chat.PushConfig{Title: "t", Content: "gone"}), push.KindRevoke, taken},
		"edited":                     {badge, editedNow(badge, "new"), push.KindEdit, chat.PushConfig{Title: "secret title", Content: "new"}},
		"edited, shows the same":     {m, editedNow(m, m.Push.Content), "", taken},
		"without a push":             {message(noPush), revokedNow(m, nil), "", taken},
		"revoked before":             {revokedNow(m, m.Push), revokedNow(m, nil), "", taken},
	} {
		t.Run(name, func(t *testing.T) {
			b := changeBench(t, bob(3, online))
			b.wasRung(t, tc.before, "p0000", "p0002", "gone")
			b.presence.reads = nil
			for range 2 {
				if err := b.f.Changed(t.Context(), tc.before, tc.after); err != nil {
					t.Fatal(err)
				}
			}
			if tc.kind == "" {
				if len(b.topic.batches) != 0 || len(b.presence.reads) != 0 || b.ledger.Deliveries()[push.BatchID(push.KindMessage, "m", "", 0)].Changed {
					t.Errorf("published %+v", b.topic.batches)
				}
				return
			}
			if len(b.topic.batches) != 2 || b.topic.batches[0].ID != b.topic.batches[1].ID {
				t.Fatalf("published %+v", b.topic.batches)
			}
			got := b.topic.batches[0]
			if a := got.Announcement; a.Kind != tc.kind || !reflect.DeepEqual(a.Push, tc.push) || a.Tag() != "m" || a.CreatedAt != tc.after.ChangedAt || a.ConversationID != "alice" || got.Urgent() {
				t.Errorf("announced %+v", a)
			}
			if ids := got.PushIDs(); !slices.Equal(ids, []string{"p0000", "p0002"}) {
				t.Errorf("told %q", ids)
			}
			if log := b.log.String(); strings.Contains(log, "secret") || !strings.Contains(log, `"kind":"`+string(tc.kind)+`"`) {
				t.Errorf("logged %s", log)
			}
		})
	}
}

// Who has blocked the one who revokes since they were rung has the notification taken
// away, and isn't told in whose words.
func TestRevokeUnheard(t *testing.T) {
	m := message()
	words := &chat.PushConfig{Title: "t", Content: "I said"}
	for name, tc := range map[string]struct {
		blocks, by string
		words      *chat.PushConfig
		want       chat.PushConfig
	}{
		"nobody":           {"", "alice", words, *words},
		"the sender":       {"alice", "alice", words, chat.PushConfig{Silent: true}},
		"the group's head": {"olga", "olga", words, chat.PushConfig{Silent: true}},
		"another's words":  {"alice", "olga", words, *words},
		"with a payload":   {"alice", "alice", &chat.PushConfig{Silent: true, Payload: "p"}, chat.PushConfig{Silent: true}},
		"without words":    {"alice", "alice", nil, chat.PushConfig{Silent: true}},
	} {
		u := bob(1)
		if tc.blocks != "" {
			u.Blacklist = map[string]int64{tc.blocks: 1}
		}
		b := changeBench(t, u)
		b.wasRung(t, m, "p0000")
		b.presence.reads = nil
		after := revokedNow(m, tc.words)
		after.OperatedUserID = tc.by
		for range 2 { // the event comes twice
			if err := b.f.Changed(t.Context(), m, after); err != nil {
				t.Fatal(err)
			}
		}
		if len(b.topic.batches) != 2 || b.topic.batches[0].ID != b.topic.batches[1].ID || len(b.presence.reads) != 2 {
			t.Fatalf("%s: %+v after %v", name, b.topic.batches, b.presence.reads)
		}
		got := b.topic.batches[0]
		if !reflect.DeepEqual(got.Announcement.Push, tc.want) || !slices.Equal(got.PushIDs(), []string{"p0000"}) {
			t.Errorf("%s: announced %+v to %q", name, got.Announcement, got.PushIDs())
		}
		if d := b.f.Rules.Recheck(got.Announcement, got.Targets[0], u, now); d.Reason != plan.Push {
			t.Errorf("%s: dropped as %q", name, d.Reason)
		}
	}
}

// What told of the message together with others isn't corrected: it shows the tag of
// the first of them, and how many there are.
func TestChangedInABundle(t *testing.T) {
	b := changeBench(t, bob(1))
	m := message()
	e := delivery.Entry{
		ID: push.BatchID(push.KindMessage, m.MessageID, push.BundlePart("bob"), 0), Kind: "message", SubjectID: m.MessageID, Attempt: 1, Done: true,
		Outcomes: map[string]delivery.Outcome{"p0000": {UserID: "bob", Status: delivery.Sent, At: now}},
	}
	if err := b.ledger.Record(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if err := b.f.Changed(t.Context(), m, editedNow(m, "new")); err != nil || len(b.topic.batches) != 0 {
		t.Errorf("%v, published %+v", err, b.topic.batches)
	}
}

// A batch that hasn't begun is marked, and nobody is told who wasn't rung.
func TestChangedBeforeItLeft(t *testing.T) {
	b := changeBench(t, bob(1))
	m := message()
	if err := b.f.Changed(t.Context(), m, revokedNow(m, nil)); err != nil || len(b.topic.batches) != 0 || len(b.presence.reads) != 0 {
		t.Errorf("%v, published %+v", err, b.topic.batches)
	}
	if err := b.f.Message(t.Context(), m); err != nil || len(b.topic.batches) != 1 {
		t.Fatalf("%v, published %+v", err, b.topic.batches)
	}
	late := push.Batches(push.OfMessage(m, time.Hour), push.LapsedPart("bob"), b.topic.batches[0].Targets, now)[0]
	for _, batch := range []push.Batch{b.topic.batches[0], late} {
		e, err := b.ledger.Begin(t.Context(), delivery.Entry{ID: batch.ID, Attempt: 1, Owner: "o"}, batch.PushIDs(), now)
		if err != nil || !e.Changed {
			t.Errorf("%+v, %v", e, err)
		}
	}
}

// One that is under way is waited for, so that what follows comes after it.
func TestChangedWhileItLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := changeBench(t, bob(1))
		start := time.Now()
		b.f.Now = func() time.Time { return now.Add(time.Since(start)) }
		m := message()
		e, err := b.ledger.Begin(t.Context(), delivery.Entry{
			ID: push.BatchID(push.KindMessage, "m", "", 0), Kind: "message", SubjectID: "m", LeaseUntil: now.Add(30 * time.Second), Attempt: 1,
		}, nil, now)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.f.Changed(t.Context(), m, revokedNow(m, nil)); err == nil || len(b.topic.batches) != 0 {
			t.Errorf("it isn't waited for: %v, %+v", err, b.topic.batches)
		}
		go func() {
			time.Sleep(5 * time.Second)
			e.Done, e.Outcomes = true, map[string]delivery.Outcome{"p0000": {UserID: "bob", Status: delivery.Sent}}
			if err := b.ledger.Finish(t.Context(), e); err != nil {
				t.Error(err)
			}
		}()
		if err := b.f.Changed(t.Context(), m, revokedNow(m, nil)); err != nil || len(b.topic.batches) != 1 {
			t.Errorf("%v, published %+v", err, b.topic.batches)
		}
	})
}

// Whatever devices members have, each batch of a group is marked: what its fan-out
// publishes and its tasks publish.
func TestEveryBatchIsMarked(t *testing.T) {
	for _, tc := range []struct{ members, devices, most int }{{1, 25, 2}, {21, 25, 3}, {300, 25, 16}, {3600, 5, 40}} {
		c := newCrowd(t, tc.members, never)
		c.f.MaxDevices = tc.devices
		m := c.send()
		marked := c.f.batchIDs(m)
		if len(marked) > tc.most {
			t.Errorf("%d members: %d batches are marked, want at most %d", tc.members, len(marked), tc.most)
		}
		c.run(m)
		for _, b := range c.topic.batches {
			if !slices.Contains(marked, b.ID) {
				t.Errorf("%d members: batch %s isn't marked", tc.members, b.ID)
			}
		}
		// With all the devices that they may have: so many batches of each range.
		for first := 0; first < m.Fanout.Chunks; first += rangeChunks {
			others := make([]push.Target, min(m.Fanout.Members, push.MaxBatch)*(tc.devices-1))
			for _, b := range push.Batches(push.OfMessage(m, time.Hour), othersOf(fmt.Sprint(first)), others, now) {
				if !slices.Contains(marked, b.ID) {
					t.Errorf("%d members: batch %s of range %d isn't marked", tc.members, b.ID, first)
				}
			}
		}
	}
	if got := (&Fanout{MaxDevices: 25}).batchIDs(chat.Message{ConversationType: chat.Group}); got != nil {
		t.Errorf("of no group: %q", got)
	}
}

type failingMarks struct{ Marks }

func (failingMarks) MarkChanged(_ context.Context, _ delivery.Entry, _ []string) error {
	return errTopic
}

func TestChangedFails(t *testing.T) {
	m := message()
	for name, breaks := range map[string]func(*bench){
		"marks":    func(b *bench) { b.f.Marks = failingMarks{} },
		"ledger":   func(b *bench) { b.f.Rings = &rings{err: errTopic} },
		"presence": func(b *bench) { b.presence.err = errTopic },
		"topic":    func(b *bench) { b.topic.failAt = 1 },
	} {
		b := changeBench(t, bob(1))
		b.wasRung(t, m, "p0000")
		breaks(b)
		if err := b.f.Changed(t.Context(), m, revokedNow(m, nil)); !errors.Is(err, errTopic) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
