package presence_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/store"
)

type platforms = []device.Platform

func TestSetRule(t *testing.T) {
	w := newWorld(t)
	w.register("alice", "phone", "T1")
	for _, tc := range []struct{ set, want presence.PushRule }{
		{presence.PushRule{OnlinePlatforms: platforms{6, 1}, NotToReceiveOfflinePushPlatforms: platforms{3}}, presence.PushRule{OnlinePlatforms: platforms{1, 6}, NotToReceiveOfflinePushPlatforms: platforms{3}}},
		{presence.PushRule{OnlinePlatforms: platforms{4, 4}, NotToReceiveOfflinePushPlatforms: platforms{9, 2, 9}}, presence.PushRule{OnlinePlatforms: platforms{4}, NotToReceiveOfflinePushPlatforms: platforms{2, 9}}},
		{presence.PushRule{}, presence.PushRule{OnlinePlatforms: platforms{}, NotToReceiveOfflinePushPlatforms: platforms{}}},
	} {
		set, err := w.reg.SetRule(t.Context(), "alice", tc.set)
		if err != nil || !reflect.DeepEqual(set, tc.want) {
			t.Errorf("set %+v: %+v, %v", tc.set, set, err)
		}
		got, err := w.reg.Rule(t.Context(), "alice")
		if err != nil || !reflect.DeepEqual(got, tc.want) || !reflect.DeepEqual(w.user("alice").Rule, tc.want) {
			t.Errorf("set %+v: read %+v, %v", tc.set, got, err)
		}
	}
	if len(w.devices("alice")) != 1 {
		t.Errorf("the rule changed devices: %+v", w.devices("alice"))
	}
	// Who has no document has no rule.
	want := presence.PushRule{OnlinePlatforms: platforms{}, NotToReceiveOfflinePushPlatforms: platforms{}}
	if got, err := w.reg.Rule(t.Context(), "bob"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("bob's is %+v, %v", got, err)
	}
}

func TestRuleCheck(t *testing.T) {
	some := platforms{device.Web}
	for _, tc := range []struct {
		rule           presence.PushRule
		field, message string
	}{
		{presence.PushRule{}, "onlinePlatforms", "is required: an array of platforms, [] for none"},
		{presence.PushRule{OnlinePlatforms: some}, "notToReceiveOfflinePushPlatforms", "is required: an array of platforms, [] for none"},
		{presence.PushRule{OnlinePlatforms: slices.Repeat(some, 21), NotToReceiveOfflinePushPlatforms: some}, "onlinePlatforms", "names 21 platforms: at most 20"},
		{presence.PushRule{OnlinePlatforms: some, NotToReceiveOfflinePushPlatforms: slices.Repeat(some, 21)}, "notToReceiveOfflinePushPlatforms", "names 21 platforms: at most 20"},
	} {
		var e *fault.Error
		if err := tc.rule.Check(); !errors.As(err, &e) || e.Field != tc.field || e.Message != tc.message || e.Status != fault.InvalidArgument {
			t.Errorf("%+v: %v", tc.rule, err)
		}
	}
	for _, rule := range []presence.PushRule{
		{OnlinePlatforms: platforms{}, NotToReceiveOfflinePushPlatforms: platforms{}},
		{OnlinePlatforms: slices.Repeat(some, 20), NotToReceiveOfflinePushPlatforms: slices.Repeat(some, 20)},
	} {
		if err := rule.Check(); err != nil {
			t.Errorf("%+v: %v", rule, err)
		}
	}
}

// down is a store that can't be read.
type down struct{ *store.Memory }

func (down) Users(context.Context, []string) (map[string]*presence.User, error) { return nil, errDown }

func TestRuleFails(t *testing.T) {
	w := newWorld(t)
	w.reg.Store = down{w.db}
	if _, err := w.reg.Rule(t.Context(), "alice"); !errors.Is(err, errDown) {
		t.Errorf("got %v", err)
	}
	if _, _, err := w.reg.Blacklist(t.Context(), "alice", 0, 1); !errors.Is(err, errDown) {
		t.Errorf("blacklist: %v", err)
	}
	if _, err := w.reg.InBlacklist(t.Context(), "alice", "bob"); !errors.Is(err, errDown) {
		t.Errorf("in blacklist: %v", err)
	}
}
