package standin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ErrorCode names one of FCM's refusals.
type ErrorCode string

// The first eight are FCM's own codes (FCM REST reference, ErrorCode). The rest
// are answers of the front end before FCM: they carry no FcmError detail, so
// the Admin SDK's messaging.Is… functions say false for all of them.
const (
	InvalidArgument  ErrorCode = "INVALID_ARGUMENT"
	Unregistered     ErrorCode = "UNREGISTERED"
	SenderIDMismatch ErrorCode = "SENDER_ID_MISMATCH"
	QuotaExceeded    ErrorCode = "QUOTA_EXCEEDED"
	Unavailable      ErrorCode = "UNAVAILABLE"
	Internal         ErrorCode = "INTERNAL"
	ThirdPartyAuth   ErrorCode = "THIRD_PARTY_AUTH_ERROR"
	Unspecified      ErrorCode = "UNSPECIFIED_ERROR"

	ProjectQuota     ErrorCode = "PROJECT_QUOTA"     // 429 of the per-minute project quota
	BadPayload       ErrorCode = "BAD_PAYLOAD"       // 400, the JSON does not fit the schema
	Unauthenticated  ErrorCode = "UNAUTHENTICATED"   // 401, no or bad access token
	PermissionDenied ErrorCode = "PERMISSION_DENIED" // 403, the caller lacks the role
	NotFound         ErrorCode = "NOT_FOUND"         // 404, no such project
	BadGateway       ErrorCode = "BAD_GATEWAY"       // 502 with an HTML page
)

// Details of an error body.
type (
	fcmDetail struct {
		Type      string    `json:"@type"`
		ErrorCode ErrorCode `json:"errorCode"`
	}
	badRequest struct {
		Type       string      `json:"@type"`
		Violations []violation `json:"fieldViolations,omitempty"`
	}
	violation struct {
		Field       string `json:"field,omitempty"`
		Description string `json:"description"`
	}
	quotaFailure struct {
		Type       string           `json:"@type"`
		Violations []quotaViolation `json:"violations"`
	}
	quotaViolation struct {
		Subject     string `json:"subject"`
		Description string `json:"description"`
	}
	errorInfo struct {
		Type     string            `json:"@type"`
		Reason   string            `json:"reason"`
		Domain   string            `json:"domain"`
		Metadata map[string]string `json:"metadata,omitempty"`
	}
)

func withCode(c ErrorCode) fcmDetail {
	return fcmDetail{"type.googleapis.com/google.firebase.fcm.v1.FcmError", c}
}

func withFields(v ...violation) badRequest {
	return badRequest{"type.googleapis.com/google.rpc.BadRequest", v}
}

// apiError is a refusal as FCM words it.
type apiError struct {
	code       ErrorCode
	status     int
	rpc        string // google.rpc.Code
	message    string
	details    []any
	retryAfter time.Duration // whole seconds; 0: no header
}

const invalidText = "Request contains an invalid argument."

// badPayload is the answer to JSON that does not fit the schema. It has no
// FcmError detail (FCM docs, error-codes, Example 1).
func badPayload(v ...violation) *apiError {
	lines := make([]string, len(v))
	for i := range v {
		lines[i] = v[i].Description
	}
	return &apiError{code: BadPayload, status: http.StatusBadRequest, rpc: "INVALID_ARGUMENT",
		message: strings.Join(lines, "\n"), details: []any{withFields(v...)}}
}

// invalid is FCM's own refusal of a field of a message that fits the schema.
func invalid(field, text string) *apiError {
	return &apiError{code: InvalidArgument, status: http.StatusBadRequest, rpc: "INVALID_ARGUMENT", message: text,
		details: []any{withFields(violation{field, text}), withCode(InvalidArgument)}}
}

func invalidf(field, format string, args ...any) *apiError {
	return invalid(field, fmt.Sprintf(format, args...))
}

// invalidTarget has its details in the other order, as FCM answers.
func invalidTarget(field, text string) *apiError {
	e := invalid(field, text)
	e.details[0], e.details[1] = e.details[1], e.details[0]
	return e
}

// tooLarge names no field, as FCM answers.
func tooLarge() *apiError {
	e := invalid("", "Message is too large. The maximum is 4K (4096 bytes).")
	e.details[0] = withFields()
	return e
}

// refusal returns the usual body of a code.
func refusal(code ErrorCode, project string) *apiError {
	e := &apiError{code: code, details: []any{withCode(code)}}
	set := func(status int, rpc, message string) { e.status, e.rpc, e.message = status, rpc, message }
	switch code {
	case InvalidArgument:
		set(http.StatusBadRequest, "INVALID_ARGUMENT", invalidText)
	case BadPayload:
		return badPayload(violation{Description: "Invalid JSON payload received. Unexpected token."})
	case Unregistered:
		set(http.StatusNotFound, "NOT_FOUND", "Requested entity was not found.")
	case NotFound:
		set(http.StatusNotFound, "NOT_FOUND", "Requested entity was not found.")
		e.details = nil
	case SenderIDMismatch:
		set(http.StatusForbidden, "PERMISSION_DENIED", "SenderId mismatch")
	case PermissionDenied:
		set(http.StatusForbidden, "PERMISSION_DENIED",
			"Permission 'cloudmessaging.messages.create' denied on resource '//cloudresourcemanager.googleapis.com/projects/"+
				project+"' (or it may not exist).")
		e.details = []any{errorInfo{"type.googleapis.com/google.rpc.ErrorInfo", "IAM_PERMISSION_DENIED",
			"cloudresourcemanager.googleapis.com", map[string]string{"permission": "cloudmessaging.messages.create",
				"resource": "projects/" + project}}}
	case ThirdPartyAuth:
		// FCM really words a bad APNs key as if the caller's token were missing.
		set(http.StatusUnauthorized, "UNAUTHENTICATED", missingCredential)
	case Unauthenticated:
		set(http.StatusUnauthorized, "UNAUTHENTICATED", missingCredential)
		e.details = []any{errorInfo{"type.googleapis.com/google.rpc.ErrorInfo", "CREDENTIALS_MISSING", "googleapis.com",
			map[string]string{"method": "google.firebase.fcm.v1.FcmService.SendMessage", "service": "fcm.googleapis.com"}}}
	case QuotaExceeded:
		set(http.StatusTooManyRequests, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).")
		e.details = []any{quotaFailure{"type.googleapis.com/google.rpc.QuotaFailure",
			[]quotaViolation{{"device", "Device message rate exceeded."}}}, withCode(code)}
	case ProjectQuota:
		set(http.StatusTooManyRequests, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'Send requests' and limit "+
			"'Send requests per minute' of service 'fcm.googleapis.com' for consumer 'project_number:"+project+"'.")
		e.details = []any{errorInfo{"type.googleapis.com/google.rpc.ErrorInfo", "RATE_LIMIT_EXCEEDED", "googleapis.com",
			map[string]string{"consumer": "projects/" + project, "quota_limit": "SendsPerMinutePerProject",
				"quota_metric": "fcm.googleapis.com/send_requests", "service": "fcm.googleapis.com"}}}
	case Unavailable:
		set(http.StatusServiceUnavailable, "UNAVAILABLE", "The service is currently unavailable.")
	case Internal:
		set(http.StatusInternalServerError, "INTERNAL", "Internal error encountered.")
	case Unspecified:
		set(http.StatusInternalServerError, "UNKNOWN", "Unknown error.")
	case BadGateway:
		set(http.StatusBadGateway, "", "")
	default:
		return nil
	}
	return e
}

const missingCredential = "Request is missing required authentication credential. Expected OAuth 2 access token, " +
	"login cookie or other valid authentication credential. " +
	"See https://developers.google.com/identity/sign-in/web/devconsole-project."

// write answers with the refusal.
func (e *apiError) write(w http.ResponseWriter) {
	if e.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(e.retryAfter/time.Second)))
	}
	if e.rpc == "" {
		writeHTML(w, e.status)
		return
	}
	type body struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Status  string `json:"status"`
		Details []any  `json:"details,omitempty"`
	}
	writeJSON(w, e.status, map[string]body{"error": {e.status, e.message, e.rpc, e.details}})
}

// writeHTML answers as Google's front end does outside the API.
func writeHTML(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<!DOCTYPE html>\n<html lang=en>\n<title>Error %d (%s)!!1</title>\n", status, http.StatusText(status))
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // a client that went away is not our error
}
