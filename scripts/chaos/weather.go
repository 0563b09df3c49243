package chaos

import "time"

// Weather is how much goes wrong, as probabilities.
type Weather struct {
	Name string

	// Of each operation on Firestore and Pub/Sub.
	Slow      float64 // takes seconds
	Fail      float64 // UNAVAILABLE, half of the writes done all the same
	Contended float64 // a transaction that has to run twice
	Kill      float64 // the process dies at it, half of the writes done

	// Of each request to FCM.
	FCM FCMWeather

	// Of each event.
	Repeat     float64 // comes twice within seconds
	RepeatLate float64 // comes again within a quarter of an hour
	LostAck    float64 // was handled, and comes again all the same
	Late       float64 // comes half a minute late

	Skew        time.Duration // clocks of instances are off by up to this
	MaxAttempts int           // of a batch; see config.MaxAttempts
	// Concurrency is FCM requests under way in a process, 0: more than there are
	// devices; and Rate those a second, 0: as many as go. Where requests wait for
	// each other, which of two made in the same instant goes first isn't the
	// seed's: such a run plays out a little differently the next time.
	Concurrency int
	Rate        float64
}

// Tight is w with little room at FCM, and batches given up before FCM is well
// again.
func (w Weather) Tight() Weather {
	w.Name += ", tight"
	w.Concurrency, w.Rate, w.MaxAttempts = 6, 40, lastFault-2
	return w
}

// FCMWeather is what FCM does, as probabilities of each request.
type FCMWeather struct {
	Slow        float64 // takes seconds
	Quota       float64 // 429, half with Retry-After
	Internal    float64 // 500
	Unavailable float64 // 503, a fifth with Retry-After
	Reset       float64 // connection closed, nothing done
	Hang        float64 // no answer, nothing done
	LostAnswer  float64 // accepted, connection closed
	Silent      float64 // accepted, no answer
	Refused     float64 // 401, 403 or 404 although nothing is wrong with the message
}

// The weathers.
var (
	// Calm is at-least-once delivery as it comes on a good day.
	Calm = Weather{
		Name: "calm", Slow: 0.002, Repeat: 0.05, RepeatLate: 0.02, Late: 0.01,
		Skew: 50 * time.Millisecond, MaxAttempts: 10,
	}
	// Faults has everything fail that can, but no process die.
	Faults = Weather{
		Name: "faults", Slow: 0.02, Fail: 0.02, Contended: 0.05,
		FCM: FCMWeather{
			Slow: 0.02, Quota: 0.003, Internal: 0.01, Unavailable: 0.02, Reset: 0.01, Hang: 0.003,
			LostAnswer: 0.003, Silent: 0.002, Refused: 0.001,
		},
		Repeat: 0.1, RepeatLate: 0.05, LostAck: 0.03, Late: 0.05,
		Skew: 2 * time.Second, MaxAttempts: 10,
	}
	// Storm kills processes as well.
	Storm = Weather{
		Name: "storm", Slow: 0.03, Fail: 0.03, Contended: 0.05, Kill: 0.02,
		FCM: FCMWeather{
			Slow: 0.03, Quota: 0.005, Internal: 0.02, Unavailable: 0.03, Reset: 0.02, Hang: 0.005,
			LostAnswer: 0.01, Silent: 0.003, Refused: 0.002,
		},
		Repeat: 0.15, RepeatLate: 0.1, LostAck: 0.05, Late: 0.1,
		Skew: 2500 * time.Millisecond, MaxAttempts: 10, // two clocks differ by the slack of package lapse, not more
	}
)

// lastFault is the attempt at a job after which nothing goes wrong any more, so
// that each run comes to an end.
const lastFault = 5
