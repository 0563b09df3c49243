package standin

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// The sentences are those of protobuf's JSON parser.
const (
	errDurationSuffix  = sentence("Illegal duration format; duration must end with 's'")
	errDurationSeconds = sentence("Invalid duration format, failed to parse seconds")
	errDurationNanos   = sentence("Invalid duration format, failed to parse nano seconds")
	errDurationRange   = sentence("Duration value exceeds limits")
	errDurationType    = sentence("Invalid data type for duration")
)

// parseDuration reads the JSON form of google.protobuf.Duration: decimal
// seconds, up to nine fractional digits, and "s" (FCM REST reference,
// AndroidConfig.ttl). Beyond what time.Duration holds (292 years) it answers
// errDurationRange; every rule for such a field is far stricter.
func parseDuration(s string, isString bool) (Duration, error) {
	if !isString {
		return 0, errDurationType
	}
	s, ok := strings.CutSuffix(s, "s")
	if !ok {
		return 0, errDurationSuffix
	}
	s, negative := strings.CutPrefix(s, "-")
	whole, fraction, hasFraction := strings.Cut(s, ".")
	seconds, err := strconv.ParseUint(whole, 10, 64)
	if err != nil {
		return 0, errDurationSeconds
	}
	var nanos uint64
	if hasFraction {
		if fraction == "" || len(fraction) > 9 {
			return 0, errDurationNanos
		}
		nanos, err = strconv.ParseUint(fraction+strings.Repeat("0", 9-len(fraction)), 10, 64)
		if err != nil {
			return 0, errDurationNanos
		}
	}
	if seconds > math.MaxInt64/uint64(time.Second)-1 {
		return 0, errDurationRange
	}
	d := Duration(time.Duration(seconds)*time.Second + time.Duration(nanos))
	if negative {
		d = -d
	}
	return d, nil
}
