package plan

import (
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// now is 22:13:20 UTC on a Tuesday.
func hours(from, to string, edits ...func(*presence.Quiet)) *presence.Quiet {
	q := &presence.Quiet{TimeZone: "UTC", Weekdays: []presence.Weekday{"tue"}, From: from, To: to}
	for _, edit := range edits {
		edit(q)
	}
	return q
}

// quietFrom is u with quiet hours from a time until the morning.
func quietFrom(from string, u *presence.User) *presence.User {
	u.Settings.Quiet = hours(from, "07:00")
	return u
}

func callsToo(q *presence.Quiet)    { q.CallsBreakThrough = true }
func mentionsToo(q *presence.Quiet) { q.MentionsBreakThrough = true }
func onNoDay(q *presence.Quiet)     { q.Weekdays = []presence.Weekday{} }

// ring is a call, and end what dismisses it.
var (
	ring = push.Announcement{Kind: push.KindCall, SenderUserID: "alice", ExpiresAt: call.ExpiresAt}
	end  = push.Announcement{Kind: push.KindCallEnd, SenderUserID: "alice", ExpiresAt: call.ExpiresAt}
)

// What Decide decides, Recheck decides again: hours that began since hold back what
// was planned before.
func TestQuietHours(t *testing.T) {
	night := hours("22:00", "07:00")
	for name, tc := range map[string]struct {
		a              push.Announcement
		own, operators *presence.Quiet
		words          int // 1 mentions bob, 2 insists as well
		want           Reason
	}{
		"none":                               {a: seventh, want: Push},
		"in them":                            {a: seventh, own: night, want: QuietHours},
		"a group's message":                  {a: inGroup, own: night, want: QuietHours},
		"before them":                        {a: seventh, own: hours("22:14", "07:00"), want: Push},
		"after them":                         {a: seventh, own: hours("20:00", "22:13"), want: Push},
		"on another day":                     {a: seventh, own: hours("22:00", "07:00", func(q *presence.Quiet) { q.Weekdays[0] = "wed" }), want: Push},
		"by their clock":                     {a: seventh, own: hours("17:00", "18:00", func(q *presence.Quiet) { q.TimeZone = "America/New_York" }), want: QuietHours},
		"the operator's":                     {a: seventh, operators: night, want: QuietHours},
		"the operator's, and bob wants none": {a: seventh, own: hours("", "", onNoDay), operators: night, want: Push},
		"silent":                             {a: quietly(seventh), own: night, want: Push},
		"mentioned":                          {a: seventh, own: hours("22:00", "07:00", mentionsToo), words: 1, want: QuietHours},
		"insisted":                           {a: seventh, own: night, words: 2, want: QuietHours},
		"insisted, who breaks through":       {a: seventh, own: hours("22:00", "07:00", mentionsToo), words: 2, want: Push},
		"insisted, calls break through":      {a: seventh, own: hours("22:00", "07:00", callsToo), words: 2, want: QuietHours},
		"a call":                             {a: ring, own: night, want: QuietHours},
		"a call, which breaks through":       {a: ring, own: hours("22:00", "07:00", callsToo), want: Push},
		"a call, mentions break through":     {a: ring, own: hours("22:00", "07:00", mentionsToo), want: QuietHours},
	} {
		t.Run(name, func(t *testing.T) {
			u := bob(phone())
			u.Settings.Quiet = tc.own
			r := Receiver{UserID: "bob", Presence: u, Member: &Member{}, Mentioned: tc.words > 0, Insisted: tc.words > 1}
			rules := Rules{Defaults: presence.Settings{Quiet: tc.operators}}
			if got := rules.Decide(tc.a, r, now); len(got) != 1 || got[0].Reason != tc.want {
				t.Errorf("got %+v, want %q", got, tc.want)
			}
			target := planned
			target.Mentioned, target.Insisted = r.Mentioned, r.Insisted
			if got := rules.Recheck(tc.a, target, u, now); got.Reason != tc.want {
				t.Errorf("again: %+v, want %q", got, tc.want)
			}
		})
	}
}

// What rang before the hours began is dismissed in them; a call that they held back
// is no missed call to be told of either.
func TestQuietHoursOfCalls(t *testing.T) {
	u := quietFrom("22:00", bob(phone()))
	if got := (Rules{}).Recheck(end, planned, u, now).Reason; got != Push {
		t.Errorf("a call's end: %q", got)
	}
	if got := (Rules{}).MissedCall(end, Receiver{UserID: "bob", Presence: u}, now)[0].Reason; got != QuietHours {
		t.Errorf("a missed call: %q", got)
	}
}

// Of several reasons, quiet hours are the last that is of the person: who has read
// the message, or has no device, isn't told of their hours.
func TestQuietHoursComeLast(t *testing.T) {
	late := now.Add(time.Hour).UnixMilli()
	for want, edit := range map[Reason]func(*presence.User){
		AlreadyRead: func(u *presence.User) { read(7, u) },
		Blocked:     func(u *presence.User) { blocking(u) },
		Muted:       func(u *presence.User) { mute(late, u) },
		LevelTooLow: func(u *presence.User) { u.Settings.Level = none },
		Snoozed:     func(u *presence.User) { u.Settings.SnoozedUntil = late },
		NoDevice:    func(u *presence.User) { u.Devices = nil },
		QuietHours:  func(u *presence.User) { u.Devices["phone"] = phone(online, noTarget) },
	} {
		u := quietFrom("22:00", bob(phone()))
		edit(u)
		if got := (Rules{}).Decide(seventh, Receiver{UserID: "bob", Presence: u}, now)[0].Reason; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// A message that is held back is noted once for each time of quiet hours, where the
// user wants to be told of it when they end; also when it turns out only right
// before it leaves.
func TestHold(t *testing.T) {
	from, until := time.Date(2023, 11, 14, 22, 0, 0, 0, time.UTC), time.Date(2023, 11, 15, 7, 0, 0, 0, time.UTC)
	night := hours("22:00", "07:00", func(q *presence.Quiet) { q.Summary = true })
	message := seventh
	message.CreatedAt = now.UnixMilli()
	older := message
	older.CreatedAt = from.UnixMilli() - 5 // and planned in them
	all := &presence.Held{Since: from.UnixMilli(), Until: until}
	for name, tc := range map[string]struct {
		a     push.Announcement
		hours *presence.Quiet
		held  *presence.Held
		want  *presence.Held
	}{
		"the first":             {message, night, nil, all},
		"another":               {message, night, all, nil},
		"an older one":          {older, night, all, &presence.Held{Since: older.CreatedAt, Until: until}},
		"after the older one":   {message, night, &presence.Held{Since: older.CreatedAt, Until: until}, nil},
		"last night's is there": {message, night, &presence.Held{Since: 1, Until: until.AddDate(0, 0, -1)}, all},
		"no summary":            {message, hours("22:00", "07:00"), nil, nil},
		"no quiet hours":        {message, hours("07:00", "22:00", func(q *presence.Quiet) { q.Summary = true }), nil, nil},
		"a call":                {ring, night, nil, nil},
		"silent":                {quietly(message), night, nil, nil},
	} {
		u := bob(phone(), phone(web))
		u.Settings.Quiet, u.Held = tc.hours, tc.held
		for _, rules := range []Rules{{}, {Defaults: presence.Settings{Quiet: night}}} {
			decided := rules.Decide(tc.a, Receiver{UserID: "bob", Presence: u}, now)[0].Hold
			again := rules.Recheck(tc.a, planned, u, now).Hold
			if !sameHeld(decided, tc.want) || !sameHeld(again, tc.want) {
				t.Errorf("%s: notes %+v, and right before it leaves %+v; want %+v", name, decided, again, tc.want)
			}
		}
	}
}

func sameHeld(a, b *presence.Held) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Since == b.Since && a.Until.Equal(b.Until)
}

// A summary goes to who hasn't read all that it counts, and not in quiet hours.
func TestSummary(t *testing.T) {
	summary := push.OfHeld("bob", 2, false, map[string]int64{"c": 7, "d": 3}, now, time.Hour)
	for name, tc := range map[string]struct {
		edit func(*presence.User)
		want Reason
	}{
		"unread":           {func(*presence.User) {}, Push},
		"one of two read":  {func(u *presence.User) { read(7, u) }, Push},
		"all read":         {func(u *presence.User) { read(7, u); u.Reads["d"] = presence.Read{Seq: 4} }, AlreadyRead},
		"level none":       {func(u *presence.User) { leveled(none, none, u) }, Push}, // which was looked at for each of them
		"snoozed":          {func(u *presence.User) { snoozed(1, u) }, Snoozed},
		"quiet again":      {func(u *presence.User) { quietFrom("22:00", u) }, QuietHours},
		"online":           {func(u *presence.User) { u.Devices["phone"] = phone(online) }, Online},
		"without a target": {func(u *presence.User) { u.Devices["phone"] = phone(noTarget) }, NoTarget},
	} {
		u := bob(phone())
		tc.edit(u)
		if got := (Rules{}).Recheck(summary, planned, u, now); got.Reason != tc.want || got.Hold != nil {
			t.Errorf("%s: %+v, want %q", name, got, tc.want)
		}
	}
}
