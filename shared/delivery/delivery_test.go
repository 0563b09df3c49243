package delivery

import (
	"testing"
	"time"
)

// Whether a device may show something, of an entry that doesn't say whom somebody set
// out to send to.
func TestShown(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	for name, tc := range map[string]struct {
		done         bool
		lease        time.Duration
		outcome      *Outcome
		shown, known bool
	}{
		"sent":                {true, 0, &Outcome{Status: Sent}, true, true},
		"skipped":             {true, 0, &Outcome{Status: Skipped}, false, true},
		"failed":              {true, 0, &Outcome{Status: Failed, Tries: 1}, false, true},
		"asked, and given up": {true, 0, &Outcome{Status: DeadLetter, Tries: 3}, true, true},
		"to be tried again":   {false, time.Second, &Outcome{Status: Pending, Tries: 1}, true, true},
		"never asked":         {false, time.Second, &Outcome{Status: Pending}, false, true},
		"not in the batch":    {true, time.Second, nil, false, true},
		"being sent":          {false, time.Second, nil, true, false},
		"died at it":          {false, 0, nil, true, true},
	} {
		e := Entry{Done: tc.done, LeaseUntil: now.Add(tc.lease)}
		if tc.outcome != nil {
			e.Outcomes = map[string]Outcome{"p": *tc.outcome}
		}
		shown, known := e.Shown("p", now)
		if known != tc.known || known && shown != tc.shown {
			t.Errorf("%s: %t, known %t", name, shown, known)
		}
	}
}
