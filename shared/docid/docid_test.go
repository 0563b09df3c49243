package docid

import (
	"regexp"
	"strings"
	"testing"
)

// IDs are stored and compared across releases: they must never change.
func TestNewIsStable(t *testing.T) {
	for want, parts := range map[string][]string{
		"4oymiquy7qobjgx36tejs35zeq": {},
		"xj3iwmy73bwozab34bhfnkzlhu": {""},
		"eczlixgzlttksvh3kx2ncvqnna": {"push", "alice", "phone-1"},
	} {
		if got := New(parts...); got != want {
			t.Errorf("New(%q) = %s, want %s", parts, got, want)
		}
	}
}

func TestNewKeepsPartsApart(t *testing.T) {
	lists := [][]string{{}, {""}, {"", ""}, {"ab", "c"}, {"a", "bc"}, {"abc"}, {"a", "b", "c"}, {"1:a"}, {"a1:b"}, {"c", "ab"}, {"a\x00b"}, {"a", "\x00b"}, {"日", "本"}, {"日本"}}
	seen := map[string][]string{}
	for _, parts := range lists {
		id := New(parts...)
		if other, ok := seen[id]; ok {
			t.Errorf("New(%q) = New(%q) = %s", parts, other, id)
		}
		seen[id] = parts
	}
}

// Any parts give a valid Firestore document ID of one length.
func TestNewShape(t *testing.T) {
	shape := regexp.MustCompile(`^[a-z2-7]{26}$`)
	for _, part := range []string{"", "/", "..", "__x__", "\xff", strings.Repeat("x", 1<<16)} {
		if id := New(part); !shape.MatchString(id) {
			t.Errorf("New(%.20q) = %q", part, id)
		}
	}
}

func TestValid(t *testing.T) {
	id := New("x")
	for s, want := range map[string]bool{
		id: true, "": false, id[1:]: false, id + "a": false, strings.ToUpper(id): false, id[1:] + "1": false, id[1:] + "8": false, id[1:] + "/": false, id[1:] + "\x00": false,
	} {
		if Valid(s) != want {
			t.Errorf("Valid(%q) is %t", s, !want)
		}
	}
}
