package store_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/presence"
)

// fullGroup has no field at its zero value but Members, which only a Peer
// conversation has.
func fullGroup(id string) chat.Conversation {
	return chat.Conversation{
		Type: chat.Group, ID: id, LastSeq: 7, LastAt: at(0), LastMessageID: "m", Read: map[string]int64{"u.with$odd": 6}, ChangedAt: 8, ExpireAt: at(time.Second),
		GroupFields: chat.GroupFields{
			Name: "n", AvatarURL: "a", Notice: "no", JoinMode: chat.JoinAuth, InviteMode: chat.InviteAdmin, CreatedAt: 1,
			MemberCount: 2, MaxMembers: 3, Joined: 4, Chunks: []int{1, 0, 1}, Dismissed: true, DismissedBy: "u", Clearing: true,
		},
	}
}

// fullMember has no field at its zero value.
func fullMember(groupID, userID string, number int64) group.Member {
	return group.Member{
		UserID: userID, GroupID: groupID, Role: group.Admin, Number: number, JoinedAt: 2, JoinSeq: 3, ReadSeq: 4,
		Status: group.DoNotDisturb, MutedUntil: 5, Level: presence.LevelMentions, Chunk: 2,
	}
}

func changeGroup(t *testing.T, s anyStore, groupID string, change group.Change) {
	t.Helper()
	err := s.ChangeGroup(t.Context(), group.CID(groupID), nil, func(*chat.Conversation, map[string]group.Member) (*group.Change, error) {
		return &change, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// wantGroup checks what a store has of a group, read both ways.
func wantGroup(t *testing.T, s anyStore, groupID string, want *chat.Conversation, members map[string]group.Member, userIDs ...string) {
	t.Helper()
	check := func(c *chat.Conversation, got map[string]group.Member) {
		t.Helper()
		if !reflect.DeepEqual(c, want) || !reflect.DeepEqual(got, members) {
			t.Errorf("got  %+v %+v\nwant %+v %+v", c, got, want, members)
		}
	}
	c, got, err := s.ReadGroup(t.Context(), group.CID(groupID), userIDs)
	if err != nil {
		t.Fatal(err)
	}
	check(c, got)
	err = s.ChangeGroup(t.Context(), group.CID(groupID), userIDs, func(c *chat.Conversation, got map[string]group.Member) (*group.Change, error) {
		check(c, got)
		return nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func wantRoster(t *testing.T, s anyStore, groupID string, n int, want map[string]group.Entry) {
	t.Helper()
	got, err := s.Roster(t.Context(), group.CID(groupID), n)
	if err != nil || len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
		t.Errorf("roster chunk %d is %+v, %v; want %+v", n, got, err, want)
	}
}

func groupKept(t *testing.T, s anyStore) {
	id := rand.Text()
	// Every character that a user ID may have (chat.CheckID): they are keys of the roster.
	ann, bob := rand.Text()+"aZ09!#$%&()+-:;<=.>?@[]^_{}|~", rand.Text()
	wantGroup(t, s, id, nil, map[string]group.Member{}, ann, bob)
	wantRoster(t, s, id, 2, nil)

	c, m, other := fullGroup(id), fullMember(id, ann, 1), fullMember(id, bob, 2)
	everyFieldSet(t, c, "Members")
	everyFieldSet(t, m)
	everyFieldSet(t, m.Entry())
	changeGroup(t, s, id, group.Change{Conversation: &c, Put: []group.Member{m, other}})
	wantGroup(t, s, id, &c, map[string]group.Member{ann: m}, ann, "nobody")
	wantRoster(t, s, id, 2, map[string]group.Entry{ann: m.Entry(), bob: other.Entry()})

	m.Role, m.Status, m.MutedUntil, m.Level = group.Owner, group.Notify, 0, ""
	changeGroup(t, s, id, group.Change{Put: []group.Member{m}})
	wantGroup(t, s, id, &c, map[string]group.Member{ann: m, bob: other}, ann, bob)
	wantRoster(t, s, id, 2, map[string]group.Entry{ann: m.Entry(), bob: other.Entry()})

	changeGroup(t, s, id, group.Change{Delete: []group.Member{m}})
	wantGroup(t, s, id, &c, map[string]group.Member{bob: other}, ann, bob)
	wantRoster(t, s, id, 2, map[string]group.Entry{bob: other.Entry()})
	groups, err := s.Groups(t.Context(), []string{group.CID(id), group.CID("none of " + id)})
	if want := map[string]chat.Conversation{group.CID(id): c}; err != nil || !reflect.DeepEqual(groups, want) {
		t.Errorf("groups %+v, %v", groups, err)
	}
}

func failedGroupChange(t *testing.T, s anyStore) {
	id, stop := rand.Text(), errors.New("stop")
	c := fullGroup(id)
	err := s.ChangeGroup(t.Context(), group.CID(id), nil, func(*chat.Conversation, map[string]group.Member) (*group.Change, error) {
		return &group.Change{Conversation: &c, Put: []group.Member{fullMember(id, "u", 1)}}, stop
	})
	if !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	wantGroup(t, s, id, nil, map[string]group.Member{}, "u")
	wantRoster(t, s, id, 2, nil)
}

// service is the rules of package group on this store.
func service(s anyStore) *group.Service {
	return &group.Service{Store: s, Now: func() time.Time { return at(0) }, MaxMembers: 1000}
}

func createGroup(t *testing.T, s anyStore, owner string, others ...string) string {
	t.Helper()
	out, err := service(s).Create(t.Context(), owner, &group.CreateRequest{GroupInfo: &group.BaseInfo{GroupName: "n"}, UserIDs: others})
	if err != nil {
		t.Fatal(err)
	}
	return out.GroupInfo.BaseInfo.GroupID
}

func groupMessages(t *testing.T, s anyStore) {
	ann, bob := rand.Text(), rand.Text()
	id := createGroup(t, s, ann, bob)
	message := func(from, to string) chat.Message {
		m := fullMessage(from, to)
		m.ConversationType, m.System = chat.Group, false
		return m
	}
	var bobs chat.Message
	for i, from := range []string{ann, bob, ann} {
		m := message(from, id)
		if from == bob {
			bobs = m
		}
		want := ordered(m, int64(i+1))
		want.Fanout = &chat.Fanout{Chunks: 1, Members: 2}
		want.Timestamp += int64(i) + 1 // the group was created at the first one's
		for range 2 {
			if got := addMessage(t, s, m); !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		}
	}
	c, _, err := s.ReadGroup(t.Context(), group.CID(id), nil)
	if err != nil || c.LastSeq != 3 || !c.LastAt.Equal(at(3*time.Millisecond).Truncate(time.Millisecond)) || c.MemberCount != 2 || c.Name != "n" {
		t.Errorf("after the messages the group is %+v, %v", c, err)
	}
	refused := func(m chat.Message, code fault.Code) {
		t.Helper()
		if got, err := s.AddMessage(t.Context(), m); fault.From(err).Code != code {
			t.Errorf("added %+v, %v; want code %d", got, err, code)
		}
	}
	refused(message("stranger", id), fault.GroupUserIsNotInTheGroup)
	refused(message(ann, "none of "+id), fault.GroupDoesNotExist)
	system := message("system", "none of "+id)
	system.System = true
	refused(system, fault.GroupDoesNotExist)
	system.ConversationID = id
	if got := addMessage(t, s, system); got.OrderKey != 4 || got.Fanout.Members != 2 || !got.System {
		t.Errorf("the system, which is no member, sent %+v", got)
	}
	if _, err := service(s).Leave(t.Context(), bob, &group.Request{GroupID: id}); err != nil {
		t.Fatal(err)
	}
	refused(message(bob, id), fault.GroupUserIsNotInTheGroup)
	// Who got no answer and has left since is told that it was stored.
	if got := addMessage(t, s, bobs); got.OrderKey != 2 {
		t.Errorf("asked again, the message is %+v", got)
	}
	if _, err := service(s).Dismiss(t.Context(), ann, &group.Request{GroupID: id}); err != nil {
		t.Fatal(err)
	}
	refused(message(ann, id), fault.GroupDoesNotExist)
}

func groupPages(t *testing.T, s anyStore) {
	ann := rand.Text()
	var others, mine []string
	for i := range 4 {
		others = append(others, fmt.Sprint(i, rand.Text()))
	}
	id := createGroup(t, s, ann, others...)
	var got []string
	after := int64(0)
	for range 3 {
		page, err := s.Members(t.Context(), group.CID(id), after, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page {
			got, after = append(got, m.UserID), m.Number
		}
	}
	if want := append([]string{ann}, others...); !reflect.DeepEqual(got, want) {
		t.Errorf("members %q, want %q", got, want)
	}

	ids := map[string]bool{id: true}
	for range 4 {
		ids[createGroup(t, s, ann)] = true
	}
	createGroup(t, s, others[0])
	afterCID := ""
	for range 3 {
		page, err := s.Memberships(t.Context(), ann, afterCID, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page {
			if !ids[m.GroupID] || m.UserID != ann {
				t.Errorf("membership %+v", m)
			}
			mine, afterCID = append(mine, m.GroupID), group.CID(m.GroupID)
		}
	}
	for _, id := range mine {
		delete(ids, id)
	}
	if len(mine) != 5 || len(ids) != 0 {
		t.Errorf("pages of memberships hold %q, without %v", mine, ids)
	}
}

func groupDismissal(t *testing.T, s anyStore) {
	ann := rand.Text()
	id := createGroup(t, s, ann, rand.Text(), rand.Text(), rand.Text())
	steps := 0
	for more := true; more; steps++ {
		var err error
		if more, err = s.ClearGroup(t.Context(), group.CID(id), 3); err != nil || steps > 10 {
			t.Fatalf("step %d: %v", steps, err)
		}
	}
	if steps != 4 { // three members, one member, one chunk, nothing
		t.Errorf("cleared in %d steps", steps)
	}
	if left, err := s.Members(t.Context(), group.CID(id), 0, 10); err != nil || len(left) != 0 {
		t.Errorf("left %+v, %v", left, err)
	}
	wantRoster(t, s, id, 0, nil)
}

// The transaction that closes a group takes its roster, all of it or none; what
// is left of its members is found until they are removed.
func groupClosed(t *testing.T, s anyStore) {
	ann, bob := rand.Text(), rand.Text()
	id := createGroup(t, s, ann, bob)
	clearing := func() bool {
		cids, err := s.ClearingGroups(t.Context(), 1000)
		if err != nil {
			t.Fatal(err)
		}
		return slices.Contains(cids, group.CID(id))
	}
	if clearing() {
		t.Error("a group that isn't dismissed is to be cleared")
	}
	c, members, err := s.ReadGroup(t.Context(), group.CID(id), []string{ann, bob})
	if err != nil || len(members) != 2 {
		t.Fatal(members, err)
	}
	c.Dismissed, c.Clearing, c.Chunks = true, true, nil
	changeGroup(t, s, id, group.Change{Conversation: c, DropChunks: 1})
	if entries, err := s.Roster(t.Context(), group.CID(id), 0); err != nil || entries != nil {
		t.Errorf("the roster is %+v, %v", entries, err)
	}
	wantGroup(t, s, id, c, members, ann, bob)
	for more := true; more; {
		if !clearing() {
			t.Fatal("members are left, and nobody would find them")
		}
		if more, err = s.ClearGroup(t.Context(), group.CID(id), 1); err != nil {
			t.Fatal(err)
		}
	}
	c.Clearing = false
	wantGroup(t, s, id, c, map[string]group.Member{}, ann, bob)
	if clearing() {
		t.Error("a group that is cleared is to be cleared")
	}
}

// Many join and leave at once: the counts are as if one after the other.
func concurrentJoins(t *testing.T, s anyStore) {
	const users = 5
	id := createGroup(t, s, rand.Text())
	g := service(s)
	var wg sync.WaitGroup
	for i := range users {
		wg.Go(func() {
			user := fmt.Sprint("u", i)
			for range 2 {
				if _, err := g.Join(context.Background(), user, &group.Request{GroupID: id}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	c, _, err := s.ReadGroup(t.Context(), group.CID(id), nil)
	if err != nil || c.MemberCount != users+1 || !reflect.DeepEqual(c.Chunks, []int{users + 1}) || c.Joined != users+1 {
		t.Errorf("the group is %+v, %v", c, err)
	}
	roster, err := s.Roster(t.Context(), group.CID(id), 0)
	if err != nil || len(roster) != users+1 {
		t.Errorf("roster %v, %v", roster, err)
	}
}
