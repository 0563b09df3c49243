package fanout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// sweeps is what asked for a sweep.
type sweeps []call.Due

func (s *sweeps) PublishSweep(_ context.Context, d call.Due) error { *s = append(*s, d); return nil }

// rings answers with one list of entries after the other, the last again and
// again.
type rings struct {
	lists [][]delivery.Entry
	reads int
	err   error
}

func (r *rings) Entries(context.Context, string) ([]delivery.Entry, error) {
	r.reads++
	if len(r.lists) == 0 {
		return nil, r.err
	}
	return slices.Clone(r.lists[min(r.reads, len(r.lists))-1]), r.err
}

// ringing is a call of alice's to bob and carol.
func ringing(edits ...func(*call.Call)) *call.Call {
	invited := call.User{State: call.Inviting, Inviter: "alice", Push: "1", Gen: 1, At: now.UnixMilli(), ExpiresAt: now.Add(90 * time.Second).UnixMilli()}
	c := &call.Call{
		CallID: "c", Caller: "alice", State: call.Started, CreateTime: now.UnixMilli(), Timeout: 90, Rev: 1,
		Pushes: map[string]chat.PushConfig{"1": {Title: "secret title", Content: "secret content"}},
		Users:  map[string]call.User{"alice": {State: call.Accepted}, "bob": invited, "carol": invited},
	}
	for _, edit := range edits {
		edit(c)
	}
	return c
}

// into has a user's invitation end in a state, in the next change.
func into(userID string, s call.UserState) func(*call.Call) {
	return func(c *call.Call) {
		u := c.Users[userID]
		u.State, u.AnsweredBy = s, "p0001"
		c.Users[userID] = u
		c.Rev++
	}
}

func carol(n int) *presence.User {
	u := bob(n)
	u.UserID = "carol"
	return u
}

func callBench(t *testing.T, r *rings, users ...*presence.User) (*bench, *sweeps) {
	b, s := newBench(t, users...), new(sweeps)
	b.f.Rings, b.f.Sweeps = r, s
	return b, s
}

func (b *bench) targets() []string {
	var out []string
	for _, batch := range b.topic.batches {
		for _, t := range batch.Targets {
			out = append(out, fmt.Sprintf("%s %s %s", batch.Announcement.Push.Content, t.UserID, t.PushID))
		}
	}
	return out
}

func TestCallRings(t *testing.T) {
	b, sweeps := callBench(t, &rings{}, bob(2, online), carol(1))
	for range 2 { // the event comes twice
		if err := b.f.Call(t.Context(), nil, *ringing()); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"secret content bob p0001", "secret content carol p0000"}
	if got := b.targets(); !slices.Equal(got, append(want, want...)) {
		t.Errorf("rang %q", got)
	}
	first, second := b.topic.batches[0], b.topic.batches[1]
	if first.ID != second.ID || len(b.topic.batches) != 2 {
		t.Errorf("batches %s and %s of %d", first.ID, second.ID, len(b.topic.batches))
	}
	if a := first.Announcement; a != push.OfCall(*ringing(), "bob") || !first.Urgent() {
		t.Errorf("announced %+v", a)
	}
	if len(*sweeps) != 0 || len(b.presence.reads) != 2 {
		t.Errorf("sweeps %v, reads %v", *sweeps, b.presence.reads)
	}
	if strings.Contains(b.log.String(), "secret") || !strings.Contains(b.log.String(), `"decisions":{"online":1,"push":2}`) {
		t.Errorf("log %s", b.log)
	}
}

func TestCallWithoutPush(t *testing.T) {
	b, _ := callBench(t, &rings{err: errors.New("not asked")}, bob(1), carol(1))
	quiet := func(c *call.Call) { c.Pushes = nil }
	if err := b.f.Call(t.Context(), nil, *ringing(quiet)); err != nil {
		t.Error(err)
	}
	if err := b.f.Call(t.Context(), ringing(quiet), *ringing(quiet, into("bob", call.Timeout))); err != nil {
		t.Error(err)
	}
	if len(b.topic.batches) != 0 || len(b.presence.reads) != 0 || !strings.Contains(b.log.String(), `"no_push_config":2`) {
		t.Errorf("%d batches, reads %v, log %s", len(b.topic.batches), b.presence.reads, b.log)
	}
}

// An invitation that may run out before the next sweep asks for its own: of its
// call, when it is due.
func TestShortCallAsksForSweep(t *testing.T) {
	at := func(seconds int) call.Due {
		return call.Due{CallID: "c", At: now.Add(time.Duration(seconds) * time.Second).UnixMilli()}
	}
	for timeout, want := range map[int]sweeps{1: {at(1)}, 60: {at(60)}, 61: nil} {
		b, sweeps := callBench(t, &rings{}, bob(1))
		c := ringing(func(c *call.Call) {
			c.Timeout = timeout
			for _, id := range []string{"bob", "carol"} {
				u := c.Users[id]
				u.ExpiresAt = at(timeout).At
				c.Users[id] = u
			}
		})
		if err := b.f.Call(t.Context(), nil, *c); err != nil || !slices.Equal(*sweeps, want) {
			t.Errorf("timeout %d: sweeps %v, %v", timeout, *sweeps, err)
		}
		if err := b.f.Call(t.Context(), c, *c); err != nil || !slices.Equal(*sweeps, want) {
			t.Errorf("timeout %d: a change that invites nobody asked for a sweep: %v, %v", timeout, *sweeps, err)
		}
	}
	// Who is invited later runs out later.
	b, sweeps := callBench(t, &rings{}, bob(1))
	first := ringing(func(c *call.Call) { c.Timeout = 60; delete(c.Users, "carol") })
	second := ringing(func(c *call.Call) {
		u := c.Users["carol"]
		u.ExpiresAt = at(95).At
		c.Timeout, c.Users["carol"] = 60, u
	})
	if err := b.f.Call(t.Context(), first, *second); err != nil || !slices.Equal(*sweeps, []call.Due{at(95)}) {
		t.Errorf("invited later: sweeps %v, %v", *sweeps, err)
	}
}

// B calls A back into A's own call, and ends it: A and C stop ringing, each told
// in the name of who invited them, so that nobody is taken for who invites; and
// who was cancelled is told so in other words than who just missed it.
func TestDismissalsByInviter(t *testing.T) {
	alice := bob(1)
	alice.UserID = "alice"
	dave := bob(1)
	dave.UserID = "dave"
	all := &rings{lists: [][]delivery.Entry{{rang(push.KindCall, true, now, "p0000")}}}
	before := ringing(func(c *call.Call) {
		c.Pushes["2"] = chat.PushConfig{Title: "bob's", Content: "come back"}
		c.Pushes["3"] = chat.PushConfig{Title: "bye", Content: "over"}
		invited := c.Users["bob"]
		c.Users["dave"] = invited // by alice, as carol
		invited.Inviter, invited.Push = "bob", "2"
		c.Users["alice"] = invited
		c.Users["bob"] = call.User{State: call.Accepted, Inviter: "alice", Push: "1", Gen: 1}
	})
	after := ringing()
	*after = before.Clone()
	after.Rev++
	for id, s := range map[string]call.UserState{"alice": call.BeCancelled, "carol": call.BeCancelled, "dave": call.Timeout} {
		u := after.Users[id]
		if u.State = s; s == call.BeCancelled {
			u.EndPush = "3"
		}
		after.Users[id] = u
	}
	b, _ := callBench(t, all, alice, bob(1), carol(1), dave)
	for range 2 { // the event comes twice
		if err := b.f.Call(t.Context(), before, *after); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	ids := map[string]int{}
	for _, batch := range b.topic.batches {
		ids[batch.ID]++
		a := batch.Announcement
		for _, target := range batch.Targets {
			got = append(got, fmt.Sprintf("%s: %s from %s", target.UserID, a.Push.Content, a.SenderUserID))
			if d := b.f.Rules.Recheck(a, target, b.presence.users[target.UserID], now); d.Reason != plan.Push {
				t.Errorf("the end for %s is dropped as %q", target.UserID, d.Reason)
			}
		}
	}
	want := []string{"alice: over from bob", "carol: over from alice", "dave: Missed call from alice"}
	if !slices.Equal(got, append(want, want...)) || len(ids) != 3 {
		t.Errorf("told %q in %v\nwant twice %q", got, ids, want)
	}
}

// Who has blocked one whose words the end may be told in has the ring ended, in ours.
func TestEndUnheard(t *testing.T) {
	for name, tc := range map[string]struct {
		inviter, endedBy, blocks, want string
	}{
		"nobody":      {"alice", "alice", "", "bob: bye, carol: bye"},
		"a stranger":  {"alice", "alice", "dave", "bob: bye, carol: bye"},
		"the inviter": {"dave", "alice", "dave", "bob: Missed call, carol: bye"},
		"the caller":  {"dave", "", "alice", "bob: Missed call, carol: bye"},
		"who ended":   {"alice", "dave", "dave", "bob: Missed call, carol: bye"},
	} {
		u := bob(1)
		if tc.blocks != "" {
			u.Blacklist = map[string]int64{tc.blocks: 1}
		}
		before := ringing(func(c *call.Call) {
			c.Pushes["3"] = chat.PushConfig{Title: "t", Content: "bye"}
			invited := c.Users["bob"]
			invited.Inviter = tc.inviter
			c.Users["bob"] = invited
		})
		after := before.Clone()
		after.Rev++
		after.EndedBy = tc.endedBy
		for _, id := range []string{"bob", "carol"} {
			u := after.Users[id]
			u.State, u.EndPush = call.BeCancelled, "3"
			after.Users[id] = u
		}
		b, _ := callBench(t, &rings{lists: [][]delivery.Entry{{rang(push.KindCall, true, now, "p0000")}}}, u, carol(1))
		if err := b.f.Call(t.Context(), before, after); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, batch := range b.topic.batches {
			for _, target := range batch.Targets {
				got = append(got, target.UserID+": "+batch.Announcement.Push.Content)
			}
		}
		slices.Sort(got)
		if told := strings.Join(got, ", "); told != tc.want || len(b.presence.reads) != 1 {
			t.Errorf("%s: told %q after %v, want %q", name, told, b.presence.reads, tc.want)
		}
		if after.Users["bob"].EndPush != "3" {
			t.Errorf("%s: the call was changed", name)
		}
	}
}

// Who blocks the caller before the event comes again changes nothing of what the others
// are told: their batch is the one that the ledger knows.
func TestEndUnheardAgain(t *testing.T) {
	before := ringing(func(c *call.Call) { c.Pushes["3"] = chat.PushConfig{Title: "t", Content: "bye"} })
	after := before.Clone()
	after.Rev++
	for _, id := range []string{"bob", "carol"} {
		u := after.Users[id]
		u.State, u.EndPush = call.BeCancelled, "3"
		after.Users[id] = u
	}
	u := bob(1)
	b, _ := callBench(t, &rings{lists: [][]delivery.Entry{
		{rang(push.KindCall, true, now, "p0000")}, {rang(push.KindCall, true, now, "p0000")},
	}}, u, carol(1))
	for _, blocked := range []map[string]int64{nil, {"alice": 1}} {
		u.Blacklist = blocked
		if err := b.f.Call(t.Context(), before, after); err != nil {
			t.Fatal(err)
		}
	}
	ids := map[string][]string{}
	for _, batch := range b.topic.batches {
		for _, target := range batch.Targets {
			ids[target.UserID] = append(ids[target.UserID], batch.ID)
		}
	}
	if len(ids["carol"]) != 2 || ids["carol"][0] != ids["carol"][1] || len(ids["bob"]) != 2 || ids["bob"][0] == ids["bob"][1] {
		t.Errorf("told in batches %q", ids)
	}
}

// Who was invited without a pushConfig isn't rung by another's, and has nothing
// to be dismissed.
func TestInvitedWithoutPush(t *testing.T) {
	all := &rings{lists: [][]delivery.Entry{{rang(push.KindCall, true, now, "p0000")}}}
	before := ringing(func(c *call.Call) { delete(c.Users, "carol") })
	quiet := ringing(func(c *call.Call) {
		u := c.Users["carol"]
		u.Inviter, u.Push = "bob", ""
		c.Users["carol"] = u
		c.Rev++
	})
	b, _ := callBench(t, all, bob(1), carol(1))
	if err := b.f.Call(t.Context(), before, *quiet); err != nil || len(b.topic.batches) != 0 {
		t.Errorf("%v, rang %q", err, b.targets())
	}
	ended := quiet.Clone()
	into("bob", call.Timeout)(&ended)
	into("carol", call.Timeout)(&ended)
	if err := b.f.Call(t.Context(), quiet, ended); err != nil || !slices.Equal(b.targets(), []string{"Missed call bob p0000"}) {
		t.Errorf("%v, told %q", err, b.targets())
	}
}

func rang(kind push.Kind, done bool, leaseUntil time.Time, pushIDs ...string) delivery.Entry {
	e := delivery.Entry{Kind: string(kind), Done: done, Attempt: 1, LeaseUntil: leaseUntil, Outcomes: map[string]delivery.Outcome{}}
	for _, id := range pushIDs {
		e.Outcomes[id] = delivery.Outcome{Status: delivery.Sent}
	}
	return e
}

func TestCallDismisses(t *testing.T) {
	all := &rings{lists: [][]delivery.Entry{{rang(push.KindCall, true, now, "p0000", "p0001")}}}
	for name, tc := range map[string]struct {
		rings  *rings
		change []func(*call.Call)
		want   []string
	}{
		"accepted":       {all, []func(*call.Call){into("bob", call.Accepted)}, []string{"Answered on another device bob p0000"}},
		"rejected":       {all, []func(*call.Call){into("bob", call.Rejected)}, []string{"Declined on another device bob p0000"}},
		"timed out":      {all, []func(*call.Call){into("carol", call.Timeout)}, []string{"Missed call carol p0000"}},
		"never rang":     {&rings{}, []func(*call.Call){into("carol", call.Timeout)}, nil},
		"nothing stops":  {&rings{err: errors.New("not asked")}, []func(*call.Call){func(c *call.Call) { c.Rev++ }}, nil},
		"only dismissed": {&rings{lists: [][]delivery.Entry{{rang(push.KindCallEnd, true, now, "p0000")}}}, []func(*call.Call){into("carol", call.Timeout)}, nil},
		"one of two":     {&rings{lists: [][]delivery.Entry{{rang(push.KindCall, true, now, "p0000")}}}, []func(*call.Call){into("bob", call.BeCancelled)}, []string{"Missed call bob p0000"}},
		"two at once": {all, []func(*call.Call){into("bob", call.Accepted), into("carol", call.Timeout)},
			[]string{"Answered on another device bob p0000", "Missed call carol p0000"}},
	} {
		t.Run(name, func(t *testing.T) {
			b, _ := callBench(t, tc.rings, bob(2), carol(1))
			for range 2 {
				if err := b.f.Call(t.Context(), ringing(), *ringing(tc.change...)); err != nil {
					t.Fatal(err)
				}
			}
			if got := b.targets(); !slices.Equal(got, append(slices.Clone(tc.want), tc.want...)) {
				t.Errorf("told %q, want twice %q", got, tc.want)
			}
			ids := map[string]bool{}
			for _, batch := range b.topic.batches {
				ids[batch.ID] = true
			}
			if len(ids)*2 != len(b.topic.batches) {
				t.Errorf("%d batches of %d IDs", len(b.topic.batches), len(ids))
			}
		})
	}
}

// A dismissal waits for its ring, and neither for ever nor for a lost one.
func TestDismissalWaitsForRing(t *testing.T) {
	for name, tc := range map[string]struct {
		lists   [][]delivery.Entry
		want    int // targets; -1: it asks for redelivery
		atLeast time.Duration
	}{
		"sent at last": {[][]delivery.Entry{{rang(push.KindCall, false, now.Add(time.Hour))}, {rang(push.KindCall, false, now.Add(time.Hour))},
			{rang(push.KindCall, true, now, "p0000")}}, 1, 300 * time.Millisecond},
		"never done":        {[][]delivery.Entry{{rang(push.KindCall, false, now.Add(time.Hour), "p0000")}}, -1, 15 * time.Second},
		"to be redelivered": {[][]delivery.Entry{{rang(push.KindCall, false, now.Add(-ringsLost+time.Hour), "p0000")}}, -1, 15 * time.Second},
		"given up":          {[][]delivery.Entry{{rang(push.KindCall, false, now.Add(-ringsLost), "p0000")}}, 1, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			b, _ := callBench(t, &rings{lists: tc.lists}, bob(1))
			began := time.Now()
			b.f.Now = func() time.Time { return now.Add(time.Since(began)) }
			err := b.f.Call(t.Context(), ringing(), *ringing(into("bob", call.Timeout)))
			took := time.Since(began)
			if got := len(b.targets()); (err != nil) != (tc.want < 0) || got != max(tc.want, 0) || took < tc.atLeast || took > ringsWithin {
				t.Errorf("%s: %d targets after %v, %v", name, got, took, err)
			}
		})
	}
}

func TestCallFails(t *testing.T) {
	down := errors.New("down")
	for name, edit := range map[string]func(*bench, *rings){
		"ledger":   func(_ *bench, r *rings) { r.err = down },
		"presence": func(b *bench, _ *rings) { b.presence.err = down },
		"topic":    func(b *bench, _ *rings) { b.topic.failAt = 1 },
	} {
		r := &rings{lists: [][]delivery.Entry{{rang(push.KindCall, true, now, "p0000")}}}
		b, _ := callBench(t, r, bob(1))
		edit(b, r)
		if err := b.f.Call(t.Context(), ringing(), *ringing(into("bob", call.Timeout))); err == nil {
			t.Errorf("%s: no redelivery asked for", name)
		}
	}
}
