package dispatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// told is the batch of the message seq of the conversation "c" to targets.
func (b *bench) told(seq int64, targets ...push.Target) push.Batch {
	b.Helper()
	batch := b.batch("m"+string('0'+rune(seq)), "other")
	batch.Announcement.CID, batch.Announcement.Seq, batch.Targets = "c", seq, targets
	return batch
}

// readUpTo is the batch that tells targets of user-A's that they have read up to seq,
// and had up to after before.
func (b *bench) readUpTo(seq, after int64, targets ...push.Target) push.Batch {
	b.Helper()
	r := push.Reading{UserID: "user-A", CID: "c", ConversationID: "alice", ConversationType: chat.Peer, Seq: seq}
	return push.Batches(push.OfRead(r, after, time.Now(), ttl), r.Part(), targets, time.Now())[0]
}

func (b *bench) moved(seq int64) {
	b.Helper()
	if err := b.reg.MarkRead(b.Context(), "user-A", "c", seq, nil); err != nil {
		b.Fatal(err)
	}
}

// silently has the devices of user-A's take silent pushes.
func (b *bench) silently(tokens ...string) (targets []push.Target) {
	b.Helper()
	for _, value := range tokens {
		targets = append(targets, b.bind("user-A", value))
	}
	err := b.db.Change(b.Context(), func(tx presence.Tx) error {
		u, err := tx.User("user-A")
		if err != nil {
			return err
		}
		for id, d := range u.Devices {
			d.Silent = true
			u.Devices[id] = d
		}
		return tx.PutUser(u)
	})
	if err != nil {
		b.Fatal(err)
	}
	return targets
}

// Of what was read elsewhere the devices are told that may show it, and no others; and
// where there is none, nothing is written.
func TestReadElsewhere(t *testing.T) {
	for name, tc := range map[string]struct {
		seqs        []int64 // of the messages that A's first device was rung for
		read, after int64
		told        bool
	}{
		"the message":          {[]int64{3}, 3, 0, true},
		"all of several":       {[]int64{2, 3}, 3, 0, true},
		"some of several":      {[]int64{2, 5}, 3, 0, true}, // which says how far
		"a later one":          {[]int64{4}, 3, 0, false},
		"what was read before": {[]int64{2}, 3, 2, false},
		"nothing":              {nil, 3, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				targets := b.silently("A", "web-A")
				for _, seq := range tc.seqs {
					b.dispatch(b.told(seq, targets[0]), false)
				}
				b.fcm.requests = nil
				b.moved(tc.read)
				entries := len(b.db.Deliveries())
				batch := b.readUpTo(tc.read, tc.after, targets...)
				for range 2 {
					b.dispatch(batch, false)
				}
				if !tc.told {
					b.wantRequests()
					if n := len(b.db.Deliveries()); n != entries {
						t.Errorf("%d entries, %d before", n, entries)
					}
					return
				}
				b.wantRequests("A", 1)
				b.want(batch, true, "A", "sent")
				var tags []string
				for _, seq := range slices.Backward(tc.seqs) {
					if seq > tc.after && seq <= tc.read {
						tags = append(tags, fmt.Sprint("m", seq))
					}
				}
				if body := string(b.fcm.of("A")[0].body); !strings.Contains(body, `"tags":"`+strings.Join(tags, " ")+`"`) {
					t.Errorf("told %s", body)
				}
			})
		})
	}
}

// A device is told where FCM took its push or may have, and is away still.
func TestReadElsewhereByOutcome(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.fcm.answer = func(token string, _ int) answer {
			switch token {
			case "dead":
				return unregistered
			case "ill":
				return broken
			}
			return ok
		}
		targets := b.silently("A", "dead", "ill", "back", "web-A")
		rang := b.told(3, targets...)
		b.dispatch(rang, true)
		b.moved(3)
		if _, err := b.reg.Heartbeat(b.Context(), "user-A", presence.Beat{PushID: targets[3].PushID, State: device.Online}); err != nil {
			t.Fatal(err)
		}
		b.fcm.answer, b.fcm.requests = nil, nil
		batch := b.readUpTo(3, 0, targets...)
		b.dispatch(batch, false)
		b.want(batch, true, "A", "sent", "ill", "sent", "web-A", "sent", "back", "skipped online")
		b.wantRequests("A", 1, "ill", 1, "web-A", 1)
	})
}

// It waits until the position has moved, and until what rings has been sent; not for
// ever.
func TestReadElsewhereWaits(t *testing.T) {
	inBubble(t, func(b *bench) {
		targets := b.silently("A")
		rang := b.told(3, targets...)
		b.dispatch(rang, false)
		early := b.readUpTo(3, 0, targets...)
		b.dispatch(early, true)
		b.moved(3)
		b.dispatch(early, false)
		b.wantRequests("A", 2)

		// Whoever moved it died, and the message before was read all the same.
		lost := b.readUpTo(4, 0, targets...)
		b.dispatch(lost, true)
		time.Sleep(committing)
		b.dispatch(lost, false)
		b.wantRequests("A", 3)

		// Others have the lease of what rings, and die at it.
		leased := delivery.Entry{
			ID: "leased", Kind: "message", SubjectID: "m5", CID: "c", Seq: 5, To: []string{"user-A"}, Attempt: 1, LeaseUntil: time.Now().Add(lease),
		}
		if _, err := b.db.Begin(t.Context(), leased, nil, time.Now()); err != nil {
			t.Fatal(err)
		}
		b.moved(5)
		busy := b.readUpTo(5, 4, targets...)
		b.dispatch(busy, true)
		b.wantRequests("A", 3)
		time.Sleep(lease)
		b.dispatch(busy, false)
		b.wantRequests("A", 4)
	})
}

// Where the position moves right after the batch came, that is found in the same
// invocation: by up to three looks within a second. Who has read it finds so at once.
func TestReadElsewhereLooksAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		moves time.Duration // after the batch came
		ends  time.Duration // the invocation; 0: it has time
		reads int           // of the position
		took  time.Duration
		again bool
	}{
		"before":          {0, 0, 1, 0, false},
		"right after":     {30 * time.Millisecond, 0, 2, 200 * time.Millisecond, false},
		"a little later":  {700 * time.Millisecond, 0, 3, time.Second, false},
		"later":           {2 * time.Second, 0, 3, time.Second, true},
		"without time":    {2 * time.Second, 100 * time.Millisecond, 1, 0, true},
		"with little":     {2 * time.Second, 500 * time.Millisecond, 2, 200 * time.Millisecond, true},
		"never, it seems": {time.Minute, 0, 3, time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				targets := b.silently("A")
				b.dispatch(b.told(3, targets...), false)
				looks := &counted{Bindings: b.db}
				b.d.Bindings = looks
				batch, start := b.readUpTo(3, 0, targets...), time.Now()
				moved := make(chan struct{})
				go func() {
					defer close(moved)
					time.Sleep(tc.moves)
					b.moved(3)
				}()
				if tc.moves == 0 {
					<-moved
				}
				ctx := b.Context()
				if tc.ends > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tc.ends)
					defer cancel()
				}
				err := b.d.Dispatch(ctx, batch)
				took := time.Since(start)
				sent := len(b.fcm.requests) - 1
				// Who is rung alone is looked at once more, right before.
				if reads := looks.reads - sent; (err != nil) != tc.again || sent != map[bool]int{true: 0, false: 1}[tc.again] || reads != tc.reads || took != tc.took {
					t.Errorf("%v, %d sent, %d looks, after %v", err, sent, reads, took)
				}
				<-moved
				b.dispatch(batch, false) // the redelivery
				b.wantRequests("A", 2)
			})
		})
	}
}

// counted counts how often presence is read.
type counted struct {
	Bindings
	reads int
}

func (c *counted) Users(ctx context.Context, userIDs []string) (map[string]*presence.User, error) {
	c.reads++
	return c.Bindings.Users(ctx, userIDs)
}

// What came too late says nothing, and what can't be looked up is asked for again.
func TestReadElsewhereFails(t *testing.T) {
	inBubble(t, func(b *bench) {
		targets := b.silently("A")
		b.dispatch(b.told(3, targets...), false)
		b.moved(3)
		batch := b.readUpTo(3, 0, targets...)
		b.d.Ledger = noRings{b.db}
		b.dispatch(batch, true)
		b.d.Ledger = b.db
		time.Sleep(ttl)
		b.dispatch(batch, false)
		b.want(batch, true, "A", "skipped expired")
		b.wantRequests("A", 1)
	})
}

// A silent push shows nothing that could be taken away.
func TestReadElsewhereOfSilent(t *testing.T) {
	inBubble(t, func(b *bench) {
		targets := b.silently("A")
		quiet := b.told(3, targets...)
		quiet.Announcement.Push = chat.PushConfig{Silent: true, Payload: "p"}
		b.dispatch(quiet, false)
		b.moved(3)
		b.dispatch(b.readUpTo(3, 0, targets...), false)
		b.wantRequests("A", 1)
	})
}

// A summary is taken away with what was read, on the devices that may show it.
func TestReadElsewhereOfASummary(t *testing.T) {
	inBubble(t, func(b *bench) {
		targets := b.silently("A", "web-A")
		night := push.OfHeld("user-A", 1, false, map[string]int64{"c": 3}, time.Now(), ttl)
		summary := push.Batches(night, "", targets[:1], time.Now())[0]
		b.dispatch(summary, false)
		b.moved(3)
		b.dispatch(b.readUpTo(2, 0, targets...), false) // which ends no summary
		b.wantRequests("A", 1)
		batch := b.readUpTo(3, 0, targets...)
		batch.Announcement.Summary = night.ID
		b.dispatch(batch, false)
		b.wantRequests("A", 2)
		if body := string(b.fcm.of("A")[1].body); !strings.Contains(body, `"tags":"`+night.ID+`"`) {
			t.Errorf("told %s", body)
		}

		// With messages, and where the ledger can't be asked for the one.
		b.dispatch(b.told(4, targets...), false)
		b.moved(4)
		both := b.readUpTo(4, 3, targets...)
		both.Announcement.Summary = night.ID
		b.d.Ledger = noSummary{b.db, night.ID}
		b.dispatch(both, true)
		b.d.Ledger = b.db
		b.dispatch(both, false)
		if body := string(b.fcm.of("A")[3].body); !strings.Contains(body, `"tags":"m4 `+night.ID+`"`) {
			t.Errorf("told %s", body)
		}
	})
}

// Where the message's push said how much is not read, what takes it away says how much
// that is now; of nobody else is it counted.
func TestReadElsewhereCounts(t *testing.T) {
	for name, tc := range map[string]struct {
		enable     bool
		step, own  int
		unread     map[string]int
		bulk       bool
		badge      string
		aps, asked string
	}{
		"counted":          {true, 0, 0, map[string]int{"user-A": 4}, false, "4", `"badge":4`, "map[user-A:2]"},
		"nothing left":     {true, 0, 0, map[string]int{"user-A": 0}, false, "0", `"badge":0`, "map[user-A:2]"},
		"can't be counted": {true, 0, 0, nil, false, "", "", "map[user-A:2]"},
		"without a number": {false, 0, 0, map[string]int{"user-A": 4}, false, "", "", "map[]"},
		"with a step":      {true, 1, 0, map[string]int{"user-A": 4}, false, "", "", "map[]"},
		"the app's own":    {true, 0, 7, map[string]int{"user-A": 4}, false, "", "", "map[]"},
		"of many batches":  {true, 0, 0, map[string]int{"user-A": 4}, true, "", "", "map[]"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				targets := b.silently("A", "web-A")
				targets[0].Platform = device.IPhoneOS
				err := b.db.Change(t.Context(), func(tx presence.Tx) error {
					u, err := tx.User("user-A")
					if err != nil {
						return err
					}
					d := u.Devices[targets[0].PushID]
					d.Platform = device.IPhoneOS
					u.Devices[targets[0].PushID], u.Badge = d, tc.own
					return tx.PutUser(u)
				})
				if err != nil {
					t.Fatal(err)
				}
				for i := range targets {
					targets[i].Badge = tc.own
				}
				c := &counter{unread: tc.unread}
				rang := b.told(3, targets...)
				rang.Announcement.Push.EnableBadge, rang.Announcement.Push.BadgeIncrement, rang.Bulk = tc.enable, tc.step, tc.bulk
				b.d.Unread = c
				b.dispatch(rang, false)
				b.moved(3)
				b.dispatch(b.readUpTo(3, 0, targets...), false)
				b.wantRequests("A", 2, "web-A", 2)
				b.wantBadge("A", tc.badge)
				b.wantBadge("web-A", tc.badge)
				body := string(b.fcm.of("A")[1].body)
				kind := map[bool]string{true: "alert", false: "background"}[tc.aps != ""]
				if !strings.Contains(body, tc.aps) || strings.Contains(body, `"aps":{"badge"`) != (tc.aps != "") || !strings.Contains(body, `"apns-push-type":"`+kind+`"`) || !strings.Contains(body, `"content-available":1`) {
					t.Errorf("told %s", body)
				}
				if fmt.Sprint(c.asked) != tc.asked {
					t.Errorf("counted %v", c.asked)
				}
			})
		})
	}
}

// noSummary is a ledger that doesn't tell of a summary.
type noSummary struct {
	Ledger
	id string
}

func (l noSummary) Rung(ctx context.Context, userID, cid string, after, upTo int64, pushIDs []string, limit int) ([]delivery.Entry, error) {
	if cid == l.id {
		return nil, errors.New("the ledger is down")
	}
	return l.Ledger.Rung(ctx, userID, cid, after, upTo, pushIDs, limit)
}

// noRings is a ledger that doesn't tell what rang.
type noRings struct{ Ledger }

func (noRings) Rung(context.Context, string, string, int64, int64, []string, int) ([]delivery.Entry, error) {
	return nil, errors.New("the ledger is down")
}
