package store_test

import (
	"context"
	"crypto/rand"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/delivery"
)

// newEntry is a batch's first entry, as the dispatcher makes it.
func newEntry() delivery.Entry {
	return delivery.Entry{
		ID: rand.Text(), Kind: "message", SubjectID: "m", Attempt: 1,
		CreatedAt: at(0), PlannedAt: at(-time.Second), LeaseUntil: at(30 * time.Second), ExpireAt: at(24 * time.Hour),
	}
}

func begin(t *testing.T, s anyStore, e delivery.Entry, now time.Time, wanted ...string) delivery.Entry {
	t.Helper()
	got, err := s.Begin(t.Context(), e, wanted, now)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func finish(t *testing.T, s anyStore, e delivery.Entry) {
	t.Helper()
	if err := s.Finish(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

// retry is e as the dispatcher begins it again at now.
func retry(e delivery.Entry, now time.Time) delivery.Entry {
	e.CreatedAt, e.LeaseUntil, e.ExpireAt = now, now.Add(30*time.Second), now.Add(24*time.Hour)
	return e
}

func same(t *testing.T, got, want delivery.Entry) {
	t.Helper()
	got.Version, want.Version = time.Time{}, time.Time{}
	got.Lease, want.Lease = 0, 0
	if len(got.Outcomes) == 0 && len(want.Outcomes) == 0 {
		got.Outcomes, want.Outcomes = nil, nil
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func ledgerKept(t *testing.T, s anyStore) {
	e := newEntry()
	first := begin(t, s, e, at(0))
	same(t, first, e)
	e = first
	outcomes := map[string]delivery.Outcome{
		"p1": {UserID: "u1", Status: delivery.Sent, Detail: "projects/p/messages/1", Tries: 2, At: at(time.Second)},
		"p2": {UserID: "u2", Status: delivery.Pending, Detail: "quota", At: at(2 * time.Second)},
	}
	e.Outcomes, e.LeaseUntil = outcomes, at(time.Minute)
	e.Refusals = map[string][]delivery.Refusal{"p1": {{At: at(0), Class: "unavailable"}}, "p2": {{At: at(time.Second), Class: "quota"}, {At: at(2 * time.Second), Class: "quota"}}}
	finish(t, s, e)
	want := e
	want.Attempt, want.LeaseUntil = 2, at(90*time.Second)
	got := begin(t, s, retry(newEntryWithID(e.ID), at(time.Minute)), at(time.Minute))
	same(t, got, want)
	if !got.Final("p1") || got.Final("p2") || got.Final("p3") {
		t.Errorf("final: %+v", got.Outcomes)
	}
}

// Whoever was ever set out to be sent to stays known, each once.
func ledgerAsked(t *testing.T, s anyStore) {
	e := newEntry()
	e.Asked = []string{"p1", "p2"}
	first := begin(t, s, e, at(0))
	if !first.MayHaveShown("p1") || first.MayHaveShown("p3") {
		t.Errorf("%+v", first)
	}
	first.Done = true
	finish(t, s, first)
	e.Asked = []string{"p3", "p2"}
	again := begin(t, s, retry(e, at(time.Minute)), at(time.Minute), "p3", "p2")
	if want := []string{"p1", "p2", "p3"}; !reflect.DeepEqual(again.Asked, want) {
		t.Errorf("asked %q, want %q", again.Asked, want)
	}
	finish(t, s, again)
	list, err := s.Entries(t.Context(), e.SubjectID)
	if err != nil || len(list) == 0 {
		t.Fatal(list, err)
	}
	for _, stored := range list {
		if stored.ID == e.ID && !reflect.DeepEqual(stored.Asked, again.Asked) {
			t.Errorf("stored are %q", stored.Asked)
		}
	}
}

func newEntryWithID(id string) delivery.Entry {
	e := newEntry()
	e.ID = id
	return e
}

func ledgerLease(t *testing.T, s anyStore) {
	e := newEntry()
	begin(t, s, e, at(0))
	for _, now := range []time.Time{at(0), at(30*time.Second - time.Microsecond)} {
		if _, err := s.Begin(t.Context(), retry(e, now), nil, now); !errors.Is(err, delivery.ErrBusy) {
			t.Errorf("%v into the lease: got %v", now.Sub(at(0)), err)
		}
	}
	// The attempts that were refused counted for nothing.
	given := begin(t, s, retry(e, at(30*time.Second)), at(30*time.Second))
	if given.Attempt != 2 || !given.LeaseUntil.Equal(at(time.Minute)) {
		t.Errorf("taken over as %+v", given)
	}
	if _, err := s.Begin(t.Context(), retry(e, at(31*time.Second)), nil, at(31*time.Second)); !errors.Is(err, delivery.ErrBusy) {
		t.Errorf("into the second lease: got %v", err)
	}
	// Given back early.
	given.LeaseUntil = at(32 * time.Second)
	finish(t, s, given)
	if got := begin(t, s, retry(e, at(32*time.Second)), at(32*time.Second)); got.Attempt != 3 {
		t.Errorf("taken over as %+v", got)
	}
}

// The answer to a Begin is lost and it is made again: it is given the lease that
// it took, once; nobody else is.
func ledgerOwner(t *testing.T, s anyStore) {
	e := newEntry()
	e.Owner = "a"
	first := begin(t, s, e, at(0))
	again := begin(t, s, e, at(time.Second))
	if again.Attempt != 1 || again.Lease != 1 || !again.Version.Equal(first.Version) {
		t.Errorf("taken again as %+v", again)
	}
	other := retry(e, at(time.Second))
	other.Owner = "b"
	if _, err := s.Begin(t.Context(), other, nil, at(time.Second)); !errors.Is(err, delivery.ErrBusy) {
		t.Errorf("another got %v", err)
	}
	other = retry(other, at(30*time.Second))
	for range 2 {
		taken := begin(t, s, other, at(30*time.Second))
		if taken.Attempt != 2 || taken.Lease != 2 || taken.Owner != "b" {
			t.Errorf("taken over as %+v", taken)
		}
	}
	if _, err := s.Begin(t.Context(), e, nil, at(31*time.Second)); !errors.Is(err, delivery.ErrBusy) {
		t.Errorf("the first got %v after it was taken over", err)
	}
}

// Who asked FCM nothing gives its attempt back; who is late changes nothing.
func ledgerAttempts(t *testing.T, s anyStore) {
	e := begin(t, s, newEntry(), at(0))
	e.Attempt, e.LeaseUntil = 0, at(time.Second)
	finish(t, s, e)
	next := begin(t, s, retry(newEntryWithID(e.ID), at(time.Second)), at(time.Second))
	if next.Attempt != 1 {
		t.Errorf("attempt %d", next.Attempt)
	}
	e.Attempt = 0
	finish(t, s, e)
	next.LeaseUntil = at(2 * time.Second)
	finish(t, s, next)
	if got := begin(t, s, retry(newEntryWithID(e.ID), at(2*time.Second)), at(2*time.Second)); got.Attempt != 2 {
		t.Errorf("attempt %d", got.Attempt)
	}
}

func finishedBatch(t *testing.T, s anyStore) {
	e := begin(t, s, newEntry(), at(0))
	e.Done, e.Outcomes = true, map[string]delivery.Outcome{"p": {UserID: "u", Status: delivery.Failed, Detail: "unregistered", At: at(0)}}
	finish(t, s, e)
	for _, now := range []time.Time{at(0), at(time.Hour)} { // inside the lease it ended with, and after
		same(t, begin(t, s, retry(newEntryWithID(e.ID), now), now, "p"), e)
	}
}

// A batch that is done knows nothing of a device it is to tell now: it is
// opened again, for one worker, and is done again with both.
func reopenedBatch(t *testing.T, s anyStore) {
	for name, first := range map[string]map[string]delivery.Outcome{
		"unknown": {"p": {UserID: "u", Status: delivery.Sent, At: at(0)}},
		"pending": {"p": {UserID: "u", Status: delivery.Sent, At: at(0)}, "q": {UserID: "w", Status: delivery.Pending, At: at(0)}},
	} {
		e := newEntry()
		begin(t, s, e, at(0), "p")
		e = begin(t, s, retry(e, at(30*time.Second)), at(30*time.Second), "p")
		e.Done, e.Outcomes, e.LeaseUntil = true, first, at(time.Minute)
		finish(t, s, e)
		now := at(40 * time.Second) // inside the lease it ended with
		want := e
		want.Done, want.Attempt, want.LeaseUntil, want.Anew = false, 1, at(70*time.Second), true
		again := begin(t, s, retry(newEntryWithID(e.ID), now), now, "p", "q")
		same(t, again, want)
		want.Anew = false // is for who took the lease, and not kept
		if _, err := s.Begin(t.Context(), retry(e, now), []string{"p"}, now); !errors.Is(err, delivery.ErrBusy) {
			t.Errorf("%s: opened again for two: %v", name, err)
		}
		want.Done, want.LeaseUntil, want.Version, want.Lease = true, now, again.Version, again.Lease
		want.Outcomes = map[string]delivery.Outcome{"q": {UserID: "w", Status: delivery.Failed, Detail: "unregistered", At: now}}
		finish(t, s, want)
		want.Outcomes["p"] = first["p"]
		same(t, begin(t, s, retry(e, now), now, "q", "p"), want)
	}
}

// Of a ring, the next worker is told whom those before set out to send to.
func reopenedRing(t *testing.T, s anyStore) {
	e := newEntry()
	e.Asked = []string{"p"}
	e = begin(t, s, e, at(0), "p")
	e.Done, e.Outcomes = true, map[string]delivery.Outcome{"p": {UserID: "u", Status: delivery.Sent, At: at(0)}}
	finish(t, s, e)
	next := newEntryWithID(e.ID)
	next.Asked = []string{"p", "q"}
	again := begin(t, s, retry(next, at(time.Second)), at(time.Second), "p", "q")
	if !again.Anew || !slices.Equal(again.AskedBefore, e.Asked) || !slices.Equal(again.Asked, next.Asked) {
		t.Errorf("opened again as %+v", again)
	}
}

// A worker whose lease ran out adds to what its successor found, and undoes none
// of it, whether the successor is still at work or done.
func outcomesAddUp(t *testing.T, s anyStore) {
	sent := delivery.Outcome{UserID: "a", Status: delivery.Sent, Detail: "name", At: at(0)}
	pending := delivery.Outcome{UserID: "a", Status: delivery.Pending, Detail: "internal", At: at(0)}
	failed := delivery.Outcome{UserID: "a", Status: delivery.Failed, Detail: "unregistered", At: at(0)}
	for _, successorDone := range []bool{false, true} {
		late := begin(t, s, newEntry(), at(0))
		now := at(30 * time.Second)
		next := begin(t, s, retry(newEntryWithID(late.ID), now), now)
		late.Outcomes = map[string]delivery.Outcome{"a": pending, "b": sent, "c": sent, "d": failed}
		late.LeaseUntil = at(0)
		next.Outcomes = map[string]delivery.Outcome{"a": sent, "b": failed, "c": pending}
		next.Done = successorDone
		if successorDone {
			finish(t, s, next)
			finish(t, s, late)
		} else {
			finish(t, s, late)
			if _, err := s.Begin(t.Context(), retry(late, now), nil, now); !errors.Is(err, delivery.ErrBusy) {
				t.Errorf("the late worker gave its successor's lease away: %v", err)
			}
			finish(t, s, next)
		}
		want := next
		want.Outcomes = map[string]delivery.Outcome{"a": sent, "b": sent, "c": sent, "d": failed}
		entries, err := s.Entries(t.Context(), late.SubjectID)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.ID == late.ID {
				same(t, e, want)
			}
		}
	}
}

// race has several begin the entry at once, and counts those who got it.
func race(t *testing.T, s anyStore, e delivery.Entry, now time.Time) (won int) {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			_, err := s.Begin(context.Background(), e, nil, now)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
			} else if !errors.Is(err, delivery.ErrBusy) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	return won
}

func concurrentFirstBegin(t *testing.T, s anyStore) {
	if won := race(t, s, newEntry(), at(0)); won != 1 {
		t.Errorf("%d workers got the batch", won)
	}
}

func concurrentTakeOver(t *testing.T, s anyStore) {
	e := newEntry()
	begin(t, s, e, at(0))
	now := at(time.Minute)
	if won := race(t, s, retry(e, now), now); won != 1 {
		t.Errorf("%d workers took the batch over", won)
	}
}

func skipsRecorded(t *testing.T, s anyStore) {
	e := newEntry()
	e.Done = true
	for _, reason := range []string{"online", "no_device"} { // planned again, the second stands
		e.Outcomes = map[string]delivery.Outcome{"p-" + reason: {UserID: "u", Status: delivery.Skipped, Detail: reason, At: at(0)}}
		if err := s.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		same(t, begin(t, s, newEntryWithID(e.ID), at(0)), e)
	}
}

// The entries of what one ID announced, and no others.
// What rang a user is found by the conversation and how far they have read it, the
// latest first: also what was marked before it began, and what was opened again for
// others.
func whatRang(t *testing.T, s anyStore) {
	cid, other := rand.Text(), rand.Text()
	telling := func(cid string, seq int64, to ...string) delivery.Entry {
		e := newEntry()
		e.CID, e.Seq, e.To, e.Tag, e.Counts = cid, seq, to, "t", seq%2 == 1
		return e
	}
	var want []string
	for seq := range int64(5) {
		e := telling(cid, seq+1, "bob", "carol")
		if seq == 2 {
			mark := delivery.Entry{Kind: "message", SubjectID: "m", ExpireAt: at(time.Hour)}
			if err := s.MarkChanged(t.Context(), mark, []string{e.ID}); err != nil {
				t.Fatal(err)
			}
		}
		e = begin(t, s, e, at(0))
		e.Done, e.LeaseUntil = true, at(time.Second)
		e.Outcomes = map[string]delivery.Outcome{
			"p1": {UserID: "bob", Status: delivery.Sent, Detail: "name", At: at(0)}, "p2": {UserID: "carol", Status: delivery.Skipped, Detail: "online", At: at(0)},
		}
		finish(t, s, e)
		want = append(want, e.ID)
	}
	reopened := begin(t, s, retry(telling(cid, 5, "dave"), at(0)), at(0))
	reopened.Done = true
	finish(t, s, reopened)
	again := retry(reopened, at(time.Minute))
	again.To = []string{"erin"}
	begin(t, s, again, at(time.Minute), "p3")
	begin(t, s, telling(other, 3, "bob"), at(0))
	begin(t, s, newEntry(), at(0))

	for name, tc := range map[string]struct {
		user, cid   string
		after, upTo int64
		limit       int
		want        []string
	}{
		"all":             {"bob", cid, 0, 5, 10, []string{want[4], want[3], want[2], want[1], want[0]}},
		"some":            {"bob", cid, 1, 3, 10, []string{want[2], want[1]}},
		"the latest":      {"carol", cid, 0, 4, 2, []string{want[3], want[2]}},
		"nothing later":   {"bob", cid, 5, 9, 10, nil},
		"told first":      {"dave", cid, 0, 9, 10, []string{reopened.ID}},
		"told again":      {"erin", cid, 0, 9, 10, []string{reopened.ID}},
		"nobody":          {"frank", cid, 0, 9, 10, nil},
		"no conversation": {"bob", "none", 0, 9, 10, nil},
	} {
		got, err := s.Rung(t.Context(), tc.user, tc.cid, tc.after, tc.upTo, []string{"p1", "p9"}, tc.limit)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, e := range got {
			ids = append(ids, e.ID)
			if i := slices.Index(want, e.ID); e.Tag != "t" || e.Counts != (i < 0 || i%2 == 0) {
				t.Errorf("%s: %+v", name, e)
			}
			if e.ID == reopened.ID {
				if e.Done || len(e.Outcomes) != 0 || !e.LeaseUntil.Equal(at(90*time.Second)) {
					t.Errorf("%s: %+v", name, e)
				}
				continue
			}
			if o := e.Outcomes["p1"]; !e.Done || !e.LeaseUntil.Equal(at(time.Second)) || len(e.Outcomes) != 1 || o.Status != delivery.Sent || o.UserID != "bob" {
				t.Errorf("%s: %+v", name, e)
			}
		}
		if !slices.Equal(ids, tc.want) {
			t.Errorf("%s: got %q, want %q", name, ids, tc.want)
		}
	}
}

// What took something away is found by any of that, also where its batch was opened
// again to take away more.
func whatTookAway(t *testing.T, s anyStore) {
	took := func(tags ...string) delivery.Entry {
		e := newEntry()
		e.Kind, e.Seq = "read", 7
		for _, tag := range tags {
			e.Took = append(e.Took, delivery.TookKey("bob", tag))
		}
		return e
	}
	one, two, three := rand.Text(), rand.Text(), rand.Text()
	first := begin(t, s, took(one, two), at(0))
	first.Done, first.Outcomes = true, map[string]delivery.Outcome{"p1": {UserID: "bob", Status: delivery.Sent, Detail: "name", At: at(0)}}
	finish(t, s, first)
	more := took(three)
	more.ID = first.ID
	begin(t, s, retry(more, at(time.Minute)), at(time.Minute), "p2")
	second := begin(t, s, took(two), at(0))
	begin(t, s, newEntry(), at(0))

	many := []string{delivery.TookKey("bob", one)}
	for range 40 {
		many = append(many, rand.Text())
	}
	many = append(many, delivery.TookKey("bob", two))
	for name, tc := range map[string]struct{ keys, want []string }{
		"one":          {[]string{delivery.TookKey("bob", one)}, []string{first.ID}},
		"of two":       {[]string{delivery.TookKey("bob", two)}, []string{first.ID, second.ID}},
		"opened again": {[]string{delivery.TookKey("bob", three)}, []string{first.ID}},
		"each once":    {many, []string{first.ID, second.ID}},
		"another's":    {[]string{delivery.TookKey("carol", one)}, nil},
		"nothing":      {nil, nil},
	} {
		got, err := s.Taken(t.Context(), tc.keys)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, e := range got {
			if ids = append(ids, e.ID); e.Seq != 7 || e.Kind != "read" {
				t.Errorf("%s: %+v", name, e)
			}
			if o := e.Outcomes["p1"]; e.ID == first.ID && o.Status != delivery.Sent {
				t.Errorf("%s: %+v", name, e)
			}
		}
		slices.Sort(ids)
		slices.Sort(tc.want)
		if !slices.Equal(ids, tc.want) {
			t.Errorf("%s: got %q, want %q", name, ids, tc.want)
		}
	}
}

func ledgerEntries(t *testing.T, s anyStore) {
	subject := rand.Text()
	want := map[string]delivery.Entry{}
	for range 3 {
		e := newEntry()
		e.SubjectID = subject
		e = begin(t, s, e, at(0))
		e.Done, e.Outcomes = true, map[string]delivery.Outcome{"p": {UserID: "u", Status: delivery.Sent, Detail: "name", At: at(0)}}
		finish(t, s, e)
		want[e.ID] = e
	}
	begin(t, s, newEntry(), at(0))
	got, err := s.Entries(t.Context(), subject)
	if err != nil || len(got) != len(want) {
		t.Fatalf("got %+v, %v", got, err)
	}
	for _, e := range got {
		same(t, e, want[e.ID])
	}
	if got, err := s.Entries(t.Context(), "none"); err != nil || len(got) != 0 {
		t.Errorf("of nothing: %+v, %v", got, err)
	}
}
