package inbox

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/docid"
	"github.com/doorbell-push/doorbell/shared/fault"
)

var clock = time.UnixMilli(1_700_000_000_000)

const tolerance = int64(Tolerance / time.Millisecond)

func cid(n int) string { return docid.New("test", fmt.Sprint(n)) }

func TestNextCursor(t *testing.T) {
	now := clock.UnixMilli()
	a, b, c := cid(1), cid(2), cid(3)
	for name, tc := range map[string]struct {
		from cursor
		last int64
		more bool
		at   map[string]int64
		want cursor
	}{
		"nothing yet": {cursor{first: true}, 0, false, nil, cursor{bound: now - tolerance}},
		"last page: the clock": {cursor{first: true}, now - 5, false, map[string]int64{a: now - 5, b: now - tolerance + 1, c: now - tolerance},
			cursor{bound: now - tolerance, at: map[string]int64{a: now - 5, b: now - tolerance + 1}}},
		"broken off: the last message": {cursor{}, now - 1000, true, map[string]int64{a: now - 1000, b: now - 1000 - tolerance},
			cursor{bound: now - 1000 - tolerance, at: map[string]int64{a: now - 1000}}},
		"the first run drops nothing": {cursor{first: true}, now - 1000, true, map[string]int64{a: now - 1000, b: now - 1000 - tolerance},
			cursor{bound: now - 1000 - tolerance, at: map[string]int64{a: now - 1000, b: now - 1000 - tolerance}, first: true}},
		"broken off behind a message from the future: the clock": {cursor{}, now + 1000, true, map[string]int64{a: now + 1000},
			cursor{bound: now - tolerance, at: map[string]int64{a: now + 1000}}},
		"a slow clock doesn't take anything back": {cursor{bound: now}, now, false, map[string]int64{a: now, b: now + 1},
			cursor{bound: now, at: map[string]int64{b: now + 1}}},
		"an old message's page doesn't either": {cursor{bound: 7}, 9, true, map[string]int64{a: 9}, cursor{bound: 7, at: map[string]int64{a: 9}}},
	} {
		before := maps.Clone(tc.at)
		if got := tc.from.next(now, tc.last, tc.more, tc.at); got.bound != tc.want.bound || got.first != tc.want.first || !maps.Equal(got.at, tc.want.at) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", name, got, tc.want)
		}
		if !maps.Equal(before, tc.at) {
			t.Errorf("%s: changed its input", name)
		}
	}
}

// Too many positions: those active longest ago go, and the bound says so.
func TestCursorOverflows(t *testing.T) {
	now := clock.UnixMilli()
	at := map[string]int64{}
	for i := range MaxPositions + 50 {
		at[cid(i)] = now - int64(i)
	}
	at[cid(-1)] = now + maxAhead/2 // a clock in the far future makes long numbers
	got := cursor{}.next(now, now, false, at)
	if len(got.at) > MaxPositions || got.bound != now-MaxPositions+1 {
		t.Fatalf("%d positions, bound %d ms ago", len(got.at), now-got.bound)
	}
	for id, ms := range at {
		if listed, ok := got.at[id]; ok != (ms > got.bound) || ok && listed != ms {
			t.Fatalf("position %d ms ago: listed %t", now-ms, ok)
		}
	}
	text := got.encode("bob")
	if len(text) > MaxCursorBytes {
		t.Errorf("%d bytes", len(text))
	}
	if back, err := decodeCursor(text, "bob", clock); err != nil || !reflect.DeepEqual(back, got) {
		t.Errorf("it comes back with %d positions, %v", len(back.at), err)
	}

	// On a first run they may all be older than the bound, which then stays.
	first := cursor{first: true, bound: now - tolerance}.next(now, now-tolerance, true, at)
	if len(first.at) != MaxPositions || first.bound != now-MaxPositions+1 {
		t.Errorf("first run: %d positions, bound %d ms ago", len(first.at), now-first.bound)
	}
	old := cursor{first: true, bound: now}.next(now, now, true, at)
	if len(old.at) != MaxPositions || old.bound != now {
		t.Errorf("first run, later: %d positions, bound %d ms ago", len(old.at), now-old.bound)
	}
}

func TestCursorDecodes(t *testing.T) {
	now := clock.UnixMilli()
	for _, c := range []cursor{
		{at: map[string]int64{}},
		{bound: now, first: true, at: map[string]int64{}},
		{bound: 5, at: map[string]int64{cid(1): 6, cid(2): 5 + maxAhead}},
		{bound: 5, first: true, at: map[string]int64{cid(1): 0, cid(2): 5}},
	} {
		if got, err := decodeCursor(c.encode("bob"), "bob", clock); err != nil || !reflect.DeepEqual(got, c) {
			t.Errorf("got %+v, %v; want %+v", got, err, c)
		}
	}
	if got, err := decodeCursor("", "bob", clock); err != nil || !got.first || got.bound != 0 || len(got.at) != 0 {
		t.Errorf("none is %+v, %v", got, err)
	}
}

// pack is JSON as a cursor.
func pack(json string) string { return base64.RawURLEncoding.EncodeToString([]byte(json)) }

func TestCursorsRefused(t *testing.T) {
	mark, id := userMark("bob"), cid(1)
	good := fmt.Sprintf(`{"v":1,"u":%q,"b":5,"p":{%q:7}}`, mark, id)
	if _, err := decodeCursor(pack(good), "bob", clock); err != nil {
		t.Fatal(err)
	}
	edit := func(old, to string) string { return pack(strings.Replace(good, old, to, 1)) }
	for name, text := range map[string]string{
		"no base64":                "!",
		"padded":                   base64.URLEncoding.EncodeToString([]byte(good + " ")),
		"other base64":             pack(good) + "A",
		"not JSON":                 pack("x"),
		"null":                     pack("null"),
		"an empty object":          pack("{}"),
		"another version":          edit(`"v":1`, `"v":2`),
		"another's":                edit(mark, userMark("eve")),
		"nobody's":                 edit(mark, ""),
		"a negative bound":         edit(`"b":5`, `"b":-5`),
		"a bound to come":          edit(`"b":5`, fmt.Sprintf(`"b":%d`, clock.UnixMilli()+1)),
		"a fraction":               edit(`"b":5`, `"b":5.5`),
		"too large a number":       edit(`"b":5`, `"b":99999999999999999999`),
		"a position before":        edit(`:7}`, `:0}`),
		"a position before it all": edit(`"b":5,"p":{`, `"b":5,"f":true,"p":{"`+cid(2)+`":-6,`),
		"a far position":           edit(`:7}`, fmt.Sprintf(`:%d}`, int64(maxAhead)+1)),
		"an overflow":              edit(`:7}`, `:9223372036854775807}`),
		"no document ID":           edit(id, "a/b"),
		"an unknown field":         edit(`"b":5`, `"b":5,"x":1`),
		"a name twice":             edit(`"b":5`, `"b":5,"b":5`),
		"a name in capitals":       edit(`"b"`, `"B"`),
		"a space":                  edit(`:5`, `: 5`),
		"something after it":       pack(good + "{}"),
		"first, but not true":      edit(`"b":5`, `"b":5,"f":false`),
		"an empty list":            pack(fmt.Sprintf(`{"v":1,"u":%q,"b":5,"p":{}}`, mark)),
		"a huge one":               strings.Repeat("A", MaxCursorBytes+1),
	} {
		_, err := decodeCursor(text, "bob", clock)
		var e *fault.Error
		if !errors.As(err, &e) || e.Status != fault.InvalidArgument || e.Field != "cursor" {
			t.Errorf("%s: %v", name, err)
		}
	}
	many := cursor{at: map[string]int64{}}
	for i := range MaxPositions + 1 {
		many.at[cid(i)] = 1
	}
	if _, err := decodeCursor(many.encode("bob"), "bob", clock); err == nil {
		t.Error("more positions than a cursor has are taken")
	}
}

// What is taken is what encode writes, and nothing is beyond its bounds.
func FuzzCursor(f *testing.F) {
	f.Add("")
	f.Add(cursor{bound: 5, at: map[string]int64{cid(1): 6}}.encode("bob"))
	f.Add(cursor{first: true}.encode("bob"))
	f.Add(pack(`{"v":1,"u":"` + userMark("bob") + `","b":5,"p":{"` + cid(1) + `":1e1}}`))
	f.Fuzz(func(t *testing.T, text string) {
		c, err := decodeCursor(text, "bob", clock)
		if err != nil {
			var e *fault.Error
			if !errors.As(err, &e) || e.Field != "cursor" {
				t.Errorf("refused with %v", err)
			}
			return
		}
		if text != "" && c.encode("bob") != text {
			t.Errorf("%q is taken for %+v", text, c)
		}
		if c.bound < 0 || c.bound > clock.UnixMilli() || len(c.at) > MaxPositions {
			t.Errorf("%q has the bound %d and %d positions", text, c.bound, len(c.at))
		}
		for id, at := range c.at {
			if at <= c.bound && !c.first || at < 0 || !cidPattern.MatchString(id) {
				t.Errorf("%q has position %q %d, bound %d", text, id, at, c.bound)
			}
		}
	})
}
