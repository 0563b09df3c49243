package inbox_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/doorbell-push/doorbell/shared/inbox"
)

func TestHistory(t *testing.T) {
	w := newWorld(t)
	for range 5 {
		w.send("ann", "me", peer)
		w.send("me", "ann", peer)
	}
	three := 3
	for name, tc := range map[string]struct {
		reverse bool
		from    int64
		want    []string
	}{
		"from the newest":       {true, 0, []string{"8-10", "5-7", "2-4", "1-1"}},
		"from the oldest":       {false, 0, []string{"1-3", "4-6", "7-9", "10-10"}},
		"back from the fourth":  {true, 4, []string{"2-4", "1-1"}},
		"back from the third":   {true, 3, []string{"1-3"}},
		"on from the eighth":    {false, 8, []string{"8-10"}},
		"back from beyond":      {true, 999, []string{"8-10", "5-7", "2-4", "1-1"}},
		"on from beyond, empty": {false, 999, []string{""}},
	} {
		var got []string
		for from, more := tc.from, true; more; {
			a, err := w.inbox.History(ctx, "me", &inbox.HistoryRequest{ConversationID: "ann", ConversationType: &peer, Count: &three, Reverse: tc.reverse, NextMessageSeq: from})
			if err != nil || a.ConversationID != "ann" {
				t.Fatalf("%s: %+v, %v", name, a, err)
			}
			line := ""
			if n := len(a.MessageList); n > 0 {
				line = fmt.Sprintf("%d-%d", a.MessageList[0].OrderKey, a.MessageList[n-1].OrderKey)
			}
			got = append(got, line)
			from, more = a.NextMessageSeq, a.NextMessageSeq != 0
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}
