package call_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/store"
)

var start = time.UnixMilli(1_700_000_000_000)

// versions is a store in memory that keeps every version of every call, as the
// trigger on the document gets them, and counts what is asked of it.
type versions struct {
	*store.Memory
	mu      sync.Mutex
	all     []call.Call
	fail    map[string]error // by callID
	lists   int              // of due calls
	changes int              // transactions
	// changed is when a call was last written, by callID; nil keeps nothing.
	changed map[string]time.Time
}

func (v *versions) DueCalls(ctx context.Context, shard int, after call.Due, until int64, limit int) ([]call.Due, error) {
	v.mu.Lock()
	v.lists++
	v.mu.Unlock()
	return v.Memory.DueCalls(ctx, shard, after, until, limit)
}

func (v *versions) CreateCall(ctx context.Context, c call.Call) (call.Call, error) {
	stored, err := v.Memory.CreateCall(ctx, c)
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.all) == 0 || stored.Rev == 1 {
		v.all = append(v.all, stored.Clone())
	}
	return stored, err
}

func (v *versions) ChangeCall(ctx context.Context, callID string, f func(*call.Call) (*call.Call, error)) error {
	v.mu.Lock()
	v.changes++
	failure := v.fail[callID]
	v.mu.Unlock()
	if failure != nil {
		return failure
	}
	return v.Memory.ChangeCall(ctx, callID, func(c *call.Call) (*call.Call, error) {
		if c != nil {
			dry := c.Clone()
			_, _ = f(&dry) // a contended transaction runs again
		}
		next, err := f(c)
		if err == nil && next != nil {
			v.mu.Lock()
			defer v.mu.Unlock()
			v.all = append(v.all, next.Clone())
			if v.changed != nil {
				v.changed[callID] = time.Now()
			}
		}
		return next, err
	})
}

type world struct {
	testing.TB
	*call.Service
	db  *versions
	now time.Time
}

func newWorld(t testing.TB, users ...string) *world {
	w := &world{TB: t, db: &versions{Memory: &store.Memory{}, fail: map[string]error{}}, now: start}
	w.Service = &call.Service{
		Store: w.db, Presence: w.db, Now: func() time.Time { return w.now }, MaxInvitees: 9, Retention: time.Hour,
		CheckPush: func(call.Call, string, chat.PushConfig) error { return nil },
	}
	err := w.db.Change(context.Background(), func(tx presence.Tx) (err error) {
		for _, u := range users {
			err = errors.Join(err, tx.PutUser(&presence.User{UserID: u}))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) invite(callID, caller string, mode call.Mode, timeout int, invitees ...string) call.InviteAnswer {
	w.Helper()
	r := call.InviteRequest{CallID: callID, Invitees: invitees, Config: call.InviteConfig{Timeout: &timeout, Mode: mode}}
	i, err := r.Invitation(caller)
	if err != nil {
		w.Fatal(err)
	}
	answer, err := w.Invite(context.Background(), i)
	if err != nil {
		w.Fatal(err)
	}
	return answer
}

func (w *world) read(callID string) (out call.Call) {
	err := w.db.Memory.ChangeCall(context.Background(), callID, func(c *call.Call) (*call.Call, error) { out = *c; return nil, nil })
	if err != nil {
		w.Fatal(err)
	}
	return out
}

// answered is a device that was told that it accepted or rejected an invitation.
type answered struct {
	user string
	gen  int
}

// play has everyone do anything on two devices each, in a random order, with
// requests repeated and time passing, and returns what happened.
func (w *world) play(seed uint64) (history []string) {
	random := rand.New(rand.NewPCG(seed, 0))
	people := []string{"A", "B", "C", "D"}
	w.invite("c", "A", call.Mode(seed%2), 10, "B", "C")
	winners := map[answered]string{}
	for range 60 {
		who, deviceID := people[random.IntN(3)], fmt.Sprint(random.IntN(2))
		a := call.Action{CallID: "c", UserID: who, PushID: device.PushID(who, deviceID)}
		switch n := random.IntN(20); {
		case n < 6:
			a.Kind = call.Accept
		case n < 9:
			a.Kind = call.Reject
		case n < 11:
			a.Kind, a.Invitees = call.Cancel, people[1:1+random.IntN(3)]
		case n < 13:
			a.Kind = call.Join
		case n < 15:
			a.Kind = call.Leave
		case n < 18:
			a.Kind, a.Invitees = call.Invite, people[random.IntN(4):]
			a.Invitees = slices.DeleteFunc(slices.Clone(a.Invitees), func(id string) bool { return id == who })
		case n < 19 && random.IntN(10) == 0:
			a.Kind = call.End
		default:
			w.now = w.now.Add(time.Duration(random.IntN(6)) * time.Second)
			if _, err := w.EndOverdue(context.Background(), w.now); err != nil {
				w.Fatal(err)
			}
			continue
		}
		if a.Kind == call.Cancel && random.IntN(2) == 0 {
			a.Invitees = nil
		}
		if a.Kind == call.Invite && len(a.Invitees) == 0 {
			continue
		}
		for range 1 + random.IntN(2) { // a retry, now and then
			_, err := w.Do(context.Background(), a)
			if err != nil && fault.From(err).Status.HTTP() >= 500 {
				w.Fatalf("seed %d: %v", seed, err)
			}
			history = append(history, fmt.Sprint(who, deviceID, a.Kind, a.Invitees, err))
			c := w.read("c")
			if u := c.Users[who]; err == nil && (a.Kind == call.Accept || a.Kind == call.Reject) {
				key := answered{who, u.Gen}
				if u.AnsweredBy != a.PushID {
					w.Errorf("seed %d: told that it won, but the winner is another: %+v after %q", seed, u, history)
				}
				if first, ok := winners[key]; ok && first != a.PushID && u.State != call.Accepted {
					w.Errorf("seed %d: both devices of %+v won after %q", seed, key, history)
				}
				winners[key] = a.PushID
			}
		}
	}
	return history
}

// However devices, cancels and time-outs interleave: one device wins each
// invitation, versions are counted without a gap and an end is an end; and a
// device that goes by the newest version it got, in whatever order, ends up with
// what the call's final state says.
func TestRandomInterleavings(t *testing.T) {
	for seed := range uint64(200) {
		w := newWorld(t, "A", "B", "C", "D")
		history := w.play(seed)
		if again := newWorld(t, "A", "B", "C", "D"); !reflect.DeepEqual(again.play(seed), history) || !reflect.DeepEqual(again.db.all, w.db.all) {
			t.Errorf("seed %d plays out differently the second time", seed)
		}
		w.now = w.now.Add(time.Hour)
		if _, err := w.EndOverdue(t.Context(), w.now); err != nil {
			t.Fatal(err)
		}
		final := w.read("c")
		if len(final.Ringing) > 0 || final.DueAt != 0 {
			t.Errorf("seed %d: rings for ever: %+v", seed, final)
		}
		ended := false
		for i, v := range w.db.all {
			if v.Rev != int64(i+1) || (ended && v.State != call.Ended) || (ended && !reflect.DeepEqual(v.Users, final.Users)) {
				t.Errorf("seed %d: version %d is %+v after %q", seed, i, v, history)
			}
			ended = v.State == call.Ended
		}
		random := rand.New(rand.NewPCG(seed, 1))
		for range 2 * 4 { // two devices each
			seen := call.Call{}
			for _, i := range random.Perm(len(w.db.all)) {
				if v := w.db.all[i]; v.Rev > seen.Rev {
					seen = v
				}
			}
			if !reflect.DeepEqual(seen, final) {
				t.Errorf("seed %d: a device shows %+v, the call is %+v", seed, seen, final)
			}
		}
		if t.Failed() {
			return
		}
	}
}

// Two devices accept in the same moment: one wins, the other is told.
func TestOneDeviceWins(t *testing.T) {
	w := newWorld(t, "A", "B")
	w.invite("c", "A", call.General, 10, "B")
	var wg sync.WaitGroup
	var mu sync.Mutex
	var won, told []string
	for i := range 8 {
		wg.Go(func() {
			pushID := fmt.Sprint(i)
			_, err := w.Do(context.Background(), call.Action{Kind: call.Accept, CallID: "c", UserID: "B", PushID: pushID})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won = append(won, pushID)
			} else if d := fault.From(err).Details; d == nil || d.Answer != "accepted" {
				t.Error(err)
			} else {
				told = append(told, d.AnsweredBy)
			}
		})
	}
	wg.Wait()
	if c := w.read("c"); len(won) != 1 || c.Users["B"].AnsweredBy != won[0] || c.Rev != 2 {
		t.Errorf("%q won %+v", won, c)
	} else if !slices.Equal(told, slices.Repeat(won, 7)) {
		t.Errorf("%q won, the others were told %q", won, told)
	}
}

func TestInviteIsIdempotent(t *testing.T) {
	w := newWorld(t, "A", "B", "C")
	first := w.invite("c", "A", call.Advanced, 10, "B", "nobody")
	w.now = w.now.Add(time.Second)
	if _, err := w.Do(t.Context(), call.Action{Kind: call.Accept, CallID: "c", UserID: "B", PushID: "p"}); err != nil {
		t.Fatal(err)
	}
	if again := w.invite("c", "A", call.Advanced, 10, "B", "nobody"); !reflect.DeepEqual(again, first) {
		t.Errorf("again %+v\nfirst %+v", again, first)
	}
	if a, b := w.invite("", "A", call.General, 10, "B"), w.invite("", "A", call.General, 10, "B"); len(a.CallID) != call.MaxCallIDChars || a.CallID == b.CallID {
		t.Errorf("callIDs %q and %q", a.CallID, b.CallID)
	}
}

// block has user block others.
func (w *world) block(user string, others ...string) {
	w.Helper()
	reg := &presence.Registry{Store: w.db, Now: w.Now}
	if _, err := reg.AddToBlacklist(context.Background(), user, others); err != nil {
		w.Fatal(err)
	}
}

// Who has blocked the one who invites is not invited, and the answer says so.
func TestInviteWhoBlocks(t *testing.T) {
	w := newWorld(t, "A", "B", "C", "D")
	w.block("B", "A")
	answer := w.invite("c", "A", call.Advanced, 10, "B", "C", "nobody")
	if want := []call.UserError{{UserID: "B", Reason: fault.SenderInBlacklist}, {UserID: "nobody", Reason: fault.UserDoesNotExist}}; !slices.Equal(answer.ErrorUserList, want) {
		t.Errorf("failed: %+v", answer.ErrorUserList)
	}
	if want := []call.UserInfo{{UserID: "B", State: call.Offline}, {UserID: "nobody", State: call.Offline}}; !slices.Equal(answer.ErrorInvitees, want) {
		t.Errorf("errorInvitees: %+v", answer.ErrorInvitees)
	}
	if c := w.read("c"); !slices.Equal(c.Members, []string{"A", "C"}) || !slices.Equal(c.Ringing, []string{"C"}) {
		t.Errorf("the call is %+v", c)
	}
	// Who is invited is not asked whom else they have blocked.
	w.block("D", "B", "C")
	invite := func(user string, invitees ...string) (any, error) {
		return w.Do(t.Context(), call.Action{Kind: call.Invite, CallID: "c", UserID: user, Invitees: invitees, MaxInvitees: 9})
	}
	if got, err := invite("A", "B", "D"); err != nil || fmt.Sprint(got) != "{c [{B 6000284}] []}" {
		t.Errorf("answered %v, %v", got, err)
	}
	if c := w.read("c"); !slices.Equal(c.Ringing, []string{"C", "D"}) {
		t.Errorf("ringing: %q", c.Ringing)
	}
	refused := func(name string, err error) {
		t.Helper()
		if e := fault.From(err); e.Status != fault.PermissionDenied || e.Code != fault.SenderInBlacklist {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := invite("A", "B")
	refused("into the call", err)
	for callID, invitees := range map[string][]string{"one": {"B"}, "two": {"nobody", "B"}} {
		i, err := call.InviteRequest{CallID: callID, Invitees: invitees}.Invitation("A")
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.Invite(t.Context(), i)
		refused(callID, err)
		_, err = w.Do(t.Context(), call.Action{Kind: call.End, CallID: callID, UserID: "A"})
		if fault.From(err).Code != fault.CallDoesNotExist {
			t.Errorf("%s: there is a call: %v", callID, err)
		}
	}
	w.invite("back", "B", call.General, 10, "A") // the other way round it goes
}

// A refused action keeps what it found out on the way.
func TestRefusedActionSettles(t *testing.T) {
	w := newWorld(t, "A", "B")
	w.invite("c", "A", call.General, 10, "B")
	w.now = w.now.Add(10 * time.Second)
	_, err := w.Do(t.Context(), call.Action{Kind: call.Accept, CallID: "c", UserID: "B", PushID: "p"})
	if c := w.read("c"); fault.From(err).Code != fault.CallError || c.State != call.Ended || c.Rev != 2 {
		t.Errorf("%v, %+v", err, c)
	}
}

func TestQueryPages(t *testing.T) {
	w := newWorld(t, "A", "B")
	for i := range 7 {
		w.invite(fmt.Sprint(i), "A", call.General, 1, "B")
		w.now = w.now.Add(10 * time.Second)
	}
	var got []string
	r := call.QueryRequest{Count: new(int)}
	for *r.Count = 3; ; {
		page, err := w.Query(t.Context(), "B", r)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page.CallList {
			got = append(got, c.CallID)
			if c.State != call.Ended || c.Inviter != "A" || w.read(c.CallID).State != call.Ended {
				t.Errorf("listed without settling: %+v", c)
			}
		}
		if r.NextFlag = page.NextFlag; r.NextFlag == "" {
			break
		}
	}
	if want := []string{"6", "5", "4", "3", "2", "1", "0"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	changes := len(w.db.all)
	if one, err := w.Query(t.Context(), "A", call.QueryRequest{CallID: "3"}); err != nil || len(one.CallList) != 1 || one.CallList[0].CallID != "3" {
		t.Errorf("got %+v, %v", one, err)
	}
	if len(w.db.all) != changes {
		t.Error("a query wrote what was settled already")
	}
}

func TestEndOverdue(t *testing.T) {
	w := newWorld(t, "A", "B")
	for i := range 600 {
		w.invite(fmt.Sprint("short", i), "A", call.General, 10, "B")
	}
	w.invite("long", "A", call.General, 600, "B")
	down := errors.New("down")
	w.db.fail["short0"] = down
	if n, err := w.EndOverdue(t.Context(), start.Add(time.Hour)); n != 0 || err != nil { // not before its time
		t.Errorf("ended %d, %v", n, err)
	}
	w.now = w.now.Add(11 * time.Second)
	if _, err := w.EndOverdue(t.Context(), start.Add(9*time.Second)); err != nil || w.read("short1").State != call.Started {
		t.Errorf("ended what is due later: %v", err)
	}
	if n, err := w.EndOverdue(t.Context(), w.now); n != 599 || !errors.Is(err, down) {
		t.Errorf("ended %d, %v", n, err)
	}
	delete(w.db.fail, "short0")
	for _, want := range []int{1, 0} {
		if n, err := w.EndOverdue(t.Context(), w.now); n != want || err != nil {
			t.Errorf("ended %d, %v; want %d", n, err, want)
		}
	}
	if c := w.read("short3"); c.State != call.Ended || c.EndTime != start.Add(10*time.Second).UnixMilli() || w.read("long").State != call.Started {
		t.Errorf("got %+v", c)
	}
}
