package device

import (
	"testing"
	"time"
)

// at is a time that many seconds after 1970 began.
func at(seconds int64) time.Time { return time.Unix(seconds, 0) }

func TestHeldUntil(t *testing.T) {
	for _, tc := range []struct {
		d          Device
		held, look time.Time
	}{
		{Device{State: Online, LeaseUntil: at(5)}, at(5), at(5)},
		{Device{State: Background, LeaseUntil: at(5)}, time.Time{}, time.Time{}},
		{Device{State: Background, LeaseUntil: at(5), LeftAt: at(3)}, at(3), at(18)},
		{Device{State: Offline, LeftAt: at(3)}, at(3), at(18)},
		{Device{}, time.Time{}, time.Time{}},
	} {
		if held, look := tc.d.HeldUntil(), tc.d.LookAt(); !held.Equal(tc.held) || !look.Equal(tc.look) {
			t.Errorf("%+v: %v, looked at %v; want %v, %v", tc.d, held, look, tc.held, tc.look)
		}
	}
}

func TestMissedSince(t *testing.T) {
	for name, tc := range map[string]struct {
		since, heard             int64 // s; 0: none
		acked, looked            int64 // ms
		wantMessages, wantSilent int64 // ms; wantSilent 0: not looked at
	}{
		"nothing is known":                       {0, 0, 0, 0, 0, 0},
		"only what it has":                       {0, 0, 5, 0, 5, 0},
		"came online":                            {100, 100, 0, 0, 40_000, 40_000},
		"came online, and has older":             {100, 100, 39_000, 0, 40_000, 40_000},
		"came online, and has newer":             {100, 100, 41_000, 0, 41_000, 40_000},
		"said so again":                          {100, 160, 0, 0, 155_000, 155_000},
		"said so again, and has something":       {100, 160, 41_000, 0, 41_000, 155_000},
		"said so again, and has something old":   {100, 160, 5, 0, 40_000, 155_000},
		"stored before it was noted":             {100, 0, 0, 0, 40_000, 40_000},
		"messages were looked at":                {100, 160, 41_000, 50_000, 50_000, 155_000},
		"messages were looked at before it came": {100, 160, 41_000, 30_000, 41_000, 155_000},
	} {
		d := Device{AckedUpTo: tc.acked, LookedUpTo: tc.looked}
		if tc.since != 0 {
			d.OnlineSince = at(tc.since)
		}
		if tc.heard != 0 {
			d.HeardAt = at(tc.heard)
		}
		if got := d.MissedSince(); got != tc.wantMessages {
			t.Errorf("%s: messages since %d, want %d", name, got, tc.wantMessages)
		}
		if got := d.SilentSince(); tc.wantSilent != 0 && got != tc.wantSilent {
			t.Errorf("%s: silent since %d, want %d", name, got, tc.wantSilent)
		}
	}
}

func TestHas(t *testing.T) {
	d := Device{AckedUpTo: 5_000, HeardAt: at(7)}
	for ms, want := range map[int64]bool{4_000: true, 5_000: true, 6_000: true, 7_000: true, 7_001: false} {
		if d.Has(ms) != want {
			t.Errorf("of %d: %t", ms, !want)
		}
	}
	if (Device{}).Has(1) {
		t.Error("a device that was never online has a message")
	}
}

// A heartbeat is overdue after 90 s, the lease is 120 s.
func TestLeave(t *testing.T) {
	for name, tc := range map[string]struct {
		now, acked  int64
		left, heard int64 // of what is to be looked for; 0: nothing is
	}{
		"in time, and it never says what it has": {90, 0, 0, 90},
		"late, and it never says what it has":    {91, 0, 91, 0},
		"in time, and it says what it has":       {90, 5, 90, 90},
		"in time, and it has everything":         {90, 90_000, 0, 90},
		"late, and it says what it has":          {91, 5, 91, 0},
		"after its lease":                        {500, 0, 120, 0},
		"after its lease, and it has everything": {500, 500_000, 120, 0},
	} {
		d := Device{State: Online, OnlineSince: at(0), HeardAt: at(0), LeaseUntil: at(120), AckedUpTo: tc.acked}.Leave(at(tc.now), 90*time.Second)
		if d.LeftAt.IsZero() != (tc.left == 0) || (tc.left != 0 && !d.LeftAt.Equal(at(tc.left))) || d.OnlineSince.IsZero() != (tc.left == 0) || !d.HeardAt.Equal(at(tc.heard)) {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

func TestSettled(t *testing.T) {
	full := Device{OnlineSince: at(1), HeardAt: at(2), LeftAt: at(3), LeaseUntil: at(4), AckedUpTo: 5, LookedUpTo: 6}
	for state, want := range map[State]State{Online: Offline, Background: Background, Offline: Offline} {
		d := full
		d.State = state
		d = d.Settled()
		if d.State != want || !d.OnlineSince.IsZero() || !d.LeftAt.IsZero() || d.LookedUpTo != 0 || !d.HeardAt.Equal(at(2)) || d.AckedUpTo != 5 {
			t.Errorf("%s: %+v", state, d)
		}
		if d.LeaseUntil.IsZero() != (state == Online) {
			t.Errorf("%s: its lease is %v", state, d.LeaseUntil)
		}
	}
}
