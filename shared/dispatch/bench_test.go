package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/fcm"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
	"github.com/doorbell-push/doorbell/shared/store"
)

// answer is what FCM answers one request with.
type answer struct {
	status     int
	retryAfter string
	detail     string // FcmError.errorCode
	field      string // of BadRequest.fieldViolations
	body       string // instead of one made of the two
	delay      time.Duration
}

var (
	ok           = answer{status: 200}
	broken       = answer{status: 500}
	unregistered = answer{status: 404, detail: "UNREGISTERED"}
	badToken     = answer{status: 400, field: "message.token"}
	quota        = answer{status: 429, detail: "QUOTA_EXCEEDED"}
	// projectQuota is what FCM answers where the project sends too much.
	projectQuota = said(429, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'Send requests' and limit 'Send requests per minute' of service 'fcm.googleapis.com' for consumer 'project_number:1'.", perProject)
)

// after is a with a Retry-After of so many seconds.
func (a answer) after(seconds string) answer {
	a.retryAfter = seconds
	return a
}

// fakeFCM stands in for FCM without a network, so that time in a bubble passes
// by itself.
type fakeFCM struct {
	answer  func(token string, try int) answer // try counts from 1; nil: ok
	latency time.Duration

	mu           sync.Mutex
	requests     []request
	active, most int
}

type request struct {
	token string
	at    time.Time
	body  []byte
}

func (f *fakeFCM) Send(ctx context.Context, body []byte) (string, error) {
	var m struct{ Message struct{ Token string } }
	if err := json.Unmarshal(body, &m); err != nil {
		return "", err
	}
	token := m.Message.Token
	f.mu.Lock()
	f.requests = append(f.requests, request{token, time.Now(), body})
	try := len(f.of(token))
	f.active++
	f.most = max(f.most, f.active)
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.active--
		f.mu.Unlock()
	}()
	if err := wait(ctx, f.latency); err != nil {
		return "", err
	}
	a := ok
	if f.answer != nil {
		a = f.answer(token, try)
	}
	if err := wait(ctx, a.delay); err != nil {
		return "", err
	}
	if a.status != http.StatusOK {
		return "", a.err()
	}
	return "projects/demo/messages/1", nil
}

func wait(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return nil
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// of is the requests for a token; f.mu is held or nothing is under way.
func (f *fakeFCM) of(token string) []request {
	return slices.DeleteFunc(slices.Clone(f.requests), func(r request) bool { return r.token != token })
}

func (a answer) err() error {
	body := fmt.Sprintf(`{"error":{"code":%d,"details":[{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":%q},{"fieldViolations":[{"field":%q}]}]}}`,
		a.status, a.detail, a.field)
	if a.body != "" {
		body = a.body
	}
	return fcm.NewError(a.status, http.Header{"Retry-After": {a.retryAfter}}, []byte(body))
}

// deadLetters keeps what is published to it.
type deadLetters struct {
	err     error
	batches map[string][]push.Batch // by reason
}

func (d *deadLetters) PublishDead(ctx context.Context, b push.Batch, reason string) error {
	if err := errors.Join(d.err, ctx.Err()); err != nil {
		return err
	}
	if d.batches == nil {
		d.batches = map[string][]push.Batch{}
	}
	d.batches[reason] = append(d.batches[reason], b)
	return nil
}

// bench is a dispatcher with everything around it.
type bench struct {
	*testing.T
	db   *store.Memory
	fcm  *fakeFCM
	dead *deadLetters
	d    *Dispatcher
	reg  *presence.Registry
}

// run runs a test in a bubble: its time passes only while everything waits.
func inBubble(t *testing.T, test func(b *bench)) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{T: t, db: &store.Memory{}, fcm: &fakeFCM{}, dead: &deadLetters{}}
		b.reg = &presence.Registry{Store: b.db, Now: time.Now, Lease: time.Minute, MaxDevices: 25}
		b.d = b.dispatcher()
		test(b)
	})
}

// dispatcher is another process on the same stores.
func (b *bench) dispatcher() *Dispatcher {
	return &Dispatcher{
		Ledger: b.db, Sender: b.fcm, Bindings: b.db, Calls: b.db, Members: b.db, DeadLetters: b.dead, Now: time.Now,
		Retention: 24 * time.Hour, MaxAttempts: 3, Concurrency: 100,
	}
}

var _ Sender = (*fcm.Client)(nil)

const ttl = time.Hour

// batch registers an Android device for each token, of a user each, and plans a
// batch to them. A token "web-…" is a browser's.
func (b *bench) batch(id string, tokens ...string) push.Batch {
	b.Helper()
	var targets []push.Target
	for _, value := range tokens {
		targets = append(targets, b.bind("user-"+value, value))
	}
	a := push.OfMessage(chat.Message{
		MessageID: id, SenderUserID: "alice", ConversationID: "bob", Timestamp: time.Now().UnixMilli(), Priority: chat.High,
		Push: &chat.PushConfig{Title: "secret title", Content: "secret content", Payload: "secret payload"},
	}, ttl)
	return push.Batches(a, "", targets, time.Now())[0]
}

// bind registers a device for a user and is the target planned for it.
func (b *bench) bind(user, value string) push.Target {
	b.Helper()
	platform := device.Android
	if strings.HasPrefix(value, "web-") {
		platform = device.Web
	}
	d := device.Device{DeviceID: "device-" + value, Platform: platform, Target: device.Target{Kind: device.KindToken, Value: value}, Popup: true}
	out, err := b.reg.Register(b.Context(), user, d)
	if err != nil {
		b.Fatal(err)
	}
	return push.Target{UserID: user, PushID: out.PushID, Platform: platform, Kind: device.KindToken, Value: value}
}

// bound is the token that is stored for a target's device now.
func (b *bench) bound(t push.Target) string {
	users, err := b.db.Users(context.Background(), []string{t.UserID})
	if err != nil {
		b.Fatal(err)
	}
	d, _ := users[t.UserID].Device(t.PushID)
	return d.Target.Value
}

// outcomes is the ledger's "status detail" by token, and whether the batch is done.
func (b *bench) outcomes(batch push.Batch) (map[string]string, bool) {
	e := b.db.Deliveries()[batch.ID]
	out := map[string]string{}
	for _, t := range batch.Targets {
		if o, ok := e.Outcomes[t.PushID]; ok {
			detail := " " + o.Detail
			if o.Status == delivery.Sent {
				detail = ""
			}
			out[t.Value] = string(o.Status) + detail
		}
	}
	return out, e.Done
}

// want checks the ledger's outcomes, given as token, outcome, token, outcome…
func (b *bench) want(batch push.Batch, done bool, pairs ...string) {
	b.Helper()
	got, isDone := b.outcomes(batch)
	if isDone != done || len(got) != len(pairs)/2 {
		b.Errorf("done %t with %v, want %t with %v", isDone, got, done, pairs)
		return
	}
	for i := 0; i < len(pairs); i += 2 {
		if got[pairs[i]] != pairs[i+1] {
			b.Errorf("%s: %q, want %q", pairs[i], got[pairs[i]], pairs[i+1])
		}
	}
}

// wantRequests checks how many requests FCM got for each token, as token, count…
func (b *bench) wantRequests(pairs ...any) {
	b.Helper()
	total := 0
	for i := 0; i < len(pairs); i += 2 {
		total += pairs[i+1].(int)
		if got := len(b.fcm.of(pairs[i].(string))); got != pairs[i+1] {
			b.Errorf("FCM got %d requests for %v, want %v", got, pairs[i], pairs[i+1])
		}
	}
	if len(b.fcm.requests) != total {
		b.Errorf("FCM got %d requests, want %d", len(b.fcm.requests), total)
	}
}

// dispatch dispatches and checks whether that asks for redelivery.
func (b *bench) dispatch(batch push.Batch, again bool) {
	b.Helper()
	if err := b.d.Dispatch(b.Context(), batch); (err != nil) != again {
		b.Errorf("error %v, want one: %t", err, again)
	}
}
