// Package fault is the one error type every endpoint answers with: a ZIM
// error code that client code in the field already knows, a canonical status,
// a message that tells the caller what to change, and the field at fault.
package fault

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Code is a ZIM error code (the compared SDK's ZIMErrorCode), so that clients
// written against it keep their error handling.
type Code int

// The codes we answer with; the names are ZIMErrorCode's.
const (
	ParamsInvalid        Code = 6000001
	ServerFrequencyLimit Code = 6000005
	ServerError          Code = 6000007
	UserDoesNotExist     Code = 6000011 // ZIM's UserIsNotExist: of a user in a list of those that failed
	BlacklistLimit       Code = 6000021 // of a user in a list of those that failed
	TokenInvalid         Code = 6000103
	TokenExpired         Code = 6000106
	UserIsNotLogged      Code = 6000121
	MessageCommon        Code = 6000201
	TargetDoesNotExist   Code = 6000204
	ExceedsRevokeTime    Code = 6000278
	HasBeenRevoked       Code = 6000279
	SenderInBlacklist    Code = 6000284
	EditNoAuthority      Code = 6000285 // ZIM's EditNoCorrespondingOperationAuthority
	ExceedsEditTime      Code = 6000286
	PushIDInvalid        Code = 6000401

	CallError             Code = 6000270
	CallCancelError       Code = 6000271
	CallIsNotInvitor      Code = 6000273
	CallIsNotInvitee      Code = 6000274
	CallAlreadyExists     Code = 6000275
	CallDoesNotExist      Code = 6000276
	CallUserDoesNotExist  Code = 6000281
	CallUserAlreadyInCall Code = 6000283

	GroupCommon              Code = 6000501
	GroupUserIsNotInTheGroup Code = 6000521
	GroupMemberAlreadyIn     Code = 6000522
	GroupDoesNotExist        Code = 6000523
	GroupAlreadyExists       Code = 6000524
	GroupMemberLimit         Code = 6000525
	GroupDismissed           Code = 6000527
	GroupNoAuthority         Code = 6000541
	GroupForbidJoin          Code = 6000542
	GroupNeedApplyJoin       Code = 6000543

	ConversationCommon       Code = 6000601
	ConversationDoesNotExist Code = 6000603
)

// Status is the canonical class of an error: google.rpc.Code's names, and
// three that only HTTP knows.
type Status string

// The statuses, each with one HTTP status (see HTTP).
const (
	InvalidArgument      Status = "INVALID_ARGUMENT"
	Unauthenticated      Status = "UNAUTHENTICATED"
	PermissionDenied     Status = "PERMISSION_DENIED"
	NotFound             Status = "NOT_FOUND"
	MethodNotAllowed     Status = "METHOD_NOT_ALLOWED"
	AlreadyExists        Status = "ALREADY_EXISTS"
	FailedPrecondition   Status = "FAILED_PRECONDITION"
	ContentTooLarge      Status = "CONTENT_TOO_LARGE"
	UnsupportedMediaType Status = "UNSUPPORTED_MEDIA_TYPE"
	ResourceExhausted    Status = "RESOURCE_EXHAUSTED"
	Internal             Status = "INTERNAL"
	Unavailable          Status = "UNAVAILABLE"
)

var httpStatus = map[Status]int{
	InvalidArgument:      http.StatusBadRequest,
	Unauthenticated:      http.StatusUnauthorized,
	PermissionDenied:     http.StatusForbidden,
	NotFound:             http.StatusNotFound,
	MethodNotAllowed:     http.StatusMethodNotAllowed,
	AlreadyExists:        http.StatusConflict,
	FailedPrecondition:   http.StatusConflict,
	ContentTooLarge:      http.StatusRequestEntityTooLarge,
	UnsupportedMediaType: http.StatusUnsupportedMediaType,
	ResourceExhausted:    http.StatusTooManyRequests,
	Internal:             http.StatusInternalServerError,
	Unavailable:          http.StatusServiceUnavailable,
}

// HTTP is the HTTP status that s is answered with.
func (s Status) HTTP() int {
	if code, ok := httpStatus[s]; ok {
		return code
	}
	return http.StatusInternalServerError
}

// Error is an error a caller may see. Its text never holds message content,
// tokens or internals.
type Error struct {
	Code    Code   `json:"code"`
	Status  Status `json:"status"`
	Message string `json:"message"`
	// Field is the path of the request field at fault ("config.pushConfig.title"),
	// empty where no single field is.
	Field string `json:"field,omitempty"`
	// Details is what of the message a program may need; most errors have none.
	Details *Details `json:"details,omitempty"`
	// RetryAfter is sent as the Retry-After header when it is positive.
	RetryAfter time.Duration `json:"-"`
}

// Details is of an invitation that another device of the caller's has answered.
type Details struct {
	AnsweredBy string `json:"answeredBy"` // that device's PushID
	Answer     string `json:"answer"`     // "accepted" or "rejected"
}

// Warning is of a request that was done, though it may not be what the caller
// meant.
type Warning struct {
	Field   string `json:"field"`   // the path of the request field
	Message string `json:"message"` // what came of it, and what to change
}

func (e *Error) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("%s (%d): %s", e.Status, e.Code, e.Message)
	}
	return fmt.Sprintf("%s (%d): %s: %s", e.Status, e.Code, e.Field, e.Message)
}

// New is an error of a status and code.
func New(status Status, code Code, format string, args ...any) *Error {
	return &Error{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Invalid is a 400 that names the request field at fault.
func Invalid(field, format string, args ...any) *Error {
	return &Error{Status: InvalidArgument, Code: ParamsInvalid, Field: field, Message: fmt.Sprintf(format, args...)}
}

// Wrap adds what was being done to *errp, if there is an error: one line at
// the top of a function gives every return of it context.
func Wrap(errp *error, format string, args ...any) {
	if *errp != nil {
		*errp = fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), *errp)
	}
}

// From finds the Error in err's chain. Any other error is an internal one,
// whose text stays hidden from the caller.
func From(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return New(Internal, ServerError, "internal error; retry, and if it persists look at the function's log")
}
