package presence_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/presence"
)

var everyDay = []presence.Weekday{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// quiet is hours in a zone that begin on some days.
func quiet(zone, from, to string, days ...presence.Weekday) *presence.Quiet {
	return &presence.Quiet{TimeZone: zone, From: from, To: to, Weekdays: days}
}

// A time within, and the hours it is in; "" for one that is in none. Times are in
// UTC, and dates in 2026: the 23rd of November is a Monday.
func TestQuietAt(t *testing.T) {
	night := quiet("Europe/Berlin", "22:00", "07:00", everyDay...)
	for name, tc := range map[string]struct {
		q               *presence.Quiet
		now, from, till string
	}{
		"nobody's":                  {nil, "11-23 22:00", "", ""},
		"on no day":                 {quiet("Europe/Berlin", "00:00", "00:00"), "11-23 22:00", "", ""},
		"before them":               {night, "11-23 20:59", "", ""},
		"from on":                   {night, "11-23 21:00", "11-23 21:00", "11-24 06:00"},
		"over midnight":             {night, "11-24 05:59", "11-23 21:00", "11-24 06:00"},
		"not until":                 {night, "11-24 06:00", "", ""},
		"within a day":              {quiet("UTC", "12:30", "13:15", everyDay...), "11-23 13:14", "11-23 12:30", "11-23 13:15"},
		"a whole day":               {quiet("UTC", "00:00", "00:00", "mon"), "11-23 23:59", "11-23 00:00", "11-24 00:00"},
		"a whole day, and no more":  {quiet("UTC", "00:00", "00:00", "mon"), "11-24 00:00", "", ""},
		"24 hours from an evening":  {quiet("UTC", "18:00", "18:00", "mon"), "11-24 17:59", "11-23 18:00", "11-24 18:00"},
		"of two days, today's":      {quiet("UTC", "18:00", "18:00", "mon", "tue"), "11-24 18:00", "11-24 18:00", "11-25 18:00"},
		"ahead of UTC":              {quiet("Asia/Kathmandu", "22:00", "07:00", everyDay...), "11-23 16:15", "11-23 16:15", "11-24 01:15"},
		"ahead of UTC, before them": {quiet("Asia/Kathmandu", "22:00", "07:00", everyDay...), "11-23 16:14", "", ""},
		"behind UTC":                {quiet("America/Los_Angeles", "22:00", "07:00", everyDay...), "11-24 14:59", "11-24 06:00", "11-24 15:00"},
		"far ahead":                 {quiet("Pacific/Kiritimati", "22:00", "07:00", "tue"), "11-24 08:00", "11-24 08:00", "11-24 17:00"},

		// A day's hours belong to the day on which they begin.
		"the night to Saturday":            {quiet("Europe/Berlin", "22:00", "07:00", "fri"), "11-28 03:00", "11-27 21:00", "11-28 06:00"},
		"the night to Sunday":              {quiet("Europe/Berlin", "22:00", "07:00", "fri"), "11-28 22:00", "", ""},
		"the night to Friday":              {quiet("Europe/Berlin", "22:00", "07:00", "fri"), "11-27 03:00", "", ""},
		"Sunday's go on on Monday":         {quiet("Europe/Berlin", "22:00", "07:00", "sun"), "11-23 05:00", "11-22 21:00", "11-23 06:00"},
		"by the day there, not in UTC":     {quiet("Asia/Tokyo", "06:00", "09:00", "tue"), "11-23 22:00", "11-23 21:00", "11-24 00:00"},
		"which is another one, not theirs": {quiet("Asia/Tokyo", "06:00", "09:00", "mon"), "11-23 22:00", "", ""},

		// Berlin sets its clocks forward on 29 March at 02:00, to 03:00, and back on
		// 25 October at 03:00, to 02:00. Lord Howe does so by half an hour.
		"a short night":                   {night, "03-29 04:59", "03-28 21:00", "03-29 05:00"},
		"a short night, over":             {night, "03-29 05:00", "", ""},
		"a long night":                    {night, "10-25 05:59", "10-24 20:00", "10-25 06:00"},
		"begins where the clock jumps":    {quiet("Europe/Berlin", "02:30", "06:00", everyDay...), "03-29 01:00", "03-29 01:00", "03-29 04:00"},
		"not before it jumps":             {quiet("Europe/Berlin", "02:30", "06:00", everyDay...), "03-29 00:59", "", ""},
		"ends where the clock jumps":      {quiet("Europe/Berlin", "22:00", "02:30", everyDay...), "03-29 00:59", "03-28 21:00", "03-29 01:00"},
		"ended where it jumped":           {quiet("Europe/Berlin", "22:00", "02:30", everyDay...), "03-29 01:00", "", ""},
		"all of it skipped":               {quiet("Europe/Berlin", "02:10", "02:50", everyDay...), "03-29 01:00", "", ""},
		"begins at the first of two":      {quiet("Europe/Berlin", "02:30", "06:00", everyDay...), "10-25 00:30", "10-25 00:30", "10-25 05:00"},
		"ends at the last of two":         {quiet("Europe/Berlin", "22:00", "02:30", everyDay...), "10-25 01:29", "10-24 20:00", "10-25 01:30"},
		"between the two, too":            {quiet("Europe/Berlin", "22:00", "02:30", everyDay...), "10-25 00:45", "10-24 20:00", "10-25 01:30"},
		"half an hour forward":            {quiet("Australia/Lord_Howe", "22:00", "07:00", everyDay...), "10-03 19:59", "10-03 11:30", "10-03 20:00"},
		"half an hour back":               {quiet("Australia/Lord_Howe", "22:00", "07:00", everyDay...), "04-04 20:29", "04-04 11:00", "04-04 20:30"},
		"the last night before it, whole": {night, "03-28 05:59", "03-27 21:00", "03-28 06:00"},

		// What can't be read holds nothing back.
		"no zone":      {quiet("Europe/Nowhere", "22:00", "07:00", everyDay...), "11-23 22:00", "", ""},
		"no time":      {quiet("UTC", "22", "07:00", everyDay...), "11-23 22:00", "", ""},
		"no end":       {quiet("UTC", "22:00", "24:00", everyDay...), "11-23 22:00", "", ""},
		"nobody's day": {quiet("UTC", "00:00", "00:00", "everyday"), "11-23 22:00", "", ""},
	} {
		w, in := tc.q.At(utc(t, tc.now))
		want := presence.Window{}
		if tc.from != "" {
			want = presence.Window{From: utc(t, tc.from), Until: utc(t, tc.till)}
		}
		if in != (tc.from != "") || !w.From.Equal(want.From) || !w.Until.Equal(want.Until) {
			t.Errorf("%s: %t, from %v until %v", name, in, w.From.UTC(), w.Until.UTC())
		}
	}
}

func utc(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04", "2026-"+s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// Whatever the zone and the time of year: who looks at any minute finds the same
// hours as at every other minute of them, which are as long as the clock says, but
// for what it is set.
func TestQuietHoursAreOnePiece(t *testing.T) {
	for _, name := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca", "Pacific/Apia", "America/Sao_Paulo"} {
		q := quiet(name, "22:15", "02:45", everyDay...)
		var last presence.Window
		nights := 0
		for now := utc(t, "01-01 12:00"); now.Year() == 2026; now = now.Add(15 * time.Minute) {
			w, in := q.At(now)
			if !in || w == last {
				continue
			}
			if nights > 0 && (!now.Equal(w.From) || !w.From.After(last.Until)) {
				t.Fatalf("%s: at %v, which is within %v to %v, after %v", name, now, w.From, w.Until, last.Until)
			}
			if long := w.Until.Sub(w.From); long < 3*time.Hour+15*time.Minute || long > 5*time.Hour+30*time.Minute {
				t.Errorf("%s: %v from %v", name, long, w.From)
			}
			last = w
			nights++
		}
		if nights < 364 || nights > 366 { // the first and the last may be half ones
			t.Errorf("%s: %d nights", name, nights)
		}
	}
}

func TestQuietCheck(t *testing.T) {
	for body, field := range map[string]string{
		`{"timeZone":"Europe/Berlin","weekdays":["mon","sun"],"from":"22:00","to":"07:00"}`:                                                      "",
		`{"timeZone":"UTC","weekdays":["sat"],"from":"00:00","to":"23:59","callsBreakThrough":false,"mentionsBreakThrough":true,"summary":true}`: "",
		`null`: "", `{"weekdays":[]}`: "", `{"weekdays":[],"summary":true}`: "",
		`{}`: "quiet.weekdays", `{"weekdays":null}`: "quiet.weekdays",
		`{"timeZone":"UTC","from":"22:00","to":"07:00"}`:                                                              "quiet.weekdays",
		`{"timeZone":"UTC","weekdays":["Mon"],"from":"22:00","to":"07:00"}`:                                           "quiet.weekdays",
		`{"timeZone":"UTC","weekdays":["mon","mon","mon","mon","mon","mon","mon","mon"],"from":"22:00","to":"07:00"}`: "quiet.weekdays",
		`{"weekdays":["mon"]}`: "quiet.timeZone", `{"weekdays":[],"timeZone":"Mars"}`: "quiet.timeZone",
		`{"timeZone":"","weekdays":["mon"],"from":"22:00","to":"07:00"}`:                    "quiet.timeZone",
		`{"timeZone":"Local","weekdays":["mon"],"from":"22:00","to":"07:00"}`:               "quiet.timeZone",
		`{"timeZone":"../etc/passwd","weekdays":["mon"],"from":"22:00","to":"07:00"}`:       "quiet.timeZone",
		`{"timeZone":"Europe//Berlin","weekdays":["mon"],"from":"22:00","to":"07:00"}`:      "quiet.timeZone",
		`{"timeZone":"Europe/Berlin","weekdays":["mon"],"from":"24:00","to":"07:00"}`:       "quiet.from",
		`{"timeZone":"Europe/Berlin","weekdays":["mon"],"from":"9:00","to":"07:00"}`:        "quiet.from",
		`{"timeZone":"Europe/Berlin","weekdays":["mon"],"to":"07:00"}`:                      "quiet.from",
		`{"timeZone":"Europe/Berlin","weekdays":["mon"],"from":"22:00","to":"07:60"}`:       "quiet.to",
		`{"timeZone":"Europe/Berlin","weekdays":["mon"],"from":"22:00","to":"07:00:00"}`:    "quiet.to",
		`{"timeZone":"America/Argentina/Ushuaia","weekdays":[],"from":"22:00","to":"7 am"}`: "quiet.to",
	} {
		err := changeOf(t, `{"quiet":`+body+`}`).Check()
		var e *fault.Error
		if (err != nil) != (field != "") || (err != nil && (!errors.As(err, &e) || e.Field != field || e.Status != fault.InvalidArgument)) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// Calls break through where nothing is said of them; a person's hours replace the
// operator's as a whole; and null takes them back.
func TestQuietIsSetAsAWhole(t *testing.T) {
	w := newWorld(t)
	for _, step := range []struct {
		body string
		want *presence.Quiet
	}{
		{`{"quiet":{"timeZone":"UTC","weekdays":["mon"],"from":"22:00","to":"07:00","summary":true}}`,
			&presence.Quiet{TimeZone: "UTC", Weekdays: []presence.Weekday{"mon"}, From: "22:00", To: "07:00", CallsBreakThrough: true, Summary: true}},
		{`{"level":"all"}`,
			&presence.Quiet{TimeZone: "UTC", Weekdays: []presence.Weekday{"mon"}, From: "22:00", To: "07:00", CallsBreakThrough: true, Summary: true}},
		{`{"quiet":{"weekdays":[],"callsBreakThrough":false}}`, &presence.Quiet{Weekdays: []presence.Weekday{}}},
		{`{"quiet":null}`, nil},
	} {
		u, err := w.reg.ChangeSettings(t.Context(), "alice", changeOf(t, step.body))
		if err != nil {
			t.Fatal(err)
		}
		got, _ := json.Marshal(u.Settings.Quiet)
		want, _ := json.Marshal(step.want)
		if string(got) != string(want) {
			t.Errorf("%s: %s, want %s", step.body, got, want)
		}
	}
	if b, err := json.Marshal(presence.Quiet{}); err != nil || !strings.Contains(string(b), `"weekdays":[]`) {
		t.Errorf("without days: %s, %v", b, err)
	}
	own, operators := quiet("UTC", "22:00", "07:00"), quiet("UTC", "01:00", "02:00", "mon")
	for _, tc := range [][3]*presence.Quiet{{nil, nil, nil}, {nil, operators, operators}, {own, operators, own}, {own, nil, own}} {
		if got := (presence.Settings{Quiet: tc[0]}).Over(presence.Settings{Quiet: tc[1]}).Quiet; got != tc[2] {
			t.Errorf("%+v over %+v: %+v", tc[0], tc[1], got)
		}
	}
}
