package fcm

import (
	"encoding/json"
	"fmt"
	"net/http"
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

// fcmError is the type of the detail that holds FCM's own code.
const fcmError = "type.googleapis.com/google.firebase.fcm.v1.FcmError"

// NewError reads an answer with an HTTP status other than 200. A body that is
// not FCM's, such as a proxy's page, is no error of its own: the status says
// enough.
func NewError(status int, header http.Header, body []byte) *Error {
	var answer struct {
		Error struct {
			Status  string `json:"status"`
			Message string `json:"message"`
			Details []struct {
				Type       string `json:"@type"`
				ErrorCode  string `json:"errorCode"`
				Violations []struct {
					Field string `json:"field"`
				} `json:"fieldViolations"`
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
		for _, v := range d.Violations {
			e.Fields = append(e.Fields, v.Field)
		}
	}
	return e
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
