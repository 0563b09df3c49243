package push

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"firebase.google.com/go/v4/errorutils"
	"firebase.google.com/go/v4/messaging"
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
	Credentials    Class = "credentials"      // 401, 403: our service account may not send
	WrongProject   Class = "wrong_project"    // 404 without FCM's detail: our URL or project, not the device
	Quota          Class = "quota"            // 429
	Unavailable    Class = "unavailable"      // 503, or the network
	Internal       Class = "internal"         // 500 and what we don't know
	Timeout        Class = "timeout"          // no answer in the time given to a try
)

// Classes is all of them.
var Classes = []Class{
	Sent, Unregistered, InvalidTarget, InvalidMessage, SenderMismatch, ThirdParty,
	Credentials, WrongProject, Quota, Unavailable, Internal, Timeout,
}

// Retryable reports whether the same message may be accepted later.
func (c Class) Retryable() bool {
	switch c {
	case Quota, Unavailable, Internal, Timeout:
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
}

// quotaPause is how long to stay away after a 429 without Retry-After (FCM,
// "Handle 429 errors": default to 60 seconds).
const quotaPause = 60 * time.Second

// Judge classifies the error of a send; nil means FCM took it.
func Judge(err error, now time.Time) Verdict {
	if err == nil {
		return Verdict{Class: Sent}
	}
	v := Verdict{Class: classify(err), RetryAfter: retryAfter(errorutils.HTTPResponse(err), now)}
	if v.Class == Quota && v.RetryAfter == 0 {
		v.RetryAfter = quotaPause
	}
	return v
}

func classify(err error) Class {
	resp := errorutils.HTTPResponse(err)
	switch {
	case messaging.IsUnregistered(err):
		return Unregistered
	case messaging.IsSenderIDMismatch(err):
		return SenderMismatch
	case messaging.IsThirdPartyAuthError(err):
		return ThirdParty
	case messaging.IsQuotaExceeded(err), errorutils.IsResourceExhausted(err):
		return Quota
	case errorutils.IsInvalidArgument(err):
		if namesTarget(resp) {
			return InvalidTarget
		}
		return InvalidMessage
	case errorutils.IsUnauthenticated(err), errorutils.IsPermissionDenied(err):
		return Credentials
	case errorutils.IsNotFound(err):
		return WrongProject
	case isTimeout(err):
		return Timeout
	case errorutils.IsUnavailable(err), resp == nil:
		return Unavailable
	}
	return Internal
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.Is(err, context.DeadlineExceeded) || errorutils.IsDeadlineExceeded(err) || (errors.As(err, &n) && n.Timeout())
}

// namesTarget reports whether FCM's error body blames the target's value.
func namesTarget(resp *http.Response) bool {
	if resp == nil || resp.Body == nil {
		return false
	}
	var body struct {
		Error struct {
			Details []struct {
				FieldViolations []struct {
					Field string `json:"field"`
				} `json:"fieldViolations"`
			} `json:"details"`
		} `json:"error"`
	}
	if json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&body) != nil {
		return false
	}
	for _, d := range body.Error.Details {
		for _, v := range d.FieldViolations {
			if f := strings.TrimPrefix(v.Field, "message."); f == "token" || f == "fid" {
				return true
			}
		}
	}
	return false
}

// retryAfter reads the Retry-After header in both its forms (RFC 9110 §10.2.3).
func retryAfter(resp *http.Response, now time.Time) time.Duration {
	if resp == nil {
		return 0
	}
	v := resp.Header.Get("Retry-After")
	if s, err := strconv.Atoi(v); err == nil && s > 0 {
		return time.Duration(min(s, 3600)) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil && at.After(now) {
		return min(at.Sub(now), time.Hour)
	}
	return 0
}
