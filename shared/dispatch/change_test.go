package dispatch

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/push"
)

// looked is messages, whose reads are counted.
type looked struct {
	m     *chat.Message
	err   error
	reads int
}

func (l *looked) Message(context.Context, string, string) (*chat.Message, error) {
	l.reads++
	return l.m, l.err
}

// bodies keeps what FCM is asked for.
type bodies struct {
	fakeFCM
	writing sync.Mutex
	all     []string
}

func (f *bodies) Send(ctx context.Context, body []byte) (string, error) {
	f.writing.Lock()
	f.all = append(f.all, string(body))
	f.writing.Unlock()
	return f.fakeFCM.Send(ctx, body)
}

func (b *bench) mark(batch push.Batch) {
	b.Helper()
	e := delivery.Entry{Kind: "message", SubjectID: batch.Announcement.ID, ExpireAt: time.Now().Add(time.Hour)}
	if err := b.db.MarkChanged(b.Context(), e, []string{batch.ID}); err != nil {
		b.Fatal(err)
	}
}

// What was changed is looked at where the ledger says so, and at no other time.
func TestChangedMessage(t *testing.T) {
	revoked := &chat.Message{Type: chat.Revoke, ChangedAt: 1}
	for name, tc := range map[string]struct {
		m       *chat.Message
		marked  bool
		late    time.Duration
		outcome string
		reads   int
		shows   string
	}{
		"as it was":           {revoked, false, 0, "sent", 0, "secret content"},
		"revoked":             {revoked, true, 0, "skipped revoked", 1, ""},
		"gone":                {nil, true, 0, "skipped expired", 1, ""},
		"edited":              {&chat.Message{Push: &chat.PushConfig{Title: "t", Content: "new words"}}, true, 0, "sent", 1, "new words"},
		"planned late":        {revoked, false, 11 * time.Second, "skipped revoked", 1, ""},
		"planned in time":     {revoked, false, 10 * time.Second, "sent", 0, "secret content"},
		"late, and as it was": {&chat.Message{Push: &chat.PushConfig{Title: "t", Content: "secret content"}}, false, time.Minute, "sent", 1, "secret content"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				messages, fcm := &looked{m: tc.m}, &bodies{}
				b.d.Messages, b.d.Sender = messages, fcm
				batch := b.batch("m", "A", "B")
				batch.Announcement.CreatedAt -= tc.late.Milliseconds()
				if tc.marked {
					b.mark(batch)
				}
				b.dispatch(batch, false)
				b.want(batch, true, "A", tc.outcome, "B", tc.outcome)
				if messages.reads != tc.reads {
					t.Errorf("%d reads, want %d", messages.reads, tc.reads)
				}
				if tc.shows == "" && len(fcm.all) != 0 || tc.shows != "" && (len(fcm.all) != 2 || !strings.Contains(fcm.all[0], tc.shows)) {
					t.Errorf("FCM was asked %q", fcm.all)
				}
			})
		})
	}
}

// What is told of several messages together says how many there are, whatever became
// of the last of them, and carries nothing of it but its title where it was revoked.
func TestChangedMessageOfABundle(t *testing.T) {
	revoked := &chat.Message{Type: chat.Revoke, ChangedAt: 1}
	asItWas := &chat.Message{Push: &chat.PushConfig{Title: "t", Content: "secret content", Payload: "secret payload"}}
	for name, tc := range map[string]struct {
		m          *chat.Message
		count      int
		late       time.Duration
		outcome    string
		shows, not string
	}{
		"as it was":        {asItWas, 5, 0, "sent", "5 new messages", "secret content"},
		"as it was, older": {asItWas, 5, time.Minute, "sent", "5 new messages", "secret content"},
		"the last revoked": {revoked, 5, time.Minute, "sent", "5 new messages", "secret payload"},
		"one":              {asItWas, 1, time.Minute, "sent", "secret content", "new message"},
		"one, revoked":     {revoked, 1, 0, "skipped revoked", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				messages, fcm := &looked{m: tc.m}, &bodies{}
				b.d.Messages, b.d.Sender = messages, fcm
				batch := b.batch("m", "A")
				batch.Announcement.Push.Payload = "secret payload"
				batch.Announcement = push.OfBundle(batch.Announcement, tc.count, false, "first")
				batch.Announcement.CreatedAt -= tc.late.Milliseconds()
				b.dispatch(batch, false)
				b.want(batch, true, "A", tc.outcome)
				if all := strings.Join(fcm.all, ""); messages.reads != 1 || (tc.shows == "") != (all == "") || !strings.Contains(all, tc.shows) || tc.not != "" && strings.Contains(all, tc.not) {
					t.Errorf("%d reads, FCM was asked %q", messages.reads, all)
				}
			})
		})
	}
}

// Where it can't be looked at, nothing leaves, and the redelivery looks again.
func TestChangedMessageUnknown(t *testing.T) {
	inBubble(t, func(b *bench) {
		messages := &looked{m: &chat.Message{Type: chat.Revoke}, err: errors.New("down")}
		b.d.Messages = messages
		batch := b.batch("m", "A")
		b.mark(batch)
		b.dispatch(batch, true)
		b.wantRequests()
		messages.err = nil
		b.dispatch(batch, false)
		b.want(batch, true, "A", "skipped revoked")
	})
}

// Who took over from somebody who died can't know whether the device shows it.
func TestRevokedAfterDeath(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.d.Messages = &looked{m: &chat.Message{Type: chat.Revoke}}
		batch := b.batch("m", "A")
		first := delivery.Entry{ID: batch.ID, Kind: "message", SubjectID: "m", LeaseUntil: time.Now().Add(lease), Attempt: 1}
		if _, err := b.db.Begin(b.Context(), first, batch.PushIDs(), time.Now()); err != nil {
			t.Fatal(err)
		}
		b.mark(batch)
		time.Sleep(lease + time.Second)
		b.dispatch(batch, false)
		b.want(batch, true, "A", "skipped revoked")
		if !b.db.Deliveries()[batch.ID].MayHaveShown(batch.Targets[0].PushID) {
			t.Error("it is taken for not shown")
		}
	})
}

// An edit that was followed by another, or by a revocation, isn't told any more.
func TestLatestEditStands(t *testing.T) {
	for name, tc := range map[string]struct {
		m    *chat.Message
		want string
	}{
		"the latest":    {&chat.Message{ChangedAt: 7}, "sent"},
		"edited since":  {&chat.Message{ChangedAt: 8}, "skipped superseded"},
		"revoked since": {&chat.Message{Type: chat.Revoke, ChangedAt: 8}, "skipped revoked"},
	} {
		inBubble(t, func(b *bench) {
			messages := &looked{m: tc.m}
			b.d.Messages = messages
			batch := b.batch("m", "A", "B")
			batch.Announcement.Kind, batch.Announcement.CreatedAt = push.KindEdit, 7
			b.dispatch(batch, false)
			b.want(batch, true, "A", tc.want, "B", tc.want)
			if messages.reads != 1 {
				t.Errorf("%s: %d reads", name, messages.reads)
			}
		})
	}
}
