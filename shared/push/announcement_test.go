package push

import (
	"crypto/rand"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
)

// A sender's collapse ID is the tag; nobody else's, and no other conversation's,
// is the same.
func TestCollapse(t *testing.T) {
	tag := func(sender, to string, kind chat.ConversationType, collapse string) string {
		return OfMessage(chat.Message{
			MessageID: rand.Text(), SenderUserID: sender, ConversationID: to, ConversationType: kind, CollapseID: collapse, Push: &chat.PushConfig{},
		}, time.Hour).Tag()
	}
	first := tag("alice", "g", chat.Group, "score")
	if again := tag("alice", "g", chat.Group, "score"); again != first || len(first) > 64 {
		t.Errorf("tags %q and %q", first, again)
	}
	for name, other := range map[string]string{
		"another ID":                tag("alice", "g", chat.Group, "goal"),
		"another group":             tag("alice", "h", chat.Group, "score"),
		"another sender":            tag("carol", "g", chat.Group, "score"),
		"a peer of the same name":   tag("alice", "g", chat.Peer, "score"),
		"the other side of a peer":  tag("g", "alice", chat.Peer, "score"),
		"no collapse ID":            tag("alice", "g", chat.Group, ""),
		"no collapse ID either":     tag("alice", "g", chat.Group, ""),
		"a message's ID as its own": tag("alice", "g", chat.Group, first),
	} {
		if other == first {
			t.Errorf("%s replaces it", name)
		}
	}
	if a := announcement(); a.Tag() != a.ID {
		t.Errorf("tag %q of %q", a.Tag(), a.ID)
	}
}

func TestOfMessage(t *testing.T) {
	m := chat.Message{
		MessageID: "m", SenderUserID: "alice", ConversationID: "bob", ConversationType: chat.Peer, Timestamp: 1000, OrderKey: 7,
		Priority: chat.High, Push: &chat.PushConfig{Title: "t", Content: "c"},
	}
	want := Announcement{
		Kind: KindMessage, ID: "m", SenderUserID: "alice", CID: m.CID(), ConversationID: "alice", ConversationType: chat.Peer,
		Seq: 7, Priority: chat.High, Push: *m.Push, CreatedAt: 1000, ExpiresAt: 61000,
	}
	if got := OfMessage(m, time.Minute); got != want {
		t.Errorf("peer: got %+v, want %+v", got, want)
	}
	// A peer's receivers know the conversation by its sender, a group's by its ID.
	m.ConversationType = chat.Group
	if got := OfMessage(m, time.Minute); got.ConversationID != "bob" || got.CID != m.CID() {
		t.Errorf("group: got %+v", got)
	}
}

func TestExpired(t *testing.T) {
	a := Announcement{ExpiresAt: 1000}
	if a.Expired(time.UnixMilli(999)) || !a.Expired(time.UnixMilli(1000)) || !a.Expired(time.UnixMilli(1001)) {
		t.Error("an announcement is over from ExpiresAt on")
	}
}

func TestBatches(t *testing.T) {
	a := announcement()
	ids := map[string]bool{}
	for _, n := range []int{0, 1, MaxBatch - 1, MaxBatch, MaxBatch + 1, 3*MaxBatch + 7} {
		targets := make([]Target, n)
		for i := range targets {
			targets[i].PushID = fmt.Sprint(i)
		}
		batches := Batches(a, "", targets, sentAt)
		if want := (n + MaxBatch - 1) / MaxBatch; len(batches) != want {
			t.Errorf("%d targets make %d batches, want %d", n, len(batches), want)
		}
		var all []Target
		clear(ids)
		for _, b := range batches {
			if len(b.Targets) == 0 || len(b.Targets) > MaxBatch || ids[b.ID] || b.PlannedAt != sentAt.UnixMilli() || b.Announcement != a {
				t.Errorf("%d targets: batch %s has %d, planned at %d", n, b.ID, len(b.Targets), b.PlannedAt)
			}
			ids[b.ID] = true
			all = append(all, b.Targets...)
		}
		if n > 0 && !reflect.DeepEqual(all, targets) {
			t.Errorf("%d targets: the batches hold others, or in another order", n)
		}
		// Planned again later, for whatever devices there are then: the same IDs.
		for i, b := range Batches(a, "", make([]Target, n), sentAt.Add(time.Hour)) {
			if b.ID != batches[i].ID {
				t.Errorf("batch %d was %s and is %s", i, batches[i].ID, b.ID)
			}
		}
	}
}

func TestBatchIDsDiffer(t *testing.T) {
	one := make([]Target, 1)
	seen := map[string]string{}
	for name, b := range map[string][]Batch{
		"":               Batches(announcement(), "", one, sentAt),
		"part 1":         Batches(announcement(), "1", one, sentAt),
		"part 2":         Batches(announcement(), "2", one, sentAt),
		"other ID":       Batches(announcement(func(a *Announcement) { a.ID = "other" }), "", one, sentAt),
		"other kind":     Batches(announcement(func(a *Announcement) { a.Kind = "call" }), "", one, sentAt),
		"ID and part":    Batches(announcement(func(a *Announcement) { a.ID = "a" }), "b0", one, sentAt),
		"ID with a part": Batches(announcement(func(a *Announcement) { a.ID = "ab" }), "0", one, sentAt),
	} {
		if other, ok := seen[b[0].ID]; ok {
			t.Errorf("%q and %q are one batch", name, other)
		}
		seen[b[0].ID] = name
	}
}
