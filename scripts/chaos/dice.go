package chaos

import (
	"math/rand/v2"
	"time"
)

// dice decides what is random in a run: from the run's seed and from what is
// decided, never from the order in which goroutines ask. So a run plays out the
// same way again.
type dice uint64

// fate is what the dice say of one thing. Each question about it has an answer
// of its own.
type fate uint64

// The questions.
const (
	whenItComes uint64 = iota
	howLong
	isSlow
	howSlow
	fails
	failsBefore
	answerLost
	isContended
	dies
	diesBefore
	whichInstance
	isRepeated
	isRepeatedLate
	howLate
	ackLost
	backsOff
	skewed
	fcmSays
	retryAfter
	isJitter
)

// roll is the fate of what the words name.
func (d dice) roll(words ...string) fate {
	h := uint64(d) ^ 0xcbf29ce484222325
	for _, w := range words {
		for i := range len(w) {
			h = (h ^ uint64(w[i])) * 0x100000001b3
		}
		h = (h ^ 0xff) * 0x100000001b3
	}
	return fate(mix(h))
}

// mix is splitmix64's finalizer: FNV alone leaves neighbours alike.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// draw is the answer to a question, evenly spread in [0, 1).
func (f fate) draw(question uint64) float64 {
	return float64(mix(uint64(f)+(question+1)*0x9e3779b97f4a7c15)>>11) / (1 << 53)
}

// hits answers yes with probability p.
func (f fate) hits(question uint64, p float64) bool { return p > 0 && f.draw(question) < p }

// between is a duration in [lo, hi).
func (f fate) between(question uint64, lo, hi time.Duration) time.Duration {
	return lo + time.Duration(f.draw(question)*float64(hi-lo))
}

// stream is random numbers for one lane of the script.
func (d dice) stream(words ...string) *rand.Rand {
	f := d.roll(words...)
	return rand.New(rand.NewPCG(uint64(d), uint64(f)))
}
