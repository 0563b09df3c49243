package store_test

import (
	"crypto/rand"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/revision"
)

func messageNow(t *testing.T, s anyStore, cid, id string) *chat.Message {
	t.Helper()
	m, err := s.Message(t.Context(), cid, id)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func messageChanged(t *testing.T, s anyStore) {
	alice, bob := rand.Text(), rand.Text()
	peer := addMessage(t, s, fullMessage(alice, bob))
	id := createGroup(t, s, alice, bob)
	m := fullMessage(bob, id)
	m.ConversationType = chat.Group
	inGroup := addMessage(t, s, m)
	stop := errors.New("stop")

	for name, tc := range map[string]struct {
		m       chat.Message
		caller  string
		members []string
	}{
		"peer":        {peer, alice, nil},
		"by an owner": {inGroup, alice, []string{alice, bob}},
		"one's own":   {inGroup, bob, []string{bob}},
		"a stranger":  {inGroup, "stranger", []string{bob}},
	} {
		kind, cid := tc.m.ConversationType, tc.m.CID()
		before := messageNow(t, s, cid, tc.m.MessageID)
		if before == nil {
			t.Fatalf("%s: not there", name)
		}
		next := *before
		next.Message, next.ChangedAt = name, before.ChangedAt+1
		for _, step := range []struct {
			next *chat.Message
			err  error
		}{{&next, stop}, {nil, nil}, {&next, nil}} {
			err := s.ChangeMessage(t.Context(), kind, cid, tc.m.MessageID, tc.caller, func(w revision.Stored) (*chat.Message, error) {
				var members []string
				for id, m := range w.Members {
					if m.UserID != id {
						t.Errorf("%s: %s is %+v", name, id, m)
					}
					members = append(members, id)
				}
				slices.Sort(members)
				slices.Sort(tc.members)
				if !reflect.DeepEqual(w.Message, before) || (w.Group != nil) != (kind == chat.Group) || !slices.Equal(members, tc.members) {
					t.Errorf("%s: got %+v", name, w)
				}
				return step.next, step.err
			})
			if !errors.Is(err, step.err) {
				t.Errorf("%s: %v, want %v", name, err, step.err)
			}
			want := before
			if step.next != nil && step.err == nil {
				want = step.next
			}
			if got := messageNow(t, s, cid, tc.m.MessageID); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: stored\n%+v, want\n%+v", name, got, want)
			}
		}
		c, _, err := s.ReadGroup(t.Context(), cid, nil)
		if want := map[chat.ConversationType]int64{chat.Peer: next.ChangedAt}[kind]; err != nil || c.ChangedAt != want || c.LastSeq != 1 {
			t.Errorf("%s: the conversation is %+v, %v", name, c, err)
		}
	}

	for _, kind := range []chat.ConversationType{chat.Peer, chat.Group} {
		cid := map[chat.ConversationType]string{chat.Peer: peer.CID(), chat.Group: group.CID("none of " + id)}[kind]
		err := s.ChangeMessage(t.Context(), kind, cid, "none", alice, func(w revision.Stored) (*chat.Message, error) {
			if w.Message != nil || w.Group != nil || len(w.Members) != 0 {
				t.Errorf("of nothing: %+v", w)
			}
			return nil, stop
		})
		if !errors.Is(err, stop) || messageNow(t, s, cid, "none") != nil {
			t.Errorf("of nothing: %v", err)
		}
	}
}

// A batch is marked whether it has begun or not, is done or under way; and who has
// it then, or begins it later, loses nothing.
func markedBatches(t *testing.T, s anyStore) {
	waiting, working, done := newEntry(), newEntry(), newEntry()
	mark := delivery.Entry{Kind: "message", SubjectID: rand.Text(), ExpireAt: at(time.Hour)}
	working.SubjectID, done.SubjectID = mark.SubjectID, mark.SubjectID
	working.Kind, done.Kind = mark.Kind, mark.Kind
	work := begin(t, s, working, at(0))
	over := begin(t, s, done, at(0))
	sent := map[string]delivery.Outcome{"p1": {UserID: "u1", Status: delivery.Sent, Detail: "n", Tries: 1, At: at(time.Second)}}
	over.Done, over.Outcomes = true, sent
	finish(t, s, over)

	var many []string
	for range 410 {
		many = append(many, rand.Text())
	}
	for range 2 {
		if err := s.MarkChanged(t.Context(), mark, append([]string{waiting.ID, working.ID, done.ID}, many...)); err != nil {
			t.Fatal(err)
		}
	}
	work.Done, work.Outcomes = true, sent
	finish(t, s, work) // which knew nothing of it

	entries, err := s.Entries(t.Context(), mark.SubjectID)
	if err != nil || len(entries) != 413 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	for _, e := range entries {
		begun := e.ID == working.ID || e.ID == done.ID
		if !e.Changed || e.Kind != "message" || !e.ExpireAt.Equal(at(time.Hour)) || e.Done != begun || e.MayHaveShown("p1") != begun || (e.Lease > 0) != begun {
			t.Errorf("entry %+v", e)
		}
	}

	waiting.SubjectID, waiting.Kind = mark.SubjectID, mark.Kind
	got := begin(t, s, waiting, at(time.Minute))
	if !got.Changed || got.Lease != 1 || got.Attempt != 1 || got.Done || got.Anew {
		t.Errorf("begun after it was marked: %+v", got)
	}
	got.Done, got.Outcomes = true, sent
	finish(t, s, got)
	if again := begin(t, s, retry(waiting, at(2*time.Minute)), at(2*time.Minute), "p1"); !again.Done || !again.Final("p1") || !again.Changed {
		t.Errorf("begun again: %+v", again)
	}
}
