package push

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/doorbell-push/doorbell/shared/fcm"
)

// Class is what FCM's answer to one message means to us. The list is closed.
type Class string

// The classes; FCM's error codes are in "ErrorCode" of its REST reference.
const (
	Sent           Class = "sent"
	Unregistered   Class = "unregistered"     // 404 UNREGISTERED: the app is gone, its target is dead
	InvalidTarget  Class = "invalid_target"   // 400 that names the target as the fault
	InvalidMessage Class = "invalid_message"  // any other 400
	SenderMismatch Class = "sender_mismatch"  // 403 SENDER_ID_MISMATCH: another project's token, or our credential is
	ThirdParty     Class = "third_party_auth" // 401 THIRD_PARTY_AUTH_ERROR: the APNs key or web push key in Firebase
	Credentials    Class = "credentials"      // 401, 403, or no access token for it: our service account may not send
	NoToken        Class = "no_token"         // what gives access tokens can't be asked: FCM wasn't either
	WrongProject   Class = "wrong_project"    // 404 without FCM's detail: our URL or project, not the device
	Quota          Class = "quota"            // 429
	Unavailable    Class = "unavailable"      // 503, or the network
	Internal       Class = "internal"         // 500 and what we don't know
	Timeout        Class = "timeout"          // no answer in the time given to a try
	NoTurn         Class = "no_turn"          // FCM wasn't asked: others were before it, for too long
	DeviceLimit    Class = "device_limit"     // FCM wasn't asked: the device has had as many as FCM takes for one
)

// Classes is all of them.
var Classes = []Class{
	Sent, Unregistered, InvalidTarget, InvalidMessage, SenderMismatch, ThirdParty,
	Credentials, WrongProject, Quota, Unavailable, Internal, Timeout, NoToken, NoTurn, DeviceLimit,
}

// Retryable reports whether the same message may be accepted later.
func (c Class) Retryable() bool {
	switch c {
	case Quota, Unavailable, Internal, Timeout, NoToken, NoTurn, DeviceLimit:
		return true
	}
	return false
}

// Alerting reports whether c is an operator's to mend: it would meet every
// push, whatever the device.
func (c Class) Alerting() bool {
	switch c {
	case SenderMismatch, ThirdParty, Credentials, WrongProject:
		return true
	}
	return false
}

// Verdict is a Class and when FCM said to come back.
type Verdict struct {
	Class Class
	// RetryAfter is FCM's wish, zero where it has none.
	RetryAfter time.Duration
	// Everyone: it is meant for all that the project sends. Of a 429 that says
	// nothing of the project, it may be meant for the one target.
	Everyone bool
}

// quotaPause is how long to stay away after a 429 without Retry-After (FCM,
// "Handle 429 errors": default to 60 seconds).
const quotaPause = 60 * time.Second

// Judge classifies the error of a send; nil means FCM took it.
func Judge(err error, now time.Time) Verdict {
	if err == nil {
		return Verdict{Class: Sent}
	}
	var token *fcm.TokenError
	if errors.As(err, &token) {
		if token.Refused() {
			return Verdict{Class: Credentials}
		}
		return Verdict{Class: NoToken}
	}
	var answer *fcm.Error
	if !errors.As(err, &answer) {
		var n net.Error
		if errors.Is(err, context.DeadlineExceeded) || (errors.As(err, &n) && n.Timeout()) {
			return Verdict{Class: Timeout}
		}
		return Verdict{Class: Unavailable}
	}
	v := Verdict{Class: classify(answer), RetryAfter: retryAfter(answer.RetryAfter, now)}
	if v.Class == Quota && v.RetryAfter == 0 {
		v.RetryAfter = quotaPause
	}
	v.Everyone = v.RetryAfter > 0 && (v.Class != Quota || answer.ProjectQuota)
	return v
}

// classify goes by FCM's own code where the answer has one, else by the general
// status: a 404 of a wrong URL must not be taken for a dead target.
func classify(e *fcm.Error) Class {
	switch e.Code {
	case "UNREGISTERED":
		return Unregistered
	case "SENDER_ID_MISMATCH":
		return SenderMismatch
	case "THIRD_PARTY_AUTH_ERROR":
		return ThirdParty
	case "QUOTA_EXCEEDED":
		return Quota
	}
	switch e.Status {
	case "RESOURCE_EXHAUSTED":
		return Quota
	case "INVALID_ARGUMENT":
		if slices.ContainsFunc(e.Fields, namesTarget) || (len(e.Fields) == 0 && e.Code == "INVALID_ARGUMENT" && strings.Contains(e.Message, aboutToken)) {
			return InvalidTarget
		}
		return InvalidMessage
	case "UNAUTHENTICATED", "PERMISSION_DENIED":
		return Credentials
	case "NOT_FOUND":
		return WrongProject
	case "DEADLINE_EXCEEDED":
		return Timeout
	case "UNAVAILABLE":
		return Unavailable
	}
	return Internal
}

// aboutToken is in the sentence with which FCM refuses a registration token that
// isn't one. Its documentation shows that answer without a field (Error codes,
// example 2), so the sentence is all there is. That may be too little to remove a
// token by: see the dispatcher, which wants more.
const aboutToken = "registration token"

// namesTarget reports whether a field of the request is the target's value.
func namesTarget(field string) bool {
	f := strings.TrimPrefix(field, "message.")
	return f == "token" || f == "fid"
}

// retryAfter reads the Retry-After header in both its forms (RFC 9110 §10.2.3).
func retryAfter(v string, now time.Time) time.Duration {
	if s, err := strconv.Atoi(v); err == nil && s > 0 {
		return time.Duration(min(s, 3600)) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil && at.After(now) {
		return min(at.Sub(now), time.Hour)
	}
	return 0
}
