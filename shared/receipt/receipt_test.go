package receipt_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/docid"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/push"
	"github.com/doorbell-push/doorbell/shared/receipt"
	"github.com/doorbell-push/doorbell/shared/store"
)

var (
	now = time.UnixMilli(1_700_000_000_000)
	m1  = docid.New("m1")
	m2  = docid.New("m2")
)

const retention = time.Hour

func shown(id string, at int64) receipt.Receipt {
	return receipt.Receipt{ID: id, Kind: push.KindMessage, Event: receipt.Shown, At: at}
}

func service(s receipt.Store) *receipt.Service {
	return &receipt.Service{Store: s, Now: func() time.Time { return now }, Retention: retention}
}

func TestCheck(t *testing.T) {
	for name, tc := range map[string]struct {
		edit  func(*receipt.Request)
		field string
	}{
		"fine":              {func(*receipt.Request) {}, ""},
		"with a reason":     {func(r *receipt.Request) { r.Receipts[1].Reason = strings.Repeat("~", receipt.MaxReasonBytes) }, ""},
		"as many as may":    {func(r *receipt.Request) { r.Receipts = slices.Repeat(r.Receipts, receipt.MaxReceipts/2) }, ""},
		"none":              {func(r *receipt.Request) { r.Receipts = nil }, "receipts"},
		"too many":          {func(r *receipt.Request) { r.Receipts = slices.Repeat(r.Receipts, receipt.MaxReceipts/2+1) }, "receipts"},
		"no ID":             {func(r *receipt.Request) { r.Receipts[0].ID = "" }, "receipts.0.id"},
		"a short ID":        {func(r *receipt.Request) { r.Receipts[1].ID = m1[1:] }, "receipts.1.id"},
		"a path":            {func(r *receipt.Request) { r.Receipts[1].ID = "/" + m1[1:] }, "receipts.1.id"},
		"upper case":        {func(r *receipt.Request) { r.Receipts[1].ID = strings.ToUpper(m1) }, "receipts.1.id"},
		"no kind":           {func(r *receipt.Request) { r.Receipts[0].Kind = "" }, "receipts.0.kind"},
		"another kind":      {func(r *receipt.Request) { r.Receipts[0].Kind = "message " }, "receipts.0.kind"},
		"no event":          {func(r *receipt.Request) { r.Receipts[0].Event = "" }, "receipts.0.event"},
		"another event":     {func(r *receipt.Request) { r.Receipts[0].Event = "read" }, "receipts.0.event"},
		"no time":           {func(r *receipt.Request) { r.Receipts[0].At = 0 }, "receipts.0.at"},
		"before time":       {func(r *receipt.Request) { r.Receipts[0].At = -1 }, "receipts.0.at"},
		"a long reason":     {func(r *receipt.Request) { r.Receipts[0].Reason = strings.Repeat("x", receipt.MaxReasonBytes+1) }, "receipts.0.reason"},
		"a line break":      {func(r *receipt.Request) { r.Receipts[0].Reason = "a\nb" }, "receipts.0.reason"},
		"an escape":         {func(r *receipt.Request) { r.Receipts[0].Reason = "\x1b[2J" }, "receipts.0.reason"},
		"beyond ASCII":      {func(r *receipt.Request) { r.Receipts[0].Reason = "é" }, "receipts.0.reason"},
		"the last is wrong": {func(r *receipt.Request) { r.Receipts[1].At = 0 }, "receipts.1.at"},
	} {
		r := &receipt.Request{Receipts: []receipt.Receipt{shown(m1, 1), shown(m2, 1)}}
		tc.edit(r)
		err := r.Check()
		var f *fault.Error
		if errors.As(err, &f); (err == nil) != (tc.field == "") || f != nil && (f.Field != tc.field || f.Status != fault.InvalidArgument) {
			t.Errorf("%s: %v, want field %q", name, err, tc.field)
		}
		db := &store.Memory{}
		if got := service(db).Record(t.Context(), "p", r); (got == nil) != (err == nil) {
			t.Errorf("%s: recorded %v", name, got)
		}
		if told, _ := db.Receipts(t.Context(), m1); err != nil && len(told) != 0 {
			t.Errorf("%s: a part was kept: %v", name, told)
		}
	}
}

// Whatever a device's clock says, what it tells stays among what can have
// happened, and the earliest of the same stands, within a request too.
func TestRecord(t *testing.T) {
	db := &store.Memory{}
	s := service(db)
	ms := now.UnixMilli()
	for _, tc := range []struct{ at, want int64 }{
		{ms + 1, ms}, {1 << 62, ms}, {ms, ms}, {ms - 5, ms - 5}, {ms + 9, ms - 5}, {ms - 7, ms - 7}, {1, ms - retention.Milliseconds()},
	} {
		request := &receipt.Request{Receipts: []receipt.Receipt{shown(m1, tc.at+1), shown(m1, tc.at), shown(m2, ms-1), shown(m1, tc.at+2)}}
		if err := s.Record(t.Context(), "p", request); err != nil {
			t.Fatal(err)
		}
		told, err := db.Receipts(t.Context(), m1)
		if err != nil || len(told["p"]) != 1 || told["p"][0] != shown(m1, tc.want) {
			t.Errorf("at %d: %v, %v; want %d", tc.at, told, err, tc.want)
		}
		if told, _ := db.Receipts(t.Context(), m2); told["p"][0] != shown(m2, ms-1) {
			t.Errorf("of another message: %v", told)
		}
	}
}

// A token is of one device, the same in every process, and nobody makes one.
func TestTokens(t *testing.T) {
	db := &store.Memory{}
	one, other := service(db), service(db)
	pushID := docid.New("push", "alice", "phone")
	token, err := one.Token(t.Context(), pushID)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*receipt.Service{one, other} {
		if got, err := s.Device(t.Context(), token); got != pushID || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	}
	_, mac, _ := strings.Cut(token, ".")
	foreign, _ := service(&store.Memory{}).Token(t.Context(), pushID) // under another secret
	for _, bad := range []string{
		"", ".", pushID, pushID + ".", "." + mac, mac, docid.New("push", "bob", "phone") + "." + mac, token + ".", token + "a", token[:len(token)-1],
		strings.ToUpper(token), " " + token, foreign, "a/b." + mac, strings.Repeat("x", 1<<16),
	} {
		got, err := one.Device(t.Context(), bad)
		var f *fault.Error
		if got != "" || !errors.As(err, &f) || f.Status != fault.Unauthenticated {
			t.Errorf("%.80q is taken for %q, %v", bad, got, err)
		}
	}
}

// down is a store that doesn't answer until up.
type down struct {
	store.Memory
	up bool
}

func (d *down) Secret(ctx context.Context, name string, fresh []byte) ([]byte, error) {
	if !d.up {
		return nil, errors.New("down")
	}
	return d.Memory.Secret(ctx, name, fresh)
}

// A secret that couldn't be read is asked for again by the next request.
func TestSecretIsAskedForAgain(t *testing.T) {
	db := &down{}
	s := service(db)
	pushID := docid.New("p")
	if _, err := s.Token(t.Context(), pushID); err == nil {
		t.Error("a token without a secret")
	}
	var f *fault.Error
	if _, err := s.Device(t.Context(), pushID+".x"); err == nil || errors.As(err, &f) {
		t.Errorf("the device is blamed: %v", err)
	}
	db.up = true
	token, err := s.Token(t.Context(), pushID)
	if got, err2 := s.Device(t.Context(), token); got != pushID || err != nil || err2 != nil {
		t.Errorf("%q, %v, %v", got, err, err2)
	}
}

func TestSummary(t *testing.T) {
	of := func(events ...receipt.Event) (list []receipt.Receipt) {
		for _, e := range events {
			list = append(list, receipt.Receipt{Event: e})
		}
		return list
	}
	var s receipt.Summary
	for _, told := range [][]receipt.Receipt{
		of(receipt.Arrived), of(receipt.Arrived, receipt.Shown), of(receipt.Arrived, receipt.Dropped),
		of(receipt.Shown, receipt.Dropped), // a repeat was dropped
		of(receipt.Clicked),                // the others were lost
		of(receipt.Arrived, receipt.Arrived, receipt.Shown, receipt.Shown, receipt.Clicked),
		nil,
	} {
		s.Add(told)
	}
	if want := (receipt.Summary{Arrived: 6, Shown: 4, Clicked: 2, Dropped: 1}); s != want {
		t.Errorf("got %+v, want %+v", s, want)
	}
}

// The devices of a large group spread over all documents.
func TestShards(t *testing.T) {
	const devices = 10_000
	var per [receipt.Shards]int
	for i := range devices {
		id := docid.New(string(rune(i)))
		per[receipt.Shard(id)]++
	}
	if slices.Max(per[:]) > 2*devices/receipt.Shards || slices.Min(per[:]) == 0 {
		t.Errorf("spread as %v", per)
	}
}

// Whatever is taken for receipts is checked without a panic, and what passes is in
// bounds.
func FuzzCheck(f *testing.F) {
	f.Add(docid.New("m"), "message", "shown", int64(1), "late")
	f.Add("/", "", "", int64(-1), "\x00")
	f.Fuzz(func(t *testing.T, id, kind, event string, at int64, reason string) {
		r := &receipt.Request{Receipts: []receipt.Receipt{{ID: id, Kind: push.Kind(kind), Event: receipt.Event(event), At: at, Reason: reason}}}
		err := r.Check()
		if e := fault.From(err); err != nil && (e.Status != fault.InvalidArgument || e.Field == "") {
			t.Errorf("refused with %v", err)
		}
		if err == nil && (len(id) != 26 || len(kind) > 8 || len(event) > 7 || at <= 0 || len(reason) > receipt.MaxReasonBytes) {
			t.Errorf("taken: %q %q %q %d %q", id, kind, event, at, reason)
		}
	})
}
