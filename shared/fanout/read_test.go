package fanout

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
	"github.com/doorbell-push/doorbell/shared/store"
)

// reader is a Reader of bob's, who has the devices.
func reader(t *testing.T, u *presence.User) (*Reader, *topic, *store.Memory) {
	t.Helper()
	db, topic := &store.Memory{}, &topic{}
	reg := &presence.Registry{Store: db, Now: func() time.Time { return now }, MaxDevices: 25}
	err := db.Change(t.Context(), func(tx presence.Tx) error { return tx.PutUser(u) })
	if err != nil {
		t.Fatal(err)
	}
	return &Reader{Positions: reg, Publisher: topic, Now: reg.Now, PushTTL: time.Hour}, topic, db
}

func silently(d *device.Device) { d.Silent = true }

// position is up to where bob has read.
func position(t *testing.T, db *store.Memory) int64 {
	t.Helper()
	users, err := db.Users(t.Context(), []string{"bob"})
	if err != nil {
		t.Fatal(err)
	}
	return users["bob"].ReadSeq("c")
}

func reading(seq int64) push.Reading {
	return push.Reading{UserID: "bob", CID: "c", ConversationID: "alice", ConversationType: chat.Peer, Seq: seq}
}

// Who reads further has their devices told that are away; nothing is published for
// others, nor where nothing is new.
func TestReadElsewhere(t *testing.T) {
	for name, tc := range map[string]struct {
		bob  *presence.User
		want []string
	}{
		"away":   {bob(2, silently), []string{"p0000"}}, // the other takes no silent pushes
		"online": {bob(1, silently, online), nil},
		"none":   {bob(0), nil},
	} {
		r, topic, db := reader(t, tc.bob)
		for _, seq := range []int64{3, 3, 2, 5, 5} {
			if err := r.MarkRead(t.Context(), reading(seq)); err != nil {
				t.Fatal(err)
			}
		}
		if got := position(t, db); got != 5 {
			t.Errorf("%s: read up to %d", name, got)
		}
		if tc.want == nil {
			if len(topic.batches) != 0 {
				t.Errorf("%s: published %+v", name, topic.batches)
			}
			continue
		}
		if len(topic.batches) != 2 || topic.batches[0].ID == topic.batches[1].ID {
			t.Fatalf("%s: published %+v", name, topic.batches)
		}
		b := topic.batches[1]
		if a := b.Announcement; a.Kind != push.KindRead || a.Seq != 5 || a.After != 3 || a.ConversationID != "alice" || b.Urgent() || !slices.Equal(b.PushIDs(), tc.want) {
			t.Errorf("%s: published %+v", name, b)
		}
	}
}

// Who reads the last of what a summary counts has it taken away; who reads less of it,
// or something else, doesn't.
func TestSummaryReadElsewhere(t *testing.T) {
	u := bob(1, silently)
	u.Summary = &presence.Summary{ID: "s", Left: map[string]int64{"c": 4, "d": 2}}
	r, topic, _ := reader(t, u)
	other := reading(2)
	other.CID = "d"
	for _, what := range []push.Reading{reading(3), reading(4), other, reading(5)} {
		if err := r.MarkRead(t.Context(), what); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, b := range topic.batches {
		got = append(got, b.Announcement.Summary)
	}
	if want := []string{"", "", "s", ""}; !slices.Equal(got, want) {
		t.Errorf("took %q, want %q", got, want)
	}
}

// Of the conversations that a summary counts several may be read at once, as where all
// is marked as read: whichever moves last has the summary taken away.
func TestSummaryReadAtOnce(t *testing.T) {
	u := bob(1, silently)
	u.Summary = &presence.Summary{ID: "s", Left: map[string]int64{"c": 4, "d": 2}}
	r, topic, db := reader(t, u)
	other := reading(2)
	other.CID = "d"
	r.Publisher = &meanwhile{topic, func() {
		if err := r.MarkRead(t.Context(), other); err != nil {
			t.Error(err)
		}
	}}
	for range 2 {
		if err := r.MarkRead(t.Context(), reading(4)); err != nil {
			t.Fatal(err)
		}
	}
	var got, ids []string
	for _, b := range topic.batches {
		got, ids = append(got, b.Announcement.Summary), append(ids, b.ID)
	}
	slices.Sort(ids)
	if want := []string{"", "", "s"}; !slices.Equal(got, want) || len(slices.Compact(ids)) != 3 {
		t.Errorf("took %q, want %q, in batches of their own: %q", got, want, ids)
	}
	users, err := db.Users(t.Context(), []string{"bob"})
	if err != nil || users["bob"].Summary != nil || position(t, db) != 4 {
		t.Errorf("%v, left %+v, read up to %d", err, users["bob"], position(t, db))
	}
}

// meanwhile does something once, when the first batch was published.
type meanwhile struct {
	*topic
	do func()
}

func (m *meanwhile) Publish(ctx context.Context, b push.Batch) error {
	err := m.topic.Publish(ctx, b)
	if do := m.do; do != nil {
		m.do = nil
		do()
	}
	return err
}

// It dies between its two writes: the repeat publishes the same batch, and moves the
// position.
func TestReadElsewhereAgain(t *testing.T) {
	r, topic, db := reader(t, bob(1, silently))
	positions := r.Positions
	r.Positions = dying{positions}
	if err := r.MarkRead(t.Context(), reading(3)); err == nil || position(t, db) != 0 || len(topic.batches) != 1 {
		t.Fatalf("%v, read up to %d, %d published", err, position(t, db), len(topic.batches))
	}
	r.Positions = positions
	if err := r.MarkRead(t.Context(), reading(3)); err != nil || position(t, db) != 3 {
		t.Fatalf("%v, read up to %d", err, position(t, db))
	}
	if len(topic.batches) != 2 || topic.batches[0].ID != topic.batches[1].ID {
		t.Errorf("published %+v", topic.batches)
	}

	// What can't be published isn't marked.
	topic.failAt = 1
	if err := r.MarkRead(t.Context(), reading(4)); !errors.Is(err, errTopic) || position(t, db) != 3 {
		t.Errorf("%v, read up to %d", err, position(t, db))
	}
	// Where nobody is told, it is.
	r.Publisher = nil
	if err := r.MarkRead(t.Context(), reading(4)); err != nil || position(t, db) != 4 {
		t.Errorf("%v, read up to %d", err, position(t, db))
	}
}

// dying fails right before the position moves.
type dying struct{ Positions }

func (d dying) MarkRead(ctx context.Context, userID, cid string, seq int64, moves func(*presence.User) func() error) error {
	return d.Positions.MarkRead(ctx, userID, cid, seq, func(u *presence.User) func() error {
		first := moves(u)
		return func() error { return errors.Join(first(), errors.New("died")) }
	})
}
