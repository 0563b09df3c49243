package delivery

import (
	"testing"
	"time"
)

func TestPauseEnd(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000).UTC()
	after := func(d time.Duration) time.Time { return now.Add(d) }
	for name, tc := range map[string]struct {
		p    Pause
		want time.Duration // 0: it holds nobody
	}{
		"none":                      {Pause{}, 0},
		"as FCM asked":              {NewPause(after(30*time.Second), now), 31 * time.Second},
		"under way":                 {NewPause(after(time.Second), after(-20*time.Second)), 2 * time.Second},
		"over":                      {NewPause(after(-time.Second), after(-20*time.Second)), 0},
		"too long":                  {NewPause(after(time.Hour), now), MaxPause},
		"too long, and long ago":    {NewPause(after(time.Hour), after(-MaxPause)), 0},
		"of a clock a bit ahead":    {NewPause(after(30*time.Second), after(5*time.Second)), 31 * time.Second},
		"of a clock that is wrong":  {NewPause(after(48*time.Hour), after(47*time.Hour)), 0},
		"without when it was told":  {Pause{Until: after(time.Minute)}, 0},
		"without when it is to end": {Pause{ToldAt: now}, 0},
	} {
		want := after(tc.want)
		if tc.want == 0 {
			want = time.Time{}
		}
		if got := tc.p.End(now); !got.Equal(want) {
			t.Errorf("%s: until %v, want %v", name, got, want)
		}
	}
}

func TestPauseLengthens(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	told := func(wait, ago time.Duration) Pause { return NewPause(now.Add(wait), now.Add(-ago)) }
	for name, tc := range map[string]struct {
		p, old Pause
		want   bool
	}{
		"the first":                       {told(2*time.Second, 0), Pause{}, true},
		"the same":                        {told(time.Minute, 0), told(time.Minute, 0), false},
		"of the same refusal, a bit late": {told(time.Minute, 0), told(59*time.Second, time.Second), false},
		"longer":                          {told(time.Minute, 0), told(50*time.Second, 0), true},
		"shorter":                         {told(10*time.Second, 0), told(time.Minute, 0), false},
		"after one that is over":          {told(time.Second, 0), told(-time.Second, time.Minute), true},
		"longer than allowed, again":      {told(2*time.Hour, 0), told(time.Hour, 0), false},
		"after a wrong one":               {told(time.Second, 0), told(48*time.Hour, -47*time.Hour), true},
	} {
		if got := tc.p.Lengthens(tc.old); got != tc.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
