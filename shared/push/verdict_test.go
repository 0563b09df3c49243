package push

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"cloud.google.com/go/auth"

	"github.com/doorbell-push/doorbell/shared/fcm"
)

// answering is the error of a send that FCM answers with status, headers and body.
func answering(t *testing.T, status int, retryAfter, body string) error {
	t.Helper()
	if status == http.StatusOK {
		return nil
	}
	return fmt.Errorf("send: %w", fcm.NewError(status, http.Header{"Retry-After": {retryAfter}}, []byte(body)))
}

// errorBody is an error of FCM's as its REST reference documents it, with details.
func errorBody(code int, status, details string) string {
	return fmt.Sprintf(`{"error":{"code":%d,"message":"…","status":%q,"details":[%s]}}`, code, status, details)
}

func fcmError(code string) string {
	return fmt.Sprintf(`{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":%q}`, code)
}

func violation(field string) string {
	return fmt.Sprintf(`{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":%q,"description":"…"}]}`, field)
}

func quotaFailure(subject string) string {
	return fmt.Sprintf(`{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"subject":%q,"description":"…"}]}`, subject)
}

// perProject is what FCM answers to more than 600,000 messages a minute.
const perProject = `{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"RATE_LIMIT_EXCEEDED","domain":"googleapis.com","metadata":{"consumer":"projects/1","quota_limit":"SendsPerMinutePerProject","quota_unit":"1/min/{project}"}}`

// FCM's documented answers.
func TestJudgeFCMAnswers(t *testing.T) {
	for _, tc := range []struct {
		name       string
		status     int
		retryAfter string
		body       string
		want       Verdict
	}{
		{"accepted", 200, "", `{"name":"projects/demo/messages/1"}`, Verdict{Class: Sent}},
		{"unregistered", 404, "", errorBody(404, "NOT_FOUND", fcmError("UNREGISTERED")), Verdict{Class: Unregistered}},
		{"404 without detail", 404, "", errorBody(404, "NOT_FOUND", ""), Verdict{Class: WrongProject}},
		{"404 of another kind", 404, "", errorBody(404, "NOT_FOUND", fcmError("SOMETHING")), Verdict{Class: WrongProject}},
		{"404 page", 404, "", "<html>not found</html>", Verdict{Class: WrongProject}},
		{"400 naming the token", 400, "", errorBody(400, "INVALID_ARGUMENT", violation("message.token")+","+fcmError("INVALID_ARGUMENT")), Verdict{Class: InvalidTarget}},
		{"400 naming the token after the code", 400, "", errorBody(400, "INVALID_ARGUMENT", fcmError("INVALID_ARGUMENT")+","+violation("message.token")), Verdict{Class: InvalidTarget}},
		{"400 naming the installation", 400, "", errorBody(400, "INVALID_ARGUMENT", violation("message.fid")), Verdict{Class: InvalidTarget}},
		{"400 naming the bare token", 400, "", errorBody(400, "INVALID_ARGUMENT", violation("token")), Verdict{Class: InvalidTarget}},
		{"400 naming another field", 400, "", errorBody(400, "INVALID_ARGUMENT", violation("message.android.ttl")), Verdict{Class: InvalidMessage}},
		{"400 naming a data key called token", 400, "", errorBody(400, "INVALID_ARGUMENT", violation("message.data.token")), Verdict{Class: InvalidMessage}},
		{"400 with the code only", 400, "", errorBody(400, "INVALID_ARGUMENT", fcmError("INVALID_ARGUMENT")), Verdict{Class: InvalidMessage}},
		{"400 about the token, without a field", 400, "", `{"error":{"code":400,"message":"The registration token is not a valid FCM registration token","status":"INVALID_ARGUMENT","details":[` + fcmError("INVALID_ARGUMENT") + `]}}`, Verdict{Class: InvalidTarget}},
		{"400 about the token and another field", 400, "", `{"error":{"code":400,"message":"registration token","status":"INVALID_ARGUMENT","details":[` + fcmError("INVALID_ARGUMENT") + `,` + violation("message.data") + `]}}`, Verdict{Class: InvalidMessage}},
		{"400 about the token, not FCM's", 400, "", `{"error":{"code":400,"message":"registration token","status":"INVALID_ARGUMENT"}}`, Verdict{Class: InvalidMessage}},
		{"400 without detail", 400, "", errorBody(400, "INVALID_ARGUMENT", ""), Verdict{Class: InvalidMessage}},
		{"400 page", 400, "", "bad request", Verdict{Class: InvalidMessage}},
		{"sender mismatch", 403, "", errorBody(403, "PERMISSION_DENIED", fcmError("SENDER_ID_MISMATCH")), Verdict{Class: SenderMismatch}},
		{"403", 403, "", errorBody(403, "PERMISSION_DENIED", ""), Verdict{Class: Credentials}},
		{"third party", 401, "", errorBody(401, "UNAUTHENTICATED", fcmError("THIRD_PARTY_AUTH_ERROR")), Verdict{Class: ThirdParty}},
		{"401", 401, "", errorBody(401, "UNAUTHENTICATED", ""), Verdict{Class: Credentials}},
		{"quota", 429, "", errorBody(429, "RESOURCE_EXHAUSTED", fcmError("QUOTA_EXCEEDED")), Verdict{Class: Quota, RetryAfter: time.Minute}},
		{"quota without detail", 429, "7", errorBody(429, "RESOURCE_EXHAUSTED", ""), Verdict{Class: Quota, RetryAfter: 7 * time.Second}},
		{"the project's quota, by FCM's details", 429, "", errorBody(429, "RESOURCE_EXHAUSTED", perProject), Verdict{Quota, time.Minute, true}},
		{"another consumer's", 429, "", errorBody(429, "RESOURCE_EXHAUSTED", `{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"RATE_LIMIT_EXCEEDED","metadata":{"consumer":"users/1"}}`), Verdict{Class: Quota, RetryAfter: time.Minute}},
		{"the project's quota, by QuotaFailure", 429, "9", errorBody(429, "RESOURCE_EXHAUSTED", quotaFailure("project:demo")+","+fcmError("QUOTA_EXCEEDED")), Verdict{Quota, 9 * time.Second, true}},
		{"a device's quota", 429, "9", errorBody(429, "RESOURCE_EXHAUSTED", quotaFailure("device")+","+fcmError("QUOTA_EXCEEDED")), Verdict{Class: Quota, RetryAfter: 9 * time.Second}},
		{"503 that names the project", 503, "", errorBody(503, "UNAVAILABLE", perProject), Verdict{Class: Unavailable}},
		{"429 page", 429, "", "slow down", Verdict{Class: Quota, RetryAfter: time.Minute}},
		{"500", 500, "", errorBody(500, "INTERNAL", fcmError("INTERNAL")), Verdict{Class: Internal}},
		{"500 with a wish", 500, "3", errorBody(500, "INTERNAL", ""), Verdict{Internal, 3 * time.Second, true}},
		{"502 page", 502, "", "<html>bad gateway</html>", Verdict{Class: Internal}},
		{"503", 503, "", errorBody(503, "UNAVAILABLE", fcmError("UNAVAILABLE")), Verdict{Class: Unavailable}},
		{"503 with a wish", 503, "5", errorBody(503, "UNAVAILABLE", fcmError("UNAVAILABLE")), Verdict{Unavailable, 5 * time.Second, true}},
		{"503 page", 503, "200", "try later", Verdict{Unavailable, 200 * time.Second, true}},
		{"504", 504, "", errorBody(504, "DEADLINE_EXCEEDED", ""), Verdict{Class: Timeout}},
		{"a status of no class", 409, "", errorBody(409, "ABORTED", ""), Verdict{Class: Internal}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Judge(answering(t, tc.status, tc.retryAfter, tc.body), sentAt); got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	date := func(d time.Duration) string { return sentAt.Add(d).UTC().Format(http.TimeFormat) }
	for _, tc := range []struct {
		header string
		want   time.Duration
	}{
		{"", time.Minute},
		{"1", time.Second},
		{"90", 90 * time.Second},
		{"3600", time.Hour},
		{"86400", time.Hour},
		{"0", time.Minute},
		{"-5", time.Minute},
		{"soon", time.Minute},
		{"99999999999999999999", time.Minute},
		{date(90 * time.Second), 89*time.Second + 500*time.Millisecond}, // sentAt has half a second, dates have none
		{date(24 * time.Hour), time.Hour},
		{date(-time.Hour), time.Minute},
	} {
		err := answering(t, 429, tc.header, errorBody(429, "RESOURCE_EXHAUSTED", fcmError("QUOTA_EXCEEDED")))
		if got := Judge(err, sentAt); got != (Verdict{Class: Quota, RetryAfter: tc.want}) {
			t.Errorf("Retry-After %q: got %+v, want %v", tc.header, got, tc.want)
		}
	}
}

// No answer at all.
func TestJudgeNetwork(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want Class
	}{
		{nil, Sent},
		{context.DeadlineExceeded, Timeout},
		{fmt.Errorf("try: %w", context.DeadlineExceeded), Timeout},
		{&net.OpError{Op: "read", Err: errTimeout{}}, Timeout},
		{context.Canceled, Unavailable},
		{&net.OpError{Op: "dial", Err: errors.New("connection refused")}, Unavailable},
		{errors.New("connection reset"), Unavailable},
	} {
		if got := Judge(tc.err, sentAt); got != (Verdict{Class: tc.want}) {
			t.Errorf("%v is %+v, want %s", tc.err, got, tc.want)
		}
	}
}

// No access token: our credentials' fault where they were refused, and never FCM's.
func TestJudgeNoToken(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want Class
	}{
		"the key was deleted":    {&auth.Error{Response: &http.Response{StatusCode: 400}, Body: []byte(`{"error":"invalid_grant"}`)}, Credentials},
		"it may not impersonate": {fmt.Errorf("credentials: %w", &auth.Error{Response: &http.Response{StatusCode: 403}}), Credentials},
		"too many ask":           {&auth.Error{Response: &http.Response{StatusCode: 429}}, NoToken},
		"its server is broken":   {&auth.Error{Response: &http.Response{StatusCode: 503}}, NoToken},
		"a bad gateway":          {&auth.Error{Response: &http.Response{StatusCode: 502}}, NoToken},
		"no answer":              {&auth.Error{}, NoToken},
		"too late":               {context.DeadlineExceeded, NoToken},
		"no network":             {&net.OpError{Op: "dial", Err: errors.New("connection refused")}, NoToken},
	} {
		if got := Judge(fmt.Errorf("send: %w", &fcm.TokenError{Err: tc.err}), sentAt); got != (Verdict{Class: tc.want}) {
			t.Errorf("%s is %+v, want %s", name, got, tc.want)
		}
	}
}

type errTimeout struct{}

func (errTimeout) Error() string { return "timed out" }
func (errTimeout) Timeout() bool { return true }

func TestClasses(t *testing.T) {
	for class, want := range map[Class][2]bool{ // retryable, alerting
		Sent: {}, Unregistered: {}, InvalidTarget: {}, InvalidMessage: {},
		SenderMismatch: {false, true}, ThirdParty: {false, true}, Credentials: {false, true}, WrongProject: {false, true},
		Quota: {true, false}, Unavailable: {true, false}, Internal: {true, false}, Timeout: {true, false}, NoToken: {true, false}, NoTurn: {true, false}, DeviceLimit: {true, false},
	} {
		if got := [2]bool{class.Retryable(), class.Alerting()}; got != want {
			t.Errorf("%s: retryable, alerting %v, want %v", class, got, want)
		}
	}
}
