package store_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fanout"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/inbox"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/presence"
)

// inboxes is the contract of inbox.Store.
func inboxes(t *testing.T, s anyStore) {
	for name, test := range map[string]func(*testing.T, anyStore){
		"peers": peersListed, "messages": messagesListed, "last messages": lastMessages, "read": readMoved, "failed read": failedRead,
		"ringing": callsRinging, "unread": unreadCounted,
	} {
		t.Run(name, func(t *testing.T) { test(t, s) })
	}
}

// peers has each of n others send user a message, a second apart, one of them
// in a room and one to somebody else too; it returns the cids, the latest first.
func peers(t *testing.T, s anyStore, user string, n int) (cids []string) {
	for i := range n {
		other := rand.Text()
		for _, to := range []string{user, rand.Text()} {
			m := fullMessage(other, to)
			m.Timestamp = at(time.Duration(i) * time.Second).UnixMilli()
			addMessage(t, s, m)
		}
		room := fullMessage(user, other)
		room.ConversationType = chat.Room
		addMessage(t, s, room)
		cids = append([]string{chat.CID(chat.Peer, user, other)}, cids...)
	}
	return cids
}

func cidsOf(found []chat.Conversation) (out []string) {
	for _, c := range found {
		out = append(out, chat.CID(chat.Peer, c.Members[0], c.Members[1]))
	}
	return out
}

func peersListed(t *testing.T, s anyStore) {
	user := rand.Text() + "aZ09!#$%&()+-:;<=.>?@[]^_{}|~"
	want := peers(t, s, user, 5)
	for since, n := range map[time.Duration]int{-time.Hour: 5, 0: 4, 2 * time.Second: 2, 3*time.Second + 999*time.Millisecond: 1, 4 * time.Second: 0} {
		found, err := s.Peers(t.Context(), user, at(since).UnixMilli())
		got := cidsOf(found)
		slices.Sort(got)
		if some := slices.Sorted(slices.Values(want[:n])); err != nil || !slices.Equal(got, some) {
			t.Errorf("since %v: %v, %v; want %v", since, got, err, some)
		}
	}
	found, err := s.Peers(t.Context(), user, 0)
	if err != nil || len(found) != 5 || found[0].LastSeq != 1 || found[0].LastMessageID == "" || !slices.Contains(found[0].Members, user) {
		t.Errorf("found %+v, %v", found, err)
	}

	var got []string
	var after *inbox.Place
	for range 4 {
		page, err := s.LatestPeers(t.Context(), user, after, 2)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, cidsOf(page)...)
		if len(page) > 0 {
			after = &inbox.Place{LastAt: page[len(page)-1].LastAt.UnixMilli(), CID: got[len(got)-1]}
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("pages hold %v, want %v", got, want)
	}
	if got, err := s.Peers(t.Context(), rand.Text(), 0); err != nil || len(got) != 0 {
		t.Errorf("of nobody: %v, %v", got, err)
	}
}

func seqs(messages []chat.Message) (out []int64) {
	for _, m := range messages {
		out = append(out, m.OrderKey)
	}
	return out
}

func messagesListed(t *testing.T, s anyStore) {
	alice, bob := rand.Text(), rand.Text()
	cid := chat.CID(chat.Peer, alice, bob)
	var all []chat.Message
	for i := range 5 {
		m := fullMessage(alice, bob)
		m.Timestamp += int64(i) * 10
		all = append(all, addMessage(t, s, m))
	}
	addMessage(t, s, fullMessage(alice, rand.Text()))
	first := all[0].Timestamp
	got, err := s.MessagesAfter(t.Context(), cid, 0, 10)
	if err != nil || !reflect.DeepEqual(got, all) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, all)
	}
	for _, tc := range []struct {
		how   string
		read  func(limit int) ([]chat.Message, error)
		limit int
		want  []int64
	}{
		{"after 2", func(n int) ([]chat.Message, error) { return s.MessagesAfter(t.Context(), cid, 2, n) }, 2, []int64{3, 4}},
		{"after 5", func(n int) ([]chat.Message, error) { return s.MessagesAfter(t.Context(), cid, 5, n) }, 2, nil},
		{"since the second", func(n int) ([]chat.Message, error) { return s.MessagesSince(t.Context(), cid, first+10, n) }, 9, []int64{3, 4, 5}},
		{"since just before it", func(n int) ([]chat.Message, error) { return s.MessagesSince(t.Context(), cid, first+9, n) }, 2, []int64{2, 3}},
		{"since the last", func(n int) ([]chat.Message, error) { return s.MessagesSince(t.Context(), cid, first+40, n) }, 2, nil},
		{"before 4", func(n int) ([]chat.Message, error) { return s.MessagesBefore(t.Context(), cid, 4, n) }, 2, []int64{3, 2}},
		{"before 2", func(n int) ([]chat.Message, error) { return s.MessagesBefore(t.Context(), cid, 2, n) }, 9, []int64{1}},
		{"before 1", func(n int) ([]chat.Message, error) { return s.MessagesBefore(t.Context(), cid, 1, n) }, 9, nil},
		{"of no conversation", func(n int) ([]chat.Message, error) { return s.MessagesAfter(t.Context(), "none", 0, n) }, 9, nil},
	} {
		if got, err := tc.read(tc.limit); err != nil || !slices.Equal(seqs(got), tc.want) {
			t.Errorf("%s: %v, %v; want %v", tc.how, seqs(got), err, tc.want)
		}
	}
}

func lastMessages(t *testing.T, s anyStore) {
	alice := rand.Text()
	want, ids := map[string]chat.Message{}, map[string]string{}
	for range 3 {
		m := addMessage(t, s, fullMessage(alice, rand.Text()))
		want[m.CID()], ids[m.CID()] = m, m.MessageID
	}
	ids[chat.CID(chat.Peer, alice, "nobody")] = "none"
	if got, err := s.LastMessages(t.Context(), ids); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
}

// setRead sets a position and returns what the store had before.
func setRead(t *testing.T, s anyStore, kind chat.ConversationType, cid, user string, seq int64) (c *chat.Conversation, m *group.Member) {
	t.Helper()
	err := s.SetRead(t.Context(), kind, cid, user, func(was *chat.Conversation, member *group.Member) (int64, error) {
		c, m = was, member
		return seq, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, m
}

func readMoved(t *testing.T, s anyStore) {
	alice, bob := rand.Text()+"aZ09!#$%&()+-:;<=.>?@[]^_{}|~", rand.Text()
	addMessage(t, s, fullMessage(alice, bob))
	cid := chat.CID(chat.Peer, alice, bob)
	for _, seq := range []int64{5, 5, 7} {
		setRead(t, s, chat.Peer, cid, alice, seq)
		setRead(t, s, chat.Peer, cid, bob, seq+1)
		c, m := setRead(t, s, chat.Peer, cid, bob, seq+1)
		if want := map[string]int64{alice: seq, bob: seq + 1}; !reflect.DeepEqual(c.Read, want) || m != nil || c.LastSeq != 1 || len(c.Members) != 2 {
			t.Errorf("the conversation is %+v, %+v; want read %v", c, m, want)
		}
	}

	id := createGroup(t, s, alice, bob)
	cid = group.CID(id)
	for _, seq := range []int64{5, 5, 7} {
		setRead(t, s, chat.Group, cid, alice, seq)
		if c, m := setRead(t, s, chat.Group, cid, alice, seq); m == nil || m.ReadSeq != seq || m.UserID != alice || len(c.Read) != 0 {
			t.Errorf("the group is %+v, %+v", c, m)
		}
	}
	_, members, err := s.ReadGroup(t.Context(), cid, []string{alice, bob})
	if err != nil || members[alice].ReadSeq != 7 || members[alice].Role != group.Owner || members[bob].ReadSeq != 0 {
		t.Errorf("the members are %+v, %v", members, err)
	}
}

func failedRead(t *testing.T, s anyStore) {
	alice, bob, stop := rand.Text(), rand.Text(), errors.New("stop")
	addMessage(t, s, fullMessage(bob, alice))
	id := createGroup(t, s, bob, alice)
	for _, tc := range []struct {
		kind      chat.ConversationType
		cid, user string
		c, m      bool
	}{
		{chat.Peer, chat.CID(chat.Peer, alice, bob), alice, true, false},
		{chat.Peer, chat.CID(chat.Peer, alice, "nobody"), alice, false, false},
		{chat.Group, group.CID(id), alice, true, true},
		{chat.Group, group.CID(id), "stranger", true, false},
		{chat.Group, group.CID("none of " + id), alice, false, false},
	} {
		for range 2 {
			err := s.SetRead(t.Context(), tc.kind, tc.cid, tc.user, func(c *chat.Conversation, m *group.Member) (int64, error) {
				if (c != nil) != tc.c || (m != nil) != tc.m || (m != nil && m.ReadSeq != 0) || (c != nil && c.Read[tc.user] != 0) {
					t.Errorf("%+v: got %+v, %+v", tc, c, m)
				}
				return 9, stop
			})
			if !errors.Is(err, stop) {
				t.Errorf("%+v: %v", tc, err)
			}
		}
	}
}

func callsRinging(t *testing.T, s anyStore) {
	user := rand.Text()
	want := map[string]call.Call{}
	for i := range 3 {
		c := fullCall(rand.Text())
		c.Ringing = append(c.Ringing, user)
		if i == 2 {
			c.Ringing = nil
		} else {
			want[c.CallID] = c
		}
		createCall(t, s.(call.Store), c)
	}
	found, err := s.RingingCalls(t.Context(), user, 10)
	got := map[string]call.Call{}
	for _, c := range found {
		got[c.CallID] = c
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
	if some, err := s.RingingCalls(t.Context(), user, 1); err != nil || len(some) != 1 {
		t.Errorf("one: %+v, %v", some, err)
	}
	if none, err := s.RingingCalls(t.Context(), fmt.Sprint(user, "x"), 10); err != nil || len(none) != 0 {
		t.Errorf("of nobody: %+v, %v", none, err)
	}
}

// What a user has not read is counted from what the store has of their conversations,
// and is less once they have read.
func unreadCounted(t *testing.T, s anyStore) {
	user := rand.Text()
	peers(t, s, user, 5)
	now := func() time.Time { return at(time.Hour) }
	reg := &presence.Registry{Store: s, Now: now}
	service := &inbox.Service{Store: s, Presence: s, Reads: &fanout.Reader{Positions: reg}, Now: now}
	groups := &group.Service{Store: s, Now: now, MaxMembers: 10}
	owner, id := rand.Text(), rand.Text()
	create := &group.CreateRequest{GroupInfo: &group.BaseInfo{GroupID: id, GroupName: "n"}, UserIDs: []string{user}}
	if _, err := groups.Create(t.Context(), owner, create); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		m := fullMessage(owner, id)
		m.ConversationType = chat.Group
		addMessage(t, s, m)
	}
	found, err := s.LatestPeers(t.Context(), user, nil, 1)
	if err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	muted := cidsOf(found)[0]
	read := func() error {
		kind := chat.Group
		_, err := service.Read(t.Context(), user, &inbox.ReadRequest{ConversationID: id, ConversationType: &kind})
		return err
	}
	for _, step := range []struct {
		name string
		do   func() error
		want int
	}{
		{"all", func() error { return nil }, 7},
		{"a peer muted", func() error { return reg.SetPeer(t.Context(), user, muted, &presence.Mute{}, "") }, 6},
		{"the group read", read, 4},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		u := &presence.User{UserID: user}
		if users, err := s.Users(t.Context(), []string{user}); err != nil {
			t.Fatal(err)
		} else if users[user] != nil {
			u = users[user]
		}
		if n, known, err := service.Unread(t.Context(), u, plan.Rules{}); err != nil || !known || n != step.want {
			t.Errorf("%s: %d, %t, %v; want %d", step.name, n, known, err, step.want)
		}
	}
}
