package delivery

import "time"

// Pause is how long FCM wants to hear nothing of the project, as one process was
// told. The others obey it without having asked.
type Pause struct {
	Until  time.Time `firestore:"until"`
	ToldAt time.Time `firestore:"toldAt"`
}

// MaxPause is how long after it was told a Pause holds others at most, whatever it
// says: FCM asks for a minute where it says nothing, and whoever it wants to wait for
// longer hears so by their first request then. So no mistake stops everybody for long.
const MaxPause = 5 * time.Minute

const (
	// pauseSpare is how much longer than FCM asked for others wait. Who is told a
	// little later than the first, as all are whose requests were under way, so has
	// nothing new to say.
	pauseSpare = time.Second
	// pauseSkew is how far clocks may differ: what was told later than that is wrong.
	pauseSkew = 10 * time.Second
)

// NewPause is the Pause of who is told at now to wait until a time.
func NewPause(until, now time.Time) Pause {
	return Pause{Until: until.Add(pauseSpare).UTC(), ToldAt: now.UTC()}
}

// End is until when p holds others, who look at now; zero: it doesn't any more, or
// can't be right.
func (p Pause) End(now time.Time) time.Time {
	if p.ToldAt.After(now.Add(pauseSkew)) {
		return time.Time{}
	}
	end := p.Until
	if most := p.ToldAt.Add(MaxPause); end.After(most) {
		end = most
	}
	if !end.After(now) {
		return time.Time{}
	}
	return end
}

// Lengthens reports whether p has others wait for longer than old, by more than
// what they wait for too long anyway.
func (p Pause) Lengthens(old Pause) bool {
	return p.End(p.ToldAt).Sub(old.End(p.ToldAt)) > pauseSpare
}
