package store_test

import (
	"context"
	"crypto/rand"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
)

// fullMessage has no field at its zero value but ConversationType's Peer and
// OrderKey, which the store hands out.
func fullMessage(from, to string) chat.Message {
	return chat.Message{
		MessageID: rand.Text(), LocalMessageID: "l", Type: chat.Custom, Message: "hi 👋", SubType: 3, ExtendedData: "x",
		SenderUserID: from, ConversationID: to, ConversationType: chat.Peer, Timestamp: at(0).UnixMilli(),
		MentionedUserIDs: []string{"a", "b"}, IsMentionAll: true, Priority: chat.High,
		Push:      &chat.PushConfig{Title: "t", Content: "c", Payload: "p", ResourcesID: "r", ThreadID: "th", EnableBadge: true, BadgeIncrement: 2},
		ForcePush: true, Fanout: &chat.Fanout{Chunks: 1, Members: 2}, ExpireAt: at(0),
		DeviceFilter: &device.Sealed{
			Only:   &device.Selector{Platforms: []device.Platform{device.Web}, PushIDs: []string{"p"}, DeviceIDs: []string{"d"}},
			Except: &device.Selector{Platforms: []device.Platform{device.Android}},
		}, CollapseID: "c", Traceparent: "tp", System: true,
		RevokeTimestamp: 8, OperatedUserID: "op", RevokeStatus: chat.GroupOwnerRevoke, RevokeExtendedData: "rx", OriginalMessageType: chat.Text,
		EditorUserID: "ed", EditedTime: 9, ChangedAt: 10,
	}
}

func addMessage(t *testing.T, s anyStore, m chat.Message) chat.Message {
	t.Helper()
	got, err := s.AddMessage(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// ordered is m with the order key it should have got.
func ordered(m chat.Message, key int64) chat.Message {
	m.OrderKey = key
	return m
}

func messagesKept(t *testing.T, s anyStore) {
	alice, bob := rand.Text(), rand.Text()
	full := fullMessage(alice, bob)
	everyFieldSet(t, full, "ConversationType", "OrderKey")
	least := chat.Message{MessageID: rand.Text(), SenderUserID: bob, ConversationID: alice, Type: chat.Text, Message: "hi", Priority: chat.Low, ExpireAt: at(0)}
	for i, m := range []chat.Message{full, least} {
		want := ordered(m, int64(i+1))
		want.Timestamp = full.Timestamp + int64(i) // times grow, whatever the sender's clock says
		if got := addMessage(t, s, m); !reflect.DeepEqual(got, want) {
			t.Errorf("added:\ngot  %+v\nwant %+v", got, want)
		}
		if got := addMessage(t, s, m); !reflect.DeepEqual(got, want) { // as it is stored
			t.Errorf("stored:\ngot  %+v\nwant %+v", got, want)
		}
	}
}

// The first one stays, and the repeat takes no order key.
func repeatedMessage(t *testing.T, s anyStore) {
	alice, bob := rand.Text(), rand.Text()
	first := fullMessage(alice, bob)
	addMessage(t, s, first)
	again := first
	again.Message, again.Timestamp, again.Push = "other", 5, nil
	if got := addMessage(t, s, again); !reflect.DeepEqual(got, ordered(first, 1)) {
		t.Errorf("the repeat got %+v", got)
	}
	if next := addMessage(t, s, fullMessage(bob, alice)); next.OrderKey != 2 {
		t.Errorf("the next message has order key %d, want 2", next.OrderKey)
	}
}

func conversationsApart(t *testing.T, s anyStore) {
	alice, bob := rand.Text(), rand.Text()
	for _, kind := range []chat.ConversationType{chat.Peer, chat.Room} {
		for i := range int64(2) {
			m := fullMessage(alice, bob)
			m.ConversationType = kind
			if got := addMessage(t, s, m); got.OrderKey != i+1 {
				t.Errorf("message %d of conversation type %d has order key %d", i+1, kind, got.OrderKey)
			}
		}
	}
	if m := addMessage(t, s, fullMessage(alice, rand.Text())); m.OrderKey != 1 {
		t.Errorf("the first message to another has order key %d", m.OrderKey)
	}
}

// Both sides at once, each message twice.
func orderKeys(t *testing.T, s anyStore) {
	alice, bob := rand.Text(), rand.Text()
	const n = 3
	var mu sync.Mutex
	byID := map[string]int64{}
	var wg sync.WaitGroup
	for i := range n {
		m := fullMessage(alice, bob)
		if i%2 == 0 {
			m = fullMessage(bob, alice)
		}
		for range 2 {
			wg.Go(func() {
				got, err := s.AddMessage(context.Background(), m)
				for range 3 { // as a client does: Firestore may give up on a contended document
					if err == nil {
						break
					}
					got, err = s.AddMessage(context.Background(), m)
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				if key, ok := byID[got.MessageID]; ok && key != got.OrderKey {
					t.Errorf("one message has order keys %d and %d", key, got.OrderKey)
				}
				byID[got.MessageID] = got.OrderKey
			})
		}
	}
	wg.Wait()
	var keys []int64
	for _, key := range byID {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	if !slices.Equal(keys, []int64{1, 2, 3}) {
		t.Errorf("order keys %v", keys)
	}
}
