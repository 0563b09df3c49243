package fcm

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"cloud.google.com/go/auth"
)

// Error is FCM's answer to a message it did not take.
type Error struct {
	HTTP int // the HTTP status
	// Status is the google.rpc.Code in the body, such as "NOT_FOUND"; where the
	// body has none, the one that belongs to the HTTP status.
	Status string
	// Code is FCM's own ("ErrorCode" in its REST reference), such as
	// "UNREGISTERED"; empty where the answer has no such detail.
	Code string
	// Fields are the paths of what is wrong in the request, such as
	// "message.token".
	Fields []string
	// ProjectQuota: a 429 that says that it is the project that has sent too much,
	// not too much to one device or topic.
	ProjectQuota bool
	// RetryAfter is the header of that name as it was sent, empty without one.
	RetryAfter string
	// Message is FCM's sentence for people.
	Message string
}

func (e *Error) Error() string {
	code := e.Status
	if e.Code != "" {
		code += "/" + e.Code
	}
	return fmt.Sprintf("fcm: %d %s: %s", e.HTTP, code, e.Message)
}

// The types of details that are read: fcmError holds FCM's own code, the others
// say what quota was used up.
const (
	fcmError     = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
	quotaFailure = "type.googleapis.com/google.rpc.QuotaFailure"
	errorInfo    = "type.googleapis.com/google.rpc.ErrorInfo"
)

// NewError reads an answer with an HTTP status other than 200. A body that is
// not FCM's, such as a proxy's page, is no error of its own: the status says
// enough.
func NewError(status int, header http.Header, body []byte) *Error {
	var answer struct {
		Error struct {
			Status  string `json:"status"`
			Message string `json:"message"`
			Details []struct {
				Type      string `json:"@type"`
				ErrorCode string `json:"errorCode"`
				Fields    []struct {
					Field string `json:"field"`
				} `json:"fieldViolations"`
				Quotas []struct {
					Subject string `json:"subject"`
				} `json:"violations"`
				Reason   string `json:"reason"`
				Metadata struct {
					Consumer string `json:"consumer"`
				} `json:"metadata"`
			} `json:"details"`
		} `json:"error"`
	}
	// What could be read before a mistake is kept.
	_ = json.Unmarshal(body, &answer)
	e := &Error{
		HTTP: status, Status: answer.Error.Status, Message: answer.Error.Message, RetryAfter: header.Get("Retry-After"),
	}
	if e.Status == "" {
		e.Status = statusOf[status]
	}
	for _, d := range answer.Error.Details {
		if d.Type == fcmError && e.Code == "" {
			e.Code = d.ErrorCode
		}
		for _, v := range d.Fields {
			e.Fields = append(e.Fields, v.Field)
		}
		for _, v := range d.Quotas {
			e.ProjectQuota = e.ProjectQuota || (d.Type == quotaFailure && isProject(v.Subject))
		}
		e.ProjectQuota = e.ProjectQuota || (d.Type == errorInfo && d.Reason == "RATE_LIMIT_EXCEEDED" && isProject(d.Metadata.Consumer))
	}
	return e
}

// TokenError says that no access token could be had, so that FCM wasn't asked.
type TokenError struct{ Err error }

func (e *TokenError) Error() string { return "fcm: access token: " + e.Err.Error() }

func (e *TokenError) Unwrap() error { return e.Err }

// Refused reports whether Google refused our credentials, as with a key that was
// deleted. Otherwise what gives the tokens couldn't be asked, or not just now.
func (e *TokenError) Refused() bool {
	var answer *auth.Error
	if !errors.As(e.Err, &answer) || answer.Response == nil || answer.Temporary() {
		return false
	}
	return answer.Response.StatusCode/100 == 4
}

// isProject reports whether who used up a quota is a project: "project:ID" in
// google.rpc.QuotaFailure, "projects/NUMBER" in google.rpc.ErrorInfo, with which
// FCM answers more than 600,000 messages a minute.
func isProject(who string) bool {
	return strings.HasPrefix(who, "project:") || strings.HasPrefix(who, "projects/")
}

// statusOf is the google.rpc.Code of an HTTP status (google/rpc/code.proto),
// of those that FCM answers.
var statusOf = map[int]string{
	http.StatusBadRequest:          "INVALID_ARGUMENT",
	http.StatusUnauthorized:        "UNAUTHENTICATED",
	http.StatusForbidden:           "PERMISSION_DENIED",
	http.StatusNotFound:            "NOT_FOUND",
	http.StatusTooManyRequests:     "RESOURCE_EXHAUSTED",
	http.StatusInternalServerError: "INTERNAL",
	http.StatusServiceUnavailable:  "UNAVAILABLE",
	http.StatusGatewayTimeout:      "DEADLINE_EXCEEDED",
}
