package store_test

import (
	"context"
	"crypto/rand"
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/dispatch"
	"github.com/doorbell-push/doorbell/shared/lapse"
)

// calls is the contract of call.Store.
func calls(t *testing.T, s anyStore) {
	for name, test := range map[string]func(*testing.T, call.Store){
		"kept": callKept, "change": callChanged, "concurrent": concurrentCalls, "list": callList, "since": callsSince, "due": callsDue,
	} {
		t.Run(name, func(t *testing.T) { test(t, s.(call.Store)) })
	}
}

func newCallID() string { return rand.Text()[:20] }

// fullCall has no field at its zero value.
func fullCall(userID string) call.Call {
	id := newCallID()
	push := &chat.PushConfig{Title: "t", Content: "c"}
	return call.Call{
		CallID: id, Caller: userID, Mode: call.Advanced, State: call.Started, CreateTime: at(0).UnixMilli(), Timeout: 90,
		ExtendedData: "x", AcceptTime: 1, EndTime: 2, EndedBy: "b", Pushes: map[string]chat.PushConfig{"1": *push, "2": *push}, Rev: 3, Traceparent: "tp",
		Users: map[string]call.User{
			userID:       {State: call.Accepted, At: 1},
			"b.with$odd": {State: call.Inviting, ExtendedData: "y", Inviter: userID, Gen: 2, ExpiresAt: 5, At: 4, AnsweredBy: "p", Push: "1", EndPush: "2"},
		},
		Members: []string{userID, "b.with$odd"}, Ringing: []string{"b.with$odd"}, DueAt: 5, DueShard: 2, ExpireAt: at(0),
	}
}

func createCall(t *testing.T, s call.Store, c call.Call) call.Call {
	t.Helper()
	got, err := s.CreateCall(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func readCall(t *testing.T, s call.Store, callID string) (got *call.Call) {
	t.Helper()
	if err := s.ChangeCall(t.Context(), callID, func(c *call.Call) (*call.Call, error) { got = c; return nil, nil }); err != nil {
		t.Fatal(err)
	}
	return got
}

func callKept(t *testing.T, s call.Store) {
	want := fullCall(rand.Text())
	everyFieldSet(t, want)
	everyFieldSet(t, want.Users["b.with$odd"], "State")
	if got := readCall(t, s, want.CallID); got != nil {
		t.Errorf("an unknown call is %+v", got)
	}
	createCall(t, s, want)
	other := fullCall("other")
	other.CallID = want.CallID
	if got := createCall(t, s, other); !reflect.DeepEqual(got, want) {
		t.Errorf("the second got %+v\nwant %+v", got, want)
	}
	if got := readCall(t, s, want.CallID); !reflect.DeepEqual(*got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	one := s.(dispatch.Calls)
	if got, err := one.Call(t.Context(), want.CallID); err != nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
	if got, err := one.Call(t.Context(), newCallID()); err != nil || got != nil {
		t.Errorf("an unknown call is %+v, %v", got, err)
	}
}

func callChanged(t *testing.T, s call.Store) {
	c, stop := fullCall(rand.Text()), errors.New("stop")
	createCall(t, s, c)
	err := s.ChangeCall(t.Context(), c.CallID, func(c *call.Call) (*call.Call, error) { c.Rev = 9; return c, stop })
	if got := readCall(t, s, c.CallID); !errors.Is(err, stop) || got.Rev != c.Rev {
		t.Errorf("a failed change: %v, %+v", err, got)
	}
	want := c
	want.Users, want.DueAt, want.Pushes = map[string]call.User{"z": {At: 1}}, 0, nil
	if err := s.ChangeCall(t.Context(), c.CallID, func(*call.Call) (*call.Call, error) { return &want, nil }); err != nil {
		t.Error(err)
	}
	if got := readCall(t, s, c.CallID); !reflect.DeepEqual(*got, want) {
		t.Errorf("replaced by %+v\nwant %+v", got, want)
	}
}

func concurrentCalls(t *testing.T, s call.Store) {
	const workers = 5
	c := fullCall(rand.Text())
	createCall(t, s, c)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			err := errors.New("not tried")
			for range 10 { // where Firestore gives up on a contended document
				if err = s.ChangeCall(context.Background(), c.CallID, func(c *call.Call) (*call.Call, error) { c.Rev++; return c, nil }); err == nil {
					return
				}
			}
			t.Error(err)
		})
	}
	wg.Wait()
	if got := readCall(t, s, c.CallID); got.Rev != c.Rev+workers {
		t.Errorf("%d of %d changes are left", got.Rev-c.Rev, workers)
	}
}

// Newest first, of one millisecond in some order, and every page goes on
// where the one before ended.
func callList(t *testing.T, s call.Store) {
	user := rand.Text()
	var want []string
	for i := range 7 {
		c := fullCall(user)
		c.CreateTime += int64(i / 2)
		createCall(t, s, c)
		createCall(t, s, fullCall(rand.Text()))
		want = append(want, c.CallID)
	}
	var got []call.Call
	var after *call.Cursor
	for {
		page, err := s.Calls(t.Context(), user, after, 3)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		got = append(got, page...)
		last := page[len(page)-1].Cursor()
		after = &last
	}
	var ids []string
	for _, c := range got {
		ids = append(ids, c.CallID)
	}
	if !slices.IsSortedFunc(got, func(a, b call.Call) int { return call.Compare(a.Cursor(), b.Cursor()) }) {
		t.Errorf("order %q", ids)
	}
	slices.SortFunc(ids, strings.Compare)
	slices.SortFunc(want, strings.Compare)
	if !slices.Equal(ids, want) {
		t.Errorf("got %q, want %q", ids, want)
	}
}

// Those that began at a time or later, the latest first.
func callsSince(t *testing.T, s call.Store) {
	user := rand.Text()
	var ids []string
	for i := range 5 {
		c := fullCall(user)
		c.CreateTime += int64(i)
		createCall(t, s, c)
		createCall(t, s, fullCall(rand.Text()))
		ids = append([]string{c.CallID}, ids...)
	}
	began := at(0).UnixMilli()
	for _, tc := range []struct {
		since int64
		limit int
		want  []string
	}{
		{0, 10, ids}, {began, 5, ids}, {began + 1, 10, ids[:4]}, {began + 1, 2, ids[:2]}, {began + 4, 10, ids[:1]}, {began + 5, 10, nil},
	} {
		var got []string
		calls, err := s.(lapse.Calls).CallsSince(t.Context(), user, tc.since, tc.limit)
		for _, c := range calls {
			if got = append(got, c.CallID); !slices.Equal(c.Members, fullCall(user).Members) {
				t.Errorf("got %+v", c)
			}
		}
		if err != nil || !slices.Equal(got, tc.want) {
			t.Errorf("since %d, limit %d: %q, %v; want %q", tc.since-began, tc.limit, got, err, tc.want)
		}
	}
}

func callsDue(t *testing.T, s call.Store) {
	const shard = 1000 // this test's own
	add := func(due int64) call.Due {
		c := fullCall(rand.Text())
		c.DueShard, c.DueAt = shard, due
		return call.Due{CallID: createCall(t, s, c).CallID, At: due}
	}
	second, first := add(20), add(10)
	add(0)
	add(31)
	same := []call.Due{add(30), add(30), add(30)} // in one millisecond
	slices.SortFunc(same, call.Due.Compare)
	all := append([]call.Due{first, second}, same...)
	for _, tc := range []struct {
		after call.Due
		limit int
		want  []call.Due
	}{
		{call.Due{}, 10, all},
		{call.Due{}, 2, all[:2]},
		{first, 10, all[1:]},
		{same[0], 10, same[1:]},
		{same[0], 1, same[1:2]},
		{same[2], 10, nil},
	} {
		if got, err := s.DueCalls(t.Context(), shard, tc.after, 30, tc.limit); err != nil || !slices.Equal(got, tc.want) {
			t.Errorf("due after %v, at most %d: %v, %v; want %v", tc.after, tc.limit, got, err, tc.want)
		}
	}
	if got, err := s.DueCalls(t.Context(), shard+1, call.Due{}, 30, 10); err != nil || len(got) != 0 {
		t.Errorf("due in another shard: %v, %v", got, err)
	}
}
