package group_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/group"
)

// act does one random operation; one that the rules forbid is fine.
func (w *world) act(random *rand.Rand) string {
	user := func() string { return fmt.Sprint("u", random.IntN(12)) }
	some := func() (out []string) {
		for range 1 + random.IntN(4) {
			out = append(out, user())
		}
		return out
	}
	id, who, kind := fmt.Sprint("g", random.IntN(2)), user(), chat.Group
	var what string
	var err error
	switch random.IntN(12) {
	case 0, 1:
		what = "create"
		_, err = w.s.Create(ctx, who, &group.CreateRequest{
			GroupInfo: &group.BaseInfo{GroupID: id, GroupName: "n"}, UserIDs: some(), Config: &group.CreateConfig{MaxMemberCount: 8},
		})
	case 2, 3:
		what = "join"
		_, err = w.s.Join(ctx, who, &group.Request{GroupID: id})
	case 4:
		what = "leave"
		_, err = w.s.Leave(ctx, who, &group.Request{GroupID: id})
	case 5, 6:
		what = "invite"
		_, err = w.s.Invite(ctx, who, &group.UsersRequest{GroupID: id, UserIDs: some()})
	case 7:
		what = "kick"
		_, err = w.s.Kick(ctx, who, &group.UsersRequest{GroupID: id, UserIDs: some()})
	case 8:
		what = "role"
		_, err = w.s.SetRole(ctx, who, &group.RoleRequest{GroupID: id, ForUserID: user(), Role: group.Role(2 + random.IntN(2))})
	case 9:
		what = "transfer"
		_, err = w.s.Transfer(ctx, who, &group.TransferRequest{GroupID: id, ToUserID: user()})
	case 10:
		what = "status"
		_, err = w.s.SetStatus(ctx, who, &group.StatusRequest{Status: group.DoNotDisturb, ConversationID: id, ConversationType: &kind, MutedUntil: random.Int64N(3)})
	case 11:
		what = "message"
		_, err = w.db.AddMessage(ctx, chat.Message{MessageID: fmt.Sprint(random.Int()), SenderUserID: who, ConversationID: id, ConversationType: kind})
	}
	if random.IntN(300) == 0 {
		what = "dismiss"
		_, err = w.s.Dismiss(ctx, who, &group.Request{GroupID: id})
	}
	if err != nil && fault.From(err).Status == fault.Internal {
		w.Errorf("%s: %v", what, err)
	}
	return strings.Join([]string{who, what, id}, " ")
}

// Members, roster and counts agree, and there is one owner, whatever is done.
func TestInvariant(t *testing.T) {
	for seed := range uint64(40) {
		w := newWorld(t)
		random := rand.New(rand.NewPCG(seed, 3))
		var history []string
		for range 150 {
			history = append(history, w.act(random))
			if problems := append(w.problems("g0"), w.problems("g1")...); problems != nil {
				t.Fatalf("seed %d: %q after\n%q", seed, problems, history)
			}
		}
	}
}

func TestInvariantConcurrently(t *testing.T) {
	w := newWorld(t)
	var wg sync.WaitGroup
	for worker := range uint64(8) {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(9, worker))
			for range 200 {
				w.act(random)
			}
		})
	}
	wg.Wait()
	if problems := append(w.problems("g0"), w.problems("g1")...); problems != nil {
		t.Errorf("%q", problems)
	}
}
