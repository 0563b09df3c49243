package group_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/store"
)

func TestMembers(t *testing.T) {
	w := newWorld(t).made()
	for _, count := range []int{1, 2, 3, 4, 100} {
		var got []string
		r := &group.MembersRequest{GroupID: "g", Count: count}
		for {
			page, err := w.s.Members(ctx, "rita", r)
			if err != nil || page.GroupID != "g" || len(page.UserList) > count {
				t.Fatalf("%+v, %v", page, err)
			}
			for _, m := range page.UserList {
				got = append(got, fmt.Sprint(m.UserID, m.MemberRole))
			}
			if r.NextFlag = page.NextFlag; r.NextFlag == 0 {
				break
			}
		}
		if !slices.Equal(got, []string{"olga1", "adam2", "rita3"}) {
			t.Errorf("by %d: %q", count, got)
		}
	}
	if _, err := w.s.Members(ctx, "nora", &group.MembersRequest{GroupID: "g", Count: 1}); fault.From(err).Code != fault.GroupUserIsNotInTheGroup {
		t.Errorf("a stranger got %v", err)
	}
}

func TestMine(t *testing.T) {
	w := newWorld(t).made()
	for i := range 4 {
		if _, err := w.s.Create(ctx, "rita", &group.CreateRequest{GroupInfo: &group.BaseInfo{GroupID: fmt.Sprint("g", i), GroupName: "n"}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, count := range []int{1, 2, 5, 100} {
		got := map[string]group.Role{}
		r := &group.MineRequest{Count: count}
		for {
			page, err := w.s.Mine(ctx, "rita", r)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range page.GroupList {
				got[m.BaseInfo.GroupID+m.BaseInfo.GroupName] += m.MemberRole
			}
			if r.NextFlag = page.NextFlag; r.NextFlag == "" {
				break
			}
		}
		if want := map[string]group.Role{"gn": 3, "g0n": 1, "g1n": 1, "g2n": 1, "g3n": 1}; !reflect.DeepEqual(got, want) {
			t.Errorf("by %d: %v", count, got)
		}
	}
}

func TestSetStatus(t *testing.T) {
	w := newWorld(t).made()
	kind := chat.Group
	for _, tc := range []struct {
		status group.Status
		until  int64
		level  presence.Level
	}{{group.DoNotDisturb, 0, ""}, {group.DoNotDisturb, 99, presence.LevelMentions}, {group.Notify, 0, presence.LevelNone}, {group.Notify, 0, ""}} {
		out, err := w.s.SetStatus(ctx, "rita", &group.StatusRequest{Status: tc.status, ConversationID: "g", ConversationType: &kind, MutedUntil: tc.until, Level: tc.level})
		if err != nil || out != (group.StatusSet{ConversationID: "g", ConversationType: chat.Group}) {
			t.Errorf("got %+v, %v", out, err)
		}
		if _, members, err := w.db.ReadGroup(ctx, group.CID("g"), []string{"rita"}); err != nil || members["rita"].Level != tc.level {
			t.Errorf("membership %+v, %v", members["rita"], err)
		}
		info, err := w.s.Info(ctx, "rita", &group.Request{GroupID: "g"})
		if err != nil || info.GroupInfo.NotificationStatus != tc.status || info.GroupInfo.MutedExpiredTime != tc.until {
			t.Errorf("info %+v, %v", info, err)
		}
		w.want(three)
	}
	_, err := w.s.SetStatus(ctx, "nora", &group.StatusRequest{Status: group.Notify, ConversationID: "g", ConversationType: &kind})
	if fault.From(err).Code != fault.GroupUserIsNotInTheGroup {
		t.Errorf("a stranger got %v", err)
	}
}

// Who joins gets what is sent from then on.
func TestJoinSeq(t *testing.T) {
	w := newWorld(t).made()
	for i := range 3 {
		m := chat.Message{MessageID: fmt.Sprint(i), SenderUserID: "olga", ConversationID: "g", ConversationType: chat.Group}
		if _, err := w.db.AddMessage(ctx, m); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.s.Join(ctx, "nora", &group.Request{GroupID: "g"}); err != nil {
		t.Fatal(err)
	}
	_, members, err := w.db.ReadGroup(ctx, group.CID("g"), []string{"nora", "rita"})
	if err != nil || members["nora"].JoinSeq != 3 || members["nora"].ReadSeq != 3 || members["rita"].JoinSeq != 0 {
		t.Errorf("members %+v, %v", members, err)
	}
}

func TestStoreFails(t *testing.T) {
	down := errors.New("store is down")
	s := &group.Service{Store: &failing{Store: &store.Memory{}, all: down}, Now: time.Now, MaxMembers: 10}
	whole := &group.Request{GroupID: "g"}
	for what, err := range map[string]error{
		"create":  second(s.Create(ctx, "u", &group.CreateRequest{GroupInfo: &group.BaseInfo{GroupName: "n"}})),
		"join":    second(s.Join(ctx, "u", whole)),
		"dismiss": second(s.Dismiss(ctx, "u", whole)),
		"info":    second(s.Info(ctx, "u", whole)),
		"members": second(s.Members(ctx, "u", &group.MembersRequest{GroupID: "g", Count: 1})),
		"mine":    second(s.Mine(ctx, "u", &group.MineRequest{Count: 1})),
	} {
		if !errors.Is(err, down) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
