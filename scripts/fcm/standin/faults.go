package standin

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// FaultKind says what happens to a request a rule matches.
type FaultKind string

// The kinds of fault.
const (
	FaultError      FaultKind = "error"       // a refusal, see Action.Error
	FaultReset      FaultKind = "reset"       // connection closed before the message is processed
	FaultLostAnswer FaultKind = "lost_answer" // message accepted and delivered, then connection closed
	FaultHang       FaultKind = "hang"        // no answer until the client gives up or Action.For ends
)

// Plan is what goes wrong. Faults strike requests that are well formed and
// valid; a bad request is always refused for what is wrong with it.
type Plan struct {
	Seed    uint64  `json:"seed"` // of the probabilities and the jitter; same seed, same sequence
	Latency Latency `json:"latency"`
	// Rules are tried in order; the first that strikes decides.
	Rules []Rule `json:"rules"`
}

// Latency delays every valid request by Base plus up to Jitter, evenly spread.
type Latency struct {
	Base   Delay `json:"base"`
	Jitter Delay `json:"jitter"`
}

// Rule matches requests. All conditions that are set must hold.
type Rule struct {
	Match  Match  `json:"match"`
	Action Action `json:"action"`
}

// Match selects requests.
type Match struct {
	Token       string  `json:"token,omitempty"`       // only to this target
	Nth         int     `json:"nth,omitempty"`         // only the nth matching request, from 1
	Probability float64 `json:"probability,omitempty"` // 0 means always
	Count       int     `json:"count,omitempty"`       // strike at most this often; 0: no limit
}

// Action is what a rule does.
type Action struct {
	Kind  FaultKind `json:"kind,omitempty"` // default: error
	Error ErrorCode `json:"error,omitempty"`
	// RetryAfter is sent in the header of that name, in whole seconds.
	RetryAfter Delay `json:"retryAfter,omitempty"`
	// Status, Message and Field replace those of the error's usual body.
	Status  int    `json:"status,omitempty"`
	Message string `json:"message,omitempty"`
	Field   string `json:"field,omitempty"`
	// StreamOnly ends one HTTP/2 stream rather than the whole connection, whose
	// other requests then live on. HTTP/1.1 has no such difference.
	StreamOnly bool  `json:"streamOnly,omitempty"`
	For        Delay `json:"for,omitempty"` // of a hang; default 10 minutes
}

// Delay is a duration, in JSON a string as time.ParseDuration reads it ("1.5s").
type Delay time.Duration

// MarshalJSON writes "1.5s".
func (d Delay) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// UnmarshalJSON reads "1.5s".
func (d *Delay) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("a duration is a string such as \"1.5s\", not %s", b)
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		return err
	}
	*d = Delay(v)
	return nil
}

const (
	defaultHang = 10 * time.Minute
	maxRules    = 1000
)

// Validate reports the first mistake in a plan.
func (p Plan) Validate() error {
	if p.Latency.Base < 0 || p.Latency.Jitter < 0 {
		return errors.New("latency: must not be negative")
	}
	if len(p.Rules) > maxRules {
		return fmt.Errorf("rules: at most %d", maxRules)
	}
	for i, r := range p.Rules {
		if err := r.validate(); err != nil {
			return fmt.Errorf("rules[%d]: %w", i, err)
		}
	}
	return nil
}

func (r Rule) validate() error {
	m, a := r.Match, r.Action
	switch {
	case m.Nth < 0 || m.Count < 0:
		return errors.New("match: nth and count must not be negative")
	case m.Probability < 0 || m.Probability > 1:
		return errors.New("match: probability must be between 0 and 1")
	case a.RetryAfter < 0 || a.For < 0:
		return errors.New("action: retryAfter and for must not be negative")
	case time.Duration(a.RetryAfter)%time.Second != 0:
		return errors.New("action: retryAfter must be whole seconds")
	case a.Status != 0 && (a.Status < 400 || a.Status > 599):
		return errors.New("action: status must be 400 to 599")
	}
	switch a.Kind {
	case FaultError, "":
		if refusal(a.Error, "") == nil {
			return fmt.Errorf("action: unknown error %q", a.Error)
		}
	case FaultReset, FaultLostAnswer, FaultHang:
		if a.Error != "" {
			return fmt.Errorf("action: %s takes no error", a.Kind)
		}
	default:
		return fmt.Errorf("action: unknown kind %q", a.Kind)
	}
	return nil
}

// faults is a plan at work. The server's lock guards it.
type faults struct {
	plan            Plan
	rand            *rand.Rand
	matched, struck []int // per rule
}

func newFaults(p Plan) *faults {
	return &faults{plan: p, rand: rand.New(rand.NewPCG(p.Seed, p.Seed)),
		matched: make([]int, len(p.Rules)), struck: make([]int, len(p.Rules))}
}

// next returns the delay of a request and the rule that strikes it, if any.
func (f *faults) next(token string) (time.Duration, *Rule) {
	delay := time.Duration(f.plan.Latency.Base)
	if j := int64(f.plan.Latency.Jitter); j > 0 {
		delay += time.Duration(f.rand.Int64N(j + 1))
	}
	for i := range f.plan.Rules {
		r := &f.plan.Rules[i]
		if r.Match.Token != "" && r.Match.Token != token {
			continue
		}
		f.matched[i]++
		if r.Match.Nth > 0 && f.matched[i] != r.Match.Nth ||
			r.Match.Count > 0 && f.struck[i] >= r.Match.Count ||
			r.Match.Probability > 0 && f.rand.Float64() >= r.Match.Probability {
			continue
		}
		f.struck[i]++
		return delay, r
	}
	return delay, nil
}

// refusal builds the answer of an error rule.
func (a Action) refusal(project string) *apiError {
	e := refusal(a.Error, project)
	if a.Status != 0 {
		e.status = a.Status
	}
	if a.Message != "" {
		e.message = a.Message
	}
	if a.Field != "" {
		e.details = append([]any{withFields(violation{a.Field, e.message})}, e.details...)
	}
	e.retryAfter = time.Duration(a.RetryAfter)
	return e
}
