package dispatch

import (
	"fmt"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/push"
)

// documented is an answer as FCM's documentation has it ("Error codes" and, of
// the REST reference, ErrorCode), and what follows from it.
type documented struct {
	code   string // FCM's ErrorCode; empty: the answer isn't FCM's own
	answer answer
	// What the ledger says after all attempts, and whether the target is
	// forgotten: of a push to this target alone, and of one that another took.
	alone, amid               string
	removedAlone, removedAmid bool
	tries                     int  // FCM requests of the first attempt
	holds                     bool // nothing is sent for anybody meanwhile
}

const (
	fcmDetail   = `{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":%q}`
	badRequest  = `{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":%q,"description":"…"}]}`
	quotaDetail = `{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"subject":%q,"description":"…"}]}`
	perProject  = `{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"RATE_LIMIT_EXCEEDED","domain":"googleapis.com","metadata":{"quota_limit_value":"600000","consumer":"projects/1","quota_metric":"fcm.googleapis.com/send_requests","quota_unit":"1/min/{project}","service":"fcm.googleapis.com","quota_location":"global","quota_limit":"SendsPerMinutePerProject"}}`
)

// said is an answer with a status, message and details.
func said(status int, rpc, message string, details ...string) answer {
	body := fmt.Sprintf(`{"error":{"code":%d,"message":%q,"status":%q,"details":[`, status, message, rpc)
	for i, d := range details {
		if i > 0 {
			body += ","
		}
		body += d
	}
	return answer{status: status, body: body + "]}}"}
}

func code(c string) string     { return fmt.Sprintf(fcmDetail, c) }
func violated(f string) string { return fmt.Sprintf(badRequest, f) }
func usedUp(by string) string  { return fmt.Sprintf(quotaDetail, by) }

const many = 4 // tries of what is worth another: more than one

var documentedErrors = map[string]documented{
	"a value of the wrong type": {"", said(400, "INVALID_ARGUMENT", "Invalid value at 'message.data[0].value' (TYPE_STRING), 12", violated("message.data[0].value")),
		"dead_letter invalid_message", "dead_letter invalid_message", false, false, 1, false},
	"not a registration token": {"INVALID_ARGUMENT", said(400, "INVALID_ARGUMENT", "The registration token is not a valid FCM registration token", code("INVALID_ARGUMENT")),
		"dead_letter invalid_message", "failed invalid_target", false, true, 1, false},
	"not a registration token, with the field": {"INVALID_ARGUMENT", said(400, "INVALID_ARGUMENT", "The registration token is not a valid FCM registration token", code("INVALID_ARGUMENT"), violated("message.token")),
		"dead_letter invalid_message", "failed invalid_target", false, true, 1, false},
	"too big": {"INVALID_ARGUMENT", said(400, "INVALID_ARGUMENT", "…", violated(""), code("INVALID_ARGUMENT")),
		"dead_letter invalid_message", "dead_letter invalid_message", false, false, 1, false},
	"a reserved data key": {"INVALID_ARGUMENT", said(400, "INVALID_ARGUMENT", "…", violated("message.data"), code("INVALID_ARGUMENT")),
		"dead_letter invalid_message", "dead_letter invalid_message", false, false, 1, false},
	"the app was uninstalled": {"UNREGISTERED", said(404, "NOT_FOUND", "Requested entity was not found.", code("UNREGISTERED")),
		"failed unregistered", "failed unregistered", true, true, 1, false},
	"no such project": {"", said(404, "NOT_FOUND", "Requested entity was not found."),
		"dead_letter wrong_project", "dead_letter wrong_project", false, false, 1, false},
	"another sender's token": {"SENDER_ID_MISMATCH", said(403, "PERMISSION_DENIED", "SenderId mismatch", code("SENDER_ID_MISMATCH")),
		"dead_letter sender_mismatch", "dead_letter sender_mismatch", false, false, 1, false},
	"may not send": {"", said(403, "PERMISSION_DENIED", "…", `{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"IAM_PERMISSION_DENIED"}`),
		"dead_letter credentials", "dead_letter credentials", false, false, 1, false},
	"no credentials": {"", said(401, "UNAUTHENTICATED", "…", `{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"CREDENTIALS_MISSING"}`),
		"dead_letter credentials", "dead_letter credentials", false, false, 1, false},
	"APNs certificate or web push key": {"THIRD_PARTY_AUTH_ERROR", said(401, "UNAUTHENTICATED", "…", code("THIRD_PARTY_AUTH_ERROR")),
		"dead_letter third_party_auth", "dead_letter third_party_auth", false, false, 1, false},
	"sent too much": {"QUOTA_EXCEEDED", said(429, "RESOURCE_EXHAUSTED", "…", code("QUOTA_EXCEEDED")),
		"dead_letter quota", "dead_letter quota", false, false, 1, false}, // then nobody asks about that device for a minute
	"sent too much to a device": {"QUOTA_EXCEEDED", said(429, "RESOURCE_EXHAUSTED", "…", usedUp("device"), code("QUOTA_EXCEEDED")),
		"dead_letter quota", "dead_letter quota", false, false, 1, false},
	"the project sent too much": {"QUOTA_EXCEEDED", said(429, "RESOURCE_EXHAUSTED", "…", usedUp("project:demo"), code("QUOTA_EXCEEDED")),
		"dead_letter quota", "dead_letter quota", false, false, 1, true},
	"the project's quota a minute": {"", said(429, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'Send requests' and limit 'Send requests per minute' of service 'fcm.googleapis.com' for consumer 'project_number:1'.", perProject),
		"dead_letter quota", "dead_letter quota", false, false, 1, true},
	"slow down, by whom is not said": {"", said(429, "RESOURCE_EXHAUSTED", "…"),
		"dead_letter quota", "dead_letter quota", false, false, 1, false},
	"overloaded": {"UNAVAILABLE", said(503, "UNAVAILABLE", "…", code("UNAVAILABLE")),
		"dead_letter unavailable", "dead_letter unavailable", false, false, many, false},
	"broken": {"INTERNAL", said(500, "INTERNAL", "…", code("INTERNAL")),
		"dead_letter internal", "dead_letter internal", false, false, many, false},
	"no more is known": {"UNSPECIFIED_ERROR", said(500, "UNKNOWN", "…", code("UNSPECIFIED_ERROR")),
		"dead_letter internal", "dead_letter internal", false, false, many, false},
}

// Each documented error, alone and beside a device that took the push: what the
// ledger says in the end, who is forgotten, and how often FCM was asked.
func TestDocumentedErrors(t *testing.T) {
	seen := map[string]bool{}
	for name, e := range documentedErrors {
		seen[e.code] = true
		for _, others := range [][]string{nil, {"other"}} {
			inBubble(t, func(b *bench) {
				b.d.MaxAttempts = 2
				b.fcm.latency = 10 * time.Millisecond // the other is asked about before the answer holds the process
				b.fcm.answer = func(token string, _ int) answer {
					if token == "A" {
						return e.answer
					}
					return ok
				}
				batch := b.batch("m", append([]string{"A"}, others...)...)
				_ = b.d.Dispatch(b.Context(), batch)
				if tries := len(b.fcm.of("A")); tries != e.tries && !(e.tries == many && tries >= many) {
					t.Errorf("%s, %v: FCM was asked %d times at first, want %d", name, others, tries, e.tries)
				}
				if until := b.d.gate.pause.current(); until.After(time.Now()) != e.holds {
					t.Errorf("%s: the process is held until %v", name, until)
				}
				waitForLease(b, batch)
				_ = b.d.Dispatch(b.Context(), batch)
				want, removed := e.alone, e.removedAlone
				if others != nil {
					want, removed = e.amid, e.removedAmid
				}
				got, done := b.outcomes(batch)
				if got["A"] != want || !done {
					t.Errorf("%s, %v: %q, done %t; want %q", name, others, got["A"], done, want)
				}
				if gone := b.bound(batch.Targets[0]) == ""; gone != removed {
					t.Errorf("%s, %v: the target is forgotten: %t", name, others, gone)
				}
				if others != nil && (got["other"] != "sent" || b.bound(batch.Targets[1]) == "" || len(b.fcm.of("other")) != 1) {
					t.Errorf("%s: the other got %q in %d requests", name, got["other"], len(b.fcm.of("other")))
				}
			})
		}
	}
	for _, c := range []string{
		"UNSPECIFIED_ERROR", "INVALID_ARGUMENT", "UNREGISTERED", "SENDER_ID_MISMATCH", "QUOTA_EXCEEDED", "UNAVAILABLE", "INTERNAL", "THIRD_PARTY_AUTH_ERROR",
	} {
		if !seen[c] {
			t.Errorf("no row for %s", c)
		}
	}
}

// waitForLease passes the time until the batch may be tried again.
func waitForLease(b *bench, batch push.Batch) {
	if err := wait(b.Context(), b.db.Deliveries()[batch.ID].LeaseUntil.Sub(b.d.Now())); err != nil {
		b.Fatal(err)
	}
}
