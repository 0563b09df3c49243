package call

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
)

var zero = time.UnixMilli(1_700_000_000_000)

// ring is how long an invitation of these tests rings, tick half of it.
const (
	ring = 10
	tick = ring / 2 * time.Second
)

func newCall(mode Mode, invitees ...string) Call {
	return start(Invitation{CallID: "c", Caller: "A", Mode: mode, Timeout: ring}, invitees, zero, time.Hour)
}

var (
	kinds  = []Kind{Cancel, Accept, Reject, Leave, End, Join, Invite}
	people = []string{"A", "B", "C", "X"} // X is a stranger to begin with
)

// actions is everything anyone can do to a call of A, B, C and X.
func actions() (out []Action) {
	for _, k := range kinds {
		for _, who := range people {
			switch k {
			case Accept, Reject, Join:
				for _, device := range []string{"1", "2"} {
					out = append(out, Action{Kind: k, UserID: who, PushID: who + device})
				}
			case Cancel:
				for _, list := range [][]string{nil, {"B"}, {"C"}, {"X"}, {"B", "C"}, {"nobody"}} {
					out = append(out, Action{Kind: k, UserID: who, Invitees: list})
				}
			case Invite:
				for _, list := range [][]string{{"B"}, {"X"}, {"A", "B", "C", "X"}} {
					out = append(out, Action{Kind: k, UserID: who, Invitees: list, MaxInvitees: 3})
				}
			default:
				out = append(out, Action{Kind: k, UserID: who})
			}
		}
	}
	return out
}

func states(c Call) map[string]UserState {
	out := map[string]UserState{}
	for id, u := range c.Users {
		out[id] = u.State
	}
	return out
}

// key is what of a call decides over its future.
func key(c Call, now time.Time) string {
	var b strings.Builder
	fmt.Fprint(&b, c.Mode, c.State, c.AcceptTime != 0, c.EndedBy)
	for _, id := range c.Members {
		u := c.Users[id]
		left := int64(0)
		if u.State == Inviting {
			left = (u.ExpiresAt - now.UnixMilli()) / tick.Milliseconds()
		}
		fmt.Fprint(&b, " ", id, u.State, u.AnsweredBy, u.Inviter, left)
	}
	return b.String()
}

// invariant reports what no call may be.
func invariant(c Call) error {
	again := c.Clone()
	again.derive()
	caller := c.Users[c.Caller]
	switch {
	case !reflect.DeepEqual(again, c):
		return fmt.Errorf("derived fields: %+v, want %+v", c, again)
	case c.State == Started && c.over():
		return fmt.Errorf("over but started")
	case (c.State == Ended) != (c.EndTime != 0):
		return fmt.Errorf("state %d, ended at %d", c.State, c.EndTime)
	case c.State == Ended && (len(c.Ringing) > 0 || c.DueAt != 0):
		return fmt.Errorf("ended but rings")
	case c.State == Started && c.Mode == Advanced && len(c.all(Accepted)) == 0:
		return fmt.Errorf("rings for a call that nobody is in")
	case c.Mode == Advanced && c.State == Ended && len(c.all(Accepted)) > 0:
		return fmt.Errorf("somebody is still in an ended call")
	case (c.DueAt == 0) != (len(c.Ringing) == 0):
		return fmt.Errorf("due at %d, ringing %q", c.DueAt, c.Ringing)
	case caller.Gen == 0 && (caller.State == Inviting || caller.State == Rejected || caller.State == BeCancelled):
		return fmt.Errorf("the caller is %+v", caller)
	}
	for id, u := range c.Users {
		ok := slices.Contains([]UserState{Inviting, Accepted, Rejected, Timeout, Quit, Finished, BeCancelled}, u.State)
		if id != c.Caller && (!ok || u.Gen < 1 || u.Inviter == "" || (u.State == Inviting && u.AnsweredBy != "")) {
			return fmt.Errorf("%s is %+v", id, u)
		}
	}
	return nil
}

// mostCalls bounds an exploration: what an Advanced call can become, with people
// inviting each other again, is more than a test has time for. The shortest
// stories come first.
const mostCalls = 120

// Every call that can come about between a caller, two invitees with two
// devices each and a fourth person, and everything that can be done to each:
// all there are of General calls, of Advanced ones those of the shortest stories.
// TestEveryVector has the others, without what time adds.
func TestEveryReachableCall(t *testing.T) {
	type place struct {
		call Call
		now  time.Time
	}
	for _, first := range []Call{newCall(General, "B", "C"), newCall(Advanced, "B", "C"), newCall(General, "B"), newCall(Advanced, "B")} {
		seen, todo, refusals, moves := map[string]bool{}, []place{{first, zero}}, 0, 0
		for len(todo) > 0 && len(seen) < mostCalls {
			p := todo[0]
			todo = todo[1:]
			if k := key(p.call, p.now); seen[k] {
				continue
			} else {
				seen[k] = true
			}
			later := p.now.Add(tick)
			todo = append(todo, place{checkSettle(t, p.call, later), later})
			for _, a := range actions() {
				for _, now := range []time.Time{p.now, later} { // before and after the time-out is noticed
					next, err := checkApply(t, p.call, a, now)
					if err != nil {
						refusals++
						continue
					}
					moves++
					todo = append(todo, place{next, now})
				}
			}
			if t.Failed() {
				return
			}
		}
		if first.Mode == General && len(todo) > 0 {
			t.Errorf("of General calls with %d invitees %d are left: raise mostCalls", len(first.Users)-1, len(todo))
		}
		t.Logf("%v with %d invitees: %d calls, %d moves, %d refusals", first.Mode, len(first.Users)-1, len(seen), moves, refusals)
	}
}

func checkSettle(t *testing.T, c Call, now time.Time) Call {
	t.Helper()
	before := c.Clone()
	got, want := Settle(c, now), modelOf(c, now)
	if !maps.Equal(states(got), want.state) || (got.State == Ended) != want.ended {
		t.Errorf("%s settled is %v, state %d; want %v, ended %t", key(c, now), states(got), got.State, want.state, want.ended)
	}
	if err := invariant(got); err != nil {
		t.Errorf("%s settled: %v", key(c, now), err)
	}
	if again := Settle(got, now); !reflect.DeepEqual(again, got) {
		t.Errorf("%s settled twice: %+v, once %+v", key(c, now), again, got)
	}
	if !reflect.DeepEqual(c, before) {
		t.Errorf("Settle wrote to its argument: %+v, was %+v", c, before)
	}
	return got
}

func checkApply(t *testing.T, c Call, a Action, now time.Time) (Call, error) {
	t.Helper()
	before := c.Clone()
	got, result, err := Apply(c, a, now)
	want := modelOf(c, now)
	want.act(a)
	what := func() string {
		return fmt.Sprintf("%s, %s by %s on %q of %q", key(c, now), a.Kind, a.UserID, a.PushID, a.Invitees)
	}
	if !reflect.DeepEqual(c, before) {
		t.Errorf("%s: wrote to its argument: %+v, was %+v", what(), c, before)
	}
	if code := codeOf(err); code != want.code {
		t.Errorf("%s: %v, want code %d", what(), err, want.code)
	}
	if err := invariant(got); err != nil {
		t.Errorf("%s: %v", what(), err)
	}
	settled := Settle(c, now)
	if err != nil {
		if !reflect.DeepEqual(got, settled) {
			t.Errorf("%s: refused, but changed to %+v", what(), got)
		}
		return got, err
	}
	if !maps.Equal(states(got), want.state) || (got.State == Ended) != want.ended || !slices.Equal(result.Failed, want.failed) {
		t.Errorf("%s: %v, state %d, failed %q; want %v, ended %t, %q", what(), states(got), got.State, result.Failed, want.state, want.ended, want.failed)
	}
	// Done again, at once or in a while that ends nothing, it changes nothing.
	again, repeated, err := Apply(got, a, now)
	if a.Kind == Invite && codeOf(err) == 0 {
		repeated.Failed = result.Failed // those just invited are in it by now
	}
	ended := a.Kind == Cancel && got.State == Ended && a.UserID != c.Caller // the last one out can't: nobody asks
	if !ended && (err != nil || !reflect.DeepEqual(again, got) || !reflect.DeepEqual(repeated, result)) {
		t.Errorf("%s: again %+v, %+v, %v; first %+v, %+v", what(), again, repeated, err, got, result)
	}
	for id, u := range settled.Users {
		if v := got.Users[id]; v.Gen < u.Gen || v.At < u.At {
			t.Errorf("%s: %s went from %+v back to %+v", what(), id, u, v)
		}
	}
	return got, nil
}

func codeOf(err error) fault.Code {
	if err == nil {
		return 0
	}
	return fault.From(err).Code
}

// The product of every action, mode, role and state of the actor, reachable or
// not: who may do what, as one reads it.
func TestLegality(t *testing.T) {
	may := map[string]string{
		"cancel General caller": "Accepted", "cancel Advanced caller": "Accepted", "cancel Advanced invitee": "Accepted",
		"accept General invitee": "Inviting", "accept Advanced invitee": "Inviting",
		"reject General invitee": "Inviting", "reject Advanced invitee": "Inviting",
		"accept Advanced caller": "Inviting", "reject Advanced caller": "Inviting",
		"quit Advanced caller": "Accepted", "quit Advanced invitee": "Accepted",
		"end Advanced caller": "Accepted", "end Advanced invitee": "Accepted",
		"invite Advanced caller": "Accepted", "invite Advanced invitee": "Accepted",
		"join Advanced caller": "BeCancelled Inviting Quit Rejected Timeout", "join Advanced invitee": "BeCancelled Inviting Quit Rejected Timeout",
	}
	n := 0
	for _, k := range kinds {
		for _, mode := range []Mode{General, Advanced} {
			for role, who := range map[string]string{"caller": "A", "invitee": "B", "stranger": "X"} {
				for s, name := range userStateNames {
					for _, callState := range []State{Started, Ended} {
						n++
						c := newCall(mode, "B", "C", "D")
						c.Users["D"] = User{State: Inviting, Inviter: who, Gen: 1, ExpiresAt: c.Users["D"].ExpiresAt}
						if who != "X" {
							u := c.Users[who]
							u.State, u.AnsweredBy, u.Gen = s, "other", 1
							c.Users[who] = u
						}
						c.State = callState
						a := Action{Kind: k, UserID: who, Invitees: []string{"D"}, MaxInvitees: 9}
						if k == Accept || k == Reject || k == Join {
							a.PushID = "here"
						}
						want := callState == Started && slices.Contains(strings.Fields(may[fmt.Sprintf("%s %v %s", k, mode, role)]), name)
						if got := c.permit(a) == nil; got != want {
							t.Errorf("%s in a %v call (%d) by a %s that is %s: %t, want %t", k, mode, callState, role, name, got, want)
						}
					}
				}
			}
		}
	}
	if n != 7*2*3*9*2 {
		t.Errorf("%d situations", n)
	}
}

// at is a time n seconds after the call.
func at(n int) time.Time { return zero.Add(time.Duration(n) * time.Second) }

func apply(t *testing.T, c Call, a Action, now time.Time) Call {
	t.Helper()
	next, _, err := Apply(c, a, now)
	if err != nil {
		t.Fatalf("%s by %s: %v", a.Kind, a.UserID, err)
	}
	return next
}

func accept(who, device string) Action {
	return Action{Kind: Accept, UserID: who, PushID: who + device}
}

// Each a story and what its last action is answered.
func TestRefusals(t *testing.T) {
	general, advanced := newCall(General, "B", "C"), newCall(Advanced, "B", "C")
	accepted := apply(t, general, accept("B", "1"), at(1))
	one := apply(t, newCall(General, "B"), accept("B", "1"), at(1))
	rejected := apply(t, general, Action{Kind: Reject, UserID: "B", PushID: "B1"}, at(1))
	cancelled := apply(t, general, Action{Kind: Cancel, UserID: "A"}, at(1))
	for _, tc := range []struct {
		call    Call
		action  Action
		at      int
		status  fault.Status
		code    fault.Code
		message string
		details *fault.Details
	}{
		{accepted, accept("B", "2"), 2, fault.FailedPrecondition, fault.CallError, "can't accept: the invitation was already accepted on another device", &fault.Details{AnsweredBy: "B1", Answer: "accepted"}},
		{one, accept("B", "2"), 2, fault.FailedPrecondition, fault.CallError, "can't accept: the invitation was already accepted on another device", &fault.Details{AnsweredBy: "B1", Answer: "accepted"}},
		{one, Action{Kind: Reject, UserID: "B", PushID: "B2"}, 2, fault.FailedPrecondition, fault.CallError, "can't reject: the invitation was already accepted on another device", &fault.Details{AnsweredBy: "B1", Answer: "accepted"}},
		{rejected, accept("B", "2"), 2, fault.FailedPrecondition, fault.CallError, "can't accept: the invitation was already rejected on another device", &fault.Details{AnsweredBy: "B1", Answer: "rejected"}},
		{rejected, accept("B", "1"), 2, fault.FailedPrecondition, fault.CallError, "can't accept: your state in the call is Rejected (2)", nil},
		{cancelled, accept("B", "1"), 2, fault.FailedPrecondition, fault.CallError, "can't accept: the call has ended, and your state in it is BeCancelled (10)", nil},
		{general, accept("B", "1"), ring, fault.FailedPrecondition, fault.CallError, "can't accept: the call has ended, and your state in it is Timeout (6)", nil},
		{general, accept("A", "1"), 1, fault.PermissionDenied, fault.CallIsNotInvitee, "can't accept: this is your own call, and only invitees can", nil},
		{general, Action{Kind: Reject, UserID: "X", PushID: "X1"}, 1, fault.PermissionDenied, fault.CallIsNotInvitee, "can't reject: you are not invited to this call", nil},
		{general, Action{Kind: Cancel, UserID: "B"}, 1, fault.PermissionDenied, fault.CallIsNotInvitor, "can't cancel: you are not the one who invites in this call", nil},
		{accepted, Action{Kind: Cancel, UserID: "A"}, 2, fault.FailedPrecondition, fault.CallCancelError, "can't cancel: an invitee has accepted already: the call's mode is General, where nothing is cancelled after that", nil},
		{general, Action{Kind: Cancel, UserID: "A"}, ring, fault.FailedPrecondition, fault.CallCancelError, "can't cancel: the call has ended, and your state in it is Timeout (6)", nil},
		{general, Action{Kind: Leave, UserID: "A"}, 1, fault.FailedPrecondition, fault.CallError, "quit is for calls of mode Advanced (1), and this one's is General (0)", nil},
		{advanced, Action{Kind: End, UserID: "B"}, 1, fault.FailedPrecondition, fault.CallError, "can't end: your state in the call is Inviting (0)", nil},
		{apply(t, advanced, accept("B", "1"), at(1)), Action{Kind: Cancel, UserID: "B", Invitees: []string{"C"}}, 1, fault.PermissionDenied, fault.CallIsNotInvitor,
			"can't cancel: you did not invite all of these users, and only the caller may cancel others' invitations", nil},
		{advanced, Action{Kind: Invite, UserID: "A", Invitees: []string{"D", "E"}, MaxInvitees: 3}, 1, fault.FailedPrecondition, fault.CallError, "the call would have invited 4 users: at most 3", nil},
	} {
		_, _, err := Apply(tc.call, tc.action, at(tc.at))
		want := fault.New(tc.status, tc.code, "%s", tc.message)
		want.Details = tc.details
		if !reflect.DeepEqual(err, error(want)) {
			t.Errorf("got  %v %+v\nwant %v %+v", err, fault.From(err).Details, want, want.Details)
		}
	}
}

// Each a story and everyone's state at its end.
func TestEnds(t *testing.T) {
	reject := func(who string) Action { return Action{Kind: Reject, UserID: who, PushID: who + "1"} }
	by := func(k Kind, who string, invitees ...string) Action {
		return Action{Kind: k, UserID: who, Invitees: invitees, MaxInvitees: 9}
	}
	wait := Action{}
	for name, tc := range map[string]struct {
		mode  Mode
		acts  []Action
		want  map[string]UserState
		end   int // seconds, 0: not ended
		by    string
		talks int
	}{
		"nobody answers":             {General, []Action{wait}, map[string]UserState{"A": Timeout, "B": Timeout, "C": Timeout}, ring, "", 0},
		"nobody answers, Advanced":   {Advanced, []Action{wait}, map[string]UserState{"A": Timeout, "B": Timeout, "C": Timeout}, ring, "", 0},
		"all reject":                 {General, []Action{reject("B"), reject("C")}, map[string]UserState{"A": Finished, "B": Rejected, "C": Rejected}, 2, "C", 0},
		"one rejects, one is out":    {General, []Action{reject("B"), wait}, map[string]UserState{"A": Finished, "B": Rejected, "C": Timeout}, ring, "", 0},
		"the caller cancels":         {General, []Action{by(Cancel, "A")}, map[string]UserState{"A": Cancelled, "B": BeCancelled, "C": BeCancelled}, 1, "A", 0},
		"cancels one by one":         {General, []Action{by(Cancel, "A", "B"), by(Cancel, "A", "C")}, map[string]UserState{"A": Cancelled, "B": BeCancelled, "C": BeCancelled}, 2, "A", 0},
		"cancels the one left":       {General, []Action{reject("B"), by(Cancel, "A")}, map[string]UserState{"A": Cancelled, "B": Rejected, "C": BeCancelled}, 2, "A", 0},
		"General goes on ringing":    {General, []Action{accept("B", "1")}, map[string]UserState{"A": Accepted, "B": Accepted, "C": Inviting}, 0, "", 1},
		"General, all answered":      {General, []Action{accept("B", "1"), reject("C")}, map[string]UserState{"A": Accepted, "B": Accepted, "C": Rejected}, 2, "C", 1},
		"Advanced goes on":           {Advanced, []Action{accept("B", "1"), wait}, map[string]UserState{"A": Accepted, "B": Accepted, "C": Timeout}, 0, "", 1},
		"Advanced, cancels all":      {Advanced, []Action{by(Cancel, "A")}, map[string]UserState{"A": Cancelled, "B": BeCancelled, "C": BeCancelled}, 1, "A", 0},
		"Advanced, cancels the rest": {Advanced, []Action{accept("B", "1"), by(Cancel, "A")}, map[string]UserState{"A": Accepted, "B": Accepted, "C": BeCancelled}, 0, "", 1},
		"an empty call rings not":    {Advanced, []Action{by(Leave, "A")}, map[string]UserState{"A": Quit, "B": BeCancelled, "C": BeCancelled}, 1, "A", 0},
		"one is left":                {Advanced, []Action{accept("B", "1"), by(Cancel, "A", "C"), by(Leave, "B")}, map[string]UserState{"A": Finished, "B": Quit, "C": BeCancelled}, 3, "B", 1},
		"one is left, one rings":     {Advanced, []Action{accept("B", "1"), by(Leave, "A")}, map[string]UserState{"A": Quit, "B": Accepted, "C": Inviting}, 0, "", 1},
		"an invitee ends it":         {Advanced, []Action{accept("B", "1"), by(End, "B")}, map[string]UserState{"A": Finished, "B": Finished, "C": BeCancelled}, 2, "B", 1},
		"invited by an invitee":      {Advanced, []Action{accept("B", "1"), by(Invite, "B", "D"), by(Cancel, "B")}, map[string]UserState{"A": Accepted, "B": Accepted, "C": Inviting, "D": BeCancelled}, 0, "", 1},
		"back after rejecting":       {Advanced, []Action{reject("B"), {Kind: Join, UserID: "B", PushID: "B1"}}, map[string]UserState{"A": Accepted, "B": Accepted, "C": Inviting}, 0, "", 2},
		"the caller comes back":      {Advanced, []Action{accept("B", "1"), by(Leave, "A"), {Kind: Join, UserID: "A", PushID: "A1"}}, map[string]UserState{"A": Accepted, "B": Accepted, "C": Inviting}, 0, "", 1},
		"invited again":              {Advanced, []Action{reject("B"), by(Invite, "A", "B")}, map[string]UserState{"A": Accepted, "B": Inviting, "C": Inviting}, 0, "", 0},
	} {
		c := newCall(tc.mode, "B", "C")
		for i, a := range tc.acts {
			if a.Kind == "" {
				c = Settle(c, at(ring+100))
			} else {
				c = apply(t, c, a, at(i+1))
			}
		}
		end, talks := int64(0), int64(0)
		if tc.end != 0 {
			end = at(tc.end).UnixMilli()
		}
		if tc.talks != 0 {
			talks = at(tc.talks).UnixMilli()
		}
		if !maps.Equal(states(c), tc.want) || c.EndTime != end || c.EndedBy != tc.by || c.AcceptTime != talks {
			t.Errorf("%s: %v, ended at %d by %q, accepted at %d; want %v, %d %q, %d", name, states(c), c.EndTime, c.EndedBy, c.AcceptTime, tc.want, end, tc.by, talks)
		}
	}
}

// Late or early, at once or in steps: time-outs give the same call.
func TestSettleDependsOnNothingElse(t *testing.T) {
	c := apply(t, newCall(Advanced, "B"), Action{Kind: Invite, UserID: "A", Invitees: []string{"C"}, MaxInvitees: 9}, at(3))
	if c.DueAt != at(ring).UnixMilli() {
		t.Errorf("due at %d", c.DueAt)
	}
	late := Settle(c, at(1000))
	steps := c
	for n := range 30 {
		steps = Settle(steps, at(n))
		if want := n < ring+3; (steps.State == Started) != want {
			t.Errorf("after %d s the call's state is %d", n, steps.State)
		}
	}
	if !reflect.DeepEqual(steps, late) || late.EndTime != at(ring+3).UnixMilli() || late.Users["B"].At != at(ring).UnixMilli() {
		t.Errorf("in steps %+v\nat once  %+v", steps, late)
	}
}

// What an action says and when it was is kept.
func TestApplyKeeps(t *testing.T) {
	ringing, gone := &chat.PushConfig{Title: "r"}, &chat.PushConfig{Title: "g"}
	c := newCall(Advanced, "B", "C")
	c = apply(t, c, Action{Kind: Accept, UserID: "B", PushID: "p", ExtendedData: "yes"}, at(1))
	if u, want := c.Users["B"], (User{State: Accepted, ExtendedData: "yes", Inviter: "A", Gen: 1, ExpiresAt: at(ring).UnixMilli(), At: at(1).UnixMilli(), AnsweredBy: "p"}); u != want {
		t.Errorf("got %+v, want %+v", u, want)
	}
	c = apply(t, c, Action{Kind: Cancel, UserID: "A", Invitees: []string{"C"}, ExtendedData: "no", Push: gone}, at(2))
	if c.Users["A"].ExtendedData != "no" || !reflect.DeepEqual(c.EndPushFor("C"), gone) || c.PushFor("C") != nil {
		t.Errorf("cancelled: %+v", c)
	}
	c = apply(t, c, Action{Kind: Invite, UserID: "B", Invitees: []string{"C"}, Push: ringing, MaxInvitees: 9}, at(3))
	u, want := c.Users["C"], User{State: Inviting, Inviter: "B", Gen: 2, ExpiresAt: at(3 + ring).UnixMilli(), At: at(3).UnixMilli()}
	if want.Push = u.Push; u != want || !reflect.DeepEqual(c.PushFor("C"), ringing) || c.EndPushFor("C") != nil {
		t.Errorf("invited again: %+v in %+v", u, c)
	}
}

// Each invitation rings by its own pushConfig, and what takes one back speaks for
// those alone whom it takes back.
func TestPushConfigs(t *testing.T) {
	config := func(title string) *chat.PushConfig { return &chat.PushConfig{Title: title} }
	type configs map[string][2]string // ring and end, by user
	of := func(c Call) configs {
		out := configs{}
		for id := range c.Users {
			var got [2]string
			for i, p := range []*chat.PushConfig{c.PushFor(id), c.EndPushFor(id)} {
				if p != nil {
					got[i] = p.Title
				}
			}
			if got != [2]string{} {
				out[id] = got
			}
		}
		return out
	}
	c := start(Invitation{CallID: "c", Caller: "A", Mode: Advanced, Timeout: ring, Push: config("A1")}, []string{"B", "C", "D"}, zero, time.Hour)
	for i, step := range []struct {
		a    Action // none: the time-out
		at   int
		want configs
		kept int // pushConfigs in the document
	}{
		{accept("B", "1"), 1, configs{"B": {"A1"}, "C": {"A1"}, "D": {"A1"}}, 1},
		{Action{Kind: Invite, UserID: "B", Invitees: []string{"E"}}, 2, configs{"B": {"A1"}, "C": {"A1"}, "D": {"A1"}}, 1},
		{Action{Kind: Invite, UserID: "B", Invitees: []string{"F"}, Push: config("B1")}, 2, configs{"B": {"A1"}, "C": {"A1"}, "D": {"A1"}, "F": {"B1"}}, 2},
		{Action{Kind: Cancel, UserID: "A", Invitees: []string{"C"}, Push: config("bye C")}, 3, configs{"B": {"A1"}, "C": {"A1", "bye C"}, "D": {"A1"}, "F": {"B1"}}, 3},
		{Action{}, ring, configs{"B": {"A1"}, "C": {"A1", "bye C"}, "D": {"A1"}, "F": {"B1"}}, 3}, // D's runs out: in nobody's words
		{Action{Kind: Cancel, UserID: "B", Invitees: []string{"F"}}, ring, configs{"B": {"A1"}, "C": {"A1", "bye C"}, "D": {"A1"}, "F": {"B1"}}, 3},
		{Action{Kind: Invite, UserID: "A", Invitees: []string{"C", "D", "F"}}, ring, configs{"B": {"A1"}}, 1},
		{Action{Kind: End, UserID: "A", Push: config("over")}, ring + 1, configs{"B": {"A1"}, "C": {"", "over"}, "D": {"", "over"}, "E": {"", "over"}, "F": {"", "over"}}, 2},
	} {
		step.a.MaxInvitees = 9
		before := c.Clone()
		if step.a.Kind == "" {
			c = Settle(c, at(step.at))
		} else {
			next := apply(t, c, step.a, at(step.at))
			if !reflect.DeepEqual(c, before) {
				t.Errorf("step %d wrote to its argument", i)
			}
			c = next
		}
		if got := of(c); !maps.Equal(got, step.want) || len(c.Pushes) != step.kept {
			t.Errorf("step %d: %v of %v\nwant %v of %d", i, got, c.Pushes, step.want, step.kept)
		}
		if err := invariant(c); err != nil {
			t.Errorf("step %d: %v", i, err)
		}
	}
}
