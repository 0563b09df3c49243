package presence

import (
	"regexp"
	"slices"
	"sync"
	"time"
	_ "time/tzdata" // every process knows the zones, whatever its image has

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/doorbell-push/doorbell/shared/fault"
)

// Weekday is a day of the week: "mon" to "sun".
type Weekday string

// weekdays is in the order of time.Weekday.
var weekdays = []Weekday{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// Quiet is the hours in which nothing is to ring, by a person's own clock. It is
// set as a whole, and never changed in place.
type Quiet struct {
	TimeZone string    `firestore:"timeZone" json:"timeZone"` // IANA's name, such as "Europe/Berlin"
	Weekdays []Weekday `firestore:"weekdays" json:"weekdays"` // on which the hours begin; none: there are none
	From     string    `firestore:"from" json:"from"`         // "22:00"
	To       string    `firestore:"to" json:"to"`             // the first after From: "07:00" is of the next day
	// CallsBreakThrough: calls ring all the same. Left out of a request, they do.
	CallsBreakThrough bool `firestore:"callsBreakThrough" json:"callsBreakThrough"`
	// MentionsBreakThrough: so do messages with isNotifyMentionedUsers that mention
	// the person, or everyone.
	MentionsBreakThrough bool `firestore:"mentionsBreakThrough" json:"mentionsBreakThrough"`
	// Summary: what was held back is told of when the hours end, in one push.
	Summary bool `firestore:"summary" json:"summary"`
}

// UnmarshalJSONFrom reads quiet hours, through which calls break unless they say
// otherwise.
func (q *Quiet) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	type plain Quiet
	read := plain{CallsBreakThrough: true}
	err := json.UnmarshalDecode(d, &read)
	*q = Quiet(read)
	return err
}

// MarshalJSON writes quiet hours. Of those on no day, Firestore gives no list back.
func (q Quiet) MarshalJSON() ([]byte, error) {
	type plain Quiet
	if q.Weekdays == nil {
		q.Weekdays = []Weekday{}
	}
	return json.Marshal(plain(q))
}

// Check checks quiet hours. Without a weekday they need no hours.
func (q *Quiet) Check(field string) error {
	switch {
	case q == nil:
		return nil
	case q.Weekdays == nil:
		return fault.Invalid(field+".weekdays", `is required: an array of "mon" to "sun", [] for no quiet hours at all`)
	case len(q.Weekdays) > len(weekdays):
		return fault.Invalid(field+".weekdays", "names %d days: there are %d", len(q.Weekdays), len(weekdays))
	}
	for _, d := range q.Weekdays {
		if !slices.Contains(weekdays, d) {
			return fault.Invalid(field+".weekdays", `holds what is no day: give "mon", "tue", "wed", "thu", "fri", "sat" or "sun"`)
		}
	}
	if len(q.Weekdays) == 0 && q.TimeZone == "" && q.From == "" && q.To == "" {
		return nil
	}
	if _, err := zone(q.TimeZone); err != nil {
		return fault.Invalid(field+".timeZone", `is no time zone: give IANA's name, such as "Europe/Berlin"`)
	}
	for _, t := range []struct{ field, time string }{{"from", q.From}, {"to", q.To}} {
		if _, ok := minutes(t.time); !ok {
			return fault.Invalid(field+"."+t.field, `is no time of day: give "00:00" to "23:59"`)
		}
	}
	return nil
}

// Window is the quiet hours of one day: from From on, but not Until.
type Window struct{ From, Until time.Time }

// At is the quiet hours that now is in, and whether there are any. A nil q has
// none, and so has one whose zone isn't known: rather a push too many than one
// lost.
//
// The hours begin when the clock first shows From and end when it last shows To.
// Where it is set forward over one of them, that is when it is.
func (q *Quiet) At(now time.Time) (w Window, quiet bool) {
	if q == nil || len(q.Weekdays) == 0 {
		return w, false
	}
	loc, err := zone(q.TimeZone)
	from, known := minutes(q.From)
	to, known2 := minutes(q.To)
	if err != nil || !known || !known2 {
		return w, false
	}
	if to <= from {
		to += 24 * time.Hour
	}
	y, m, d := now.In(loc).Date()
	for _, day := range [...]int{d, d - 1} { // yesterday's may go on
		midnight := time.Date(y, m, day, 0, 0, 0, 0, time.UTC)
		if !slices.Contains(q.Weekdays, weekdays[midnight.Weekday()]) {
			continue
		}
		w.From, _ = shows(midnight.Add(from), loc)
		_, w.Until = shows(midnight.Add(to), loc)
		if !now.Before(w.From) && now.Before(w.Until) {
			return Window{w.From.UTC(), w.Until.UTC()}, true
		}
	}
	return Window{}, false
}

// shows is when the clock in loc first and last shows what t shows in UTC. They
// differ where it is set back to that again; where it is set forward over it, both
// are when it is.
func shows(t time.Time, loc *time.Location) (first, last time.Time) {
	const day = 24 * time.Hour // more than any zone is away from UTC
	offset := func(t time.Time) time.Duration {
		_, seconds := t.In(loc).Zone()
		return time.Duration(seconds) * time.Second
	}
	before, after := offset(t.Add(-day)), offset(t.Add(day))
	first, last = t.Add(-before), t.Add(-after)
	shown, shownAgain := offset(first) == before, offset(last) == after
	switch {
	case shown && !shownAgain:
		last = first
	case shownAgain && !shown:
		first = last
	case !shown && !shownAgain:
		first, _ = first.In(loc).ZoneBounds()
		last = first
	}
	return first, last
}

// minutes is how long after midnight a time of day is, and whether it is one.
func minutes(s string) (time.Duration, bool) {
	t, err := time.Parse("15:04", s)
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, err == nil && len(s) == len("15:04")
}

// zoneName is what the names of zones look like: of a file there are many others.
var zoneName = regexp.MustCompile(`^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}$`)

// zones is the zones that somebody has asked for, by their names. There are some
// 600, and to read one takes as long as to plan for a hundred people.
var zones sync.Map

func zone(name string) (*time.Location, error) {
	if loc, ok := zones.Load(name); ok {
		return loc.(*time.Location), nil
	}
	if name == "Local" || !zoneName.MatchString(name) {
		return nil, fault.Invalid("timeZone", "is no name of a time zone")
	}
	loc, err := time.LoadLocation(name)
	if err == nil {
		zones.Store(name, loc)
	}
	return loc, err
}
