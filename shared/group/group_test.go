package group

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/presence"
)

// Who may do what, by role: the whole matrix.
func TestPermissions(t *testing.T) {
	want := map[action]string{ // the roles that may, in the order Owner, Admin, Regular
		view: "123", mute: "123", leave: "23", invite: "123", inviteByAdmin: "12",
		kickRegular: "12", kickAdmin: "1", kickOwner: "", setRole: "1", transfer: "1", dismiss: "1",
	}
	for a, roles := range want {
		got := ""
		for _, r := range []Role{0, Owner, Admin, Regular, 4} {
			if r.may(a) {
				got += fmt.Sprint(r)
			}
		}
		if got != roles {
			t.Errorf("%s: %q may, want %q", a, got, roles)
		}
	}
	if len(permissions) != len(want) {
		t.Errorf("%d actions are tested of %d", len(want), len(permissions))
	}
	if Owner.may("something else") {
		t.Error("what is not listed is allowed")
	}
}

func TestInvitingAndKicking(t *testing.T) {
	for mode, want := range map[chat.InviteMode]action{chat.InviteAny: invite, chat.InviteAdmin: inviteByAdmin} {
		if got := inviting(&chat.Conversation{GroupFields: chat.GroupFields{InviteMode: mode}}); got != want {
			t.Errorf("inviteMode %d: %s", mode, got)
		}
	}
	for role, want := range map[Role]action{Owner: kickOwner, Admin: kickAdmin, Regular: kickRegular} {
		if got := kicking(role); got != want {
			t.Errorf("role %d: %s", role, got)
		}
	}
}

func TestPlace(t *testing.T) {
	for _, tc := range []struct {
		chunks []int
		at     int
		want   []int
	}{
		{nil, 0, []int{1}},
		{[]int{1}, 0, []int{2}},
		{[]int{MaxChunk - 1}, 0, []int{MaxChunk}},
		{[]int{MaxChunk}, 1, []int{MaxChunk, 1}},
		{[]int{MaxChunk, 0, 3}, 1, []int{MaxChunk, 1, 3}},
		{[]int{MaxChunk, MaxChunk}, 2, []int{MaxChunk, MaxChunk, 1}},
	} {
		c := &chat.Conversation{GroupFields: chat.GroupFields{Chunks: slices.Clone(tc.chunks), MemberCount: 5, Joined: 9}}
		if at := place(c); at != tc.at || !slices.Equal(c.Chunks, tc.want) || c.MemberCount != 6 || c.Joined != 10 {
			t.Errorf("%v: placed in %d, giving %+v", tc.chunks, at, c.GroupFields)
		}
	}
}

func TestVacate(t *testing.T) {
	for _, tc := range []struct {
		chunks []int
		from   int
		want   []int
	}{
		{[]int{2}, 0, []int{1}},
		{[]int{1}, 0, []int{}},
		{[]int{1, 3}, 0, []int{0, 3}},
		{[]int{0, 0, 1}, 2, []int{}},
		{[]int{7, 0, 1}, 2, []int{7}},
	} {
		c := &chat.Conversation{GroupFields: chat.GroupFields{Chunks: slices.Clone(tc.chunks), MemberCount: 5}}
		if vacate(c, tc.from); !slices.Equal(c.Chunks, tc.want) || c.MemberCount != 4 {
			t.Errorf("%v: left %+v", tc.chunks, c.GroupFields)
		}
	}
}

// However members come and go, a group of N has no more than N/250 chunks and
// one for each that emptied in between; filled up again, it has exactly those.
func TestChunksFillUp(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	c := &chat.Conversation{}
	var at []int
	for range 20 * MaxChunk {
		if len(at) > 0 && random.IntN(3) == 0 {
			i := random.IntN(len(at))
			vacate(c, at[i])
			at = slices.Delete(at, i, i+1)
			continue
		}
		at = append(at, place(c))
	}
	for c.MemberCount%MaxChunk != 0 || slices.Contains(c.Chunks, 0) || slices.Min(c.Chunks) < MaxChunk {
		place(c)
	}
	if len(c.Chunks)*MaxChunk != c.MemberCount || slices.Max(c.Chunks) > MaxChunk {
		t.Errorf("%d members in %v", c.MemberCount, c.Chunks)
	}
}

func TestEntry(t *testing.T) {
	m := Member{Role: Admin, Status: DoNotDisturb, MutedUntil: 5, Level: presence.LevelMentions, JoinSeq: 7}
	if want := (Entry{Role: Admin, Muted: true, MutedUntil: 5, Level: presence.LevelMentions, JoinSeq: 7}); m.Entry() != want {
		t.Errorf("got %+v", m.Entry())
	}
	if m.Status = Notify; m.Entry().Muted {
		t.Error("muted without DoNotDisturb")
	}
}

func TestDistinct(t *testing.T) {
	if got := distinct([]string{"a", "b", "a", "c", "b"}, "c", "x"); !reflect.DeepEqual(got, []string{"a", "b"}) {
		t.Errorf("got %q", got)
	}
}
