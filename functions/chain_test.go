//go:build integration

// The chain over real parts: the functions' own process, Google's emulators and
// the FCM stand-in. One system serves all tests; each has users of its own.
package functions_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/scripts/fcm/standin"
	"github.com/doorbell-push/doorbell/scripts/harness"
	"github.com/doorbell-push/doorbell/scripts/openapi"
	"github.com/doorbell-push/doorbell/scripts/system"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/docid"
)

// within is how long a test waits for what must happen.
const within = 30 * time.Second

var world struct {
	*system.System
	firestore, pubsub *harness.RPCCounter
	log               *safeBuffer
	secrets           secrets
	api               *openapi.Checker // every request and answer is held to the API's document
	runs              runs
}

// mark is in each text that is some person's own business: no log may hold it.
const mark = "‡"

// secrets is every token that tests have used.
type secrets struct {
	mu  sync.Mutex
	all []string
}

func (s *secrets) add(tokens ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, tokens...)
}

// in is an error that shows where the log of all parts holds a secret or a
// person's text.
func (s *secrets) in(log string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) == 0 || !strings.Contains(log, `"message":"planned"`) {
		return nil // no test that says anything about it has run
	}
	for _, secret := range append(s.all, mark, `\u2021`, "s3cret") {
		if i := strings.Index(log, secret); i >= 0 {
			return fmt.Errorf("the log holds what nobody may read there: …%s…", log[max(0, i-300):min(len(log), i+100)])
		}
	}
	return nil
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	ctx := context.Background()
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	document, err := os.ReadFile("web/api/openapi.json")
	if err != nil {
		return fail(err)
	}
	if world.api, err = openapi.NewChecker(document); err != nil {
		return fail(err)
	}
	if world.firestore, err = harness.NewRPCCounter("127.0.0.1:0"); err != nil {
		return fail(err)
	}
	defer world.firestore.Close()
	if world.pubsub, err = harness.NewRPCCounter("127.0.0.1:0"); err != nil {
		return fail(err)
	}
	defer world.pubsub.Close()
	world.log = &safeBuffer{}
	world.System, err = system.Start(ctx, system.Options{
		Race: true, NoClock: true, Log: world.log, FirestoreVia: world.firestore.Addr(), PubSubVia: world.pubsub.Addr(),
	})
	if err != nil {
		return fail(err)
	}
	defer world.Stop()
	if err := world.firestore.SetTarget(world.FirestoreHost()); err != nil {
		return fail(err)
	}
	if err := world.pubsub.SetTarget(world.PubSubHost()); err != nil {
		return fail(err)
	}
	if err := world.ApplyResources(ctx); err != nil {
		return fail(err)
	}
	code := m.Run()
	if code != 0 {
		fmt.Fprintln(os.Stderr, strings.Join(world.LastLines("functions"), "\n"))
	}
	if bytes.Contains(world.log.Bytes(), []byte("DATA RACE")) {
		return fail(fmt.Errorf("the functions' process has a data race:\n%s", world.log.Bytes()))
	}
	fmt.Fprintf(os.Stderr, "%d exchanges were held to web/api/openapi.json\n", world.api.Checked())
	if err := world.secrets.in(string(world.log.Bytes())); err != nil {
		return fail(err)
	}
	return code
}

// safeBuffer is what the parts print.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) Bytes() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.b.Bytes())
}

// person is a signed-in user.
type person struct {
	harness.Client
	t  *testing.T
	ID string
}

// runs is the latest run of each test, by its name.
type runs struct {
	sync.Mutex
	of map[string]testRun
}

// testRun is one of them.
type testRun struct {
	t      *testing.T
	number int
}

// unique is t's name, another one each time that the test is run (-count): the system
// outlasts a run, so what a test makes has this in its ID.
func unique(t *testing.T) string {
	t.Helper()
	world.runs.Lock()
	defer world.runs.Unlock()
	name := strings.ReplaceAll(t.Name(), "/", "-")
	run := world.runs.of[name]
	if run.t != t {
		run = testRun{t, run.number + 1}
		if world.runs.of == nil {
			world.runs.of = map[string]testRun{}
		}
		world.runs.of[name] = run
	}
	if run.number > 1 {
		name += fmt.Sprint("-", run.number)
	}
	return name
}

// ownID is an ID of t's for a group, room or call, in the 32 bytes that a group's has.
func ownID(t *testing.T, name string) string {
	t.Helper()
	return name + "-" + docid.New("test", unique(t))[:16]
}

// someone signs in a user of the test's own.
func someone(t *testing.T, name string) person {
	t.Helper()
	id := name + "-" + unique(t)
	token, err := world.SignIn(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	world.secrets.add(token)
	asDocumented := &http.Client{Transport: openapi.Transport{Checker: world.api, Report: func(err error) { t.Error(err) }}}
	return person{Client: harness.Client{TB: t, BaseURL: world.FunctionsURL(), Token: token, HTTP: asDocumented}, t: t, ID: id}
}

// call makes a request that must answer 200 and returns the answer.
func (p person) call(method, path string, body any) map[string]any {
	p.t.Helper()
	status, raw := p.Do(method, path, body)
	if status != http.StatusOK {
		p.t.Fatalf("%s %s answered %d %s", method, path, status, raw)
	}
	var answer map[string]any
	if err := json.Unmarshal(raw, &answer); err != nil {
		p.t.Fatal(err)
	}
	return answer
}

type object = map[string]any

// phone is a device that p has registered.
type phone struct {
	token, pushID, deviceID, receiptToken string
}

// newPhone registers a new device of p, which is then offline.
func (p person) newPhone(deviceID, platform string) phone {
	p.t.Helper()
	d, err := world.FCM.NewDevice(standin.Device{Platform: standin.Platform(platform)})
	if err != nil {
		p.t.Fatal(err)
	}
	return p.register(deviceID, platform, d.Token)
}

func (p person) register(deviceID, platform, token string) phone {
	p.t.Helper()
	answer := p.call(http.MethodPost, "/register", object{"token": token, "platform": platform, "deviceID": deviceID})
	pushID, _ := answer["pushID"].(string)
	if pushID == "" {
		p.t.Fatalf("register answered %v", answer)
	}
	receiptToken, _ := answer["receiptToken"].(string)
	world.secrets.add(token, receiptToken)
	return phone{token: token, pushID: pushID, deviceID: deviceID, receiptToken: receiptToken}
}

func (p person) presence(d phone, state string) {
	p.t.Helper()
	p.call(http.MethodPost, "/presence", object{"pushID": d.pushID, "state": state})
}

// message is a body of send that asks for a push.
func message(to, text, localID string) object {
	return object{
		"message": object{"type": 1, "message": text + mark}, "toConversationID": to, "conversationType": 0, "localMessageID": localID,
		"config": object{"priority": 2, "pushConfig": object{"title": "Title" + mark, "content": text + mark, "payload": "p" + mark}},
	}
}

// messageTo is message to a conversation of type t.
func messageTo(t chat.ConversationType, to, text, localID string) object {
	body := message(to, text, localID)
	body["conversationType"] = t
	return body
}

// send sends one and returns its ID.
func (p person) send(to person, text, localID string) string {
	p.t.Helper()
	return p.post(message(to.ID, text, localID))
}

// post sends a body of send and returns the message's ID.
func (p person) post(body object) string {
	p.t.Helper()
	answer := p.call(http.MethodPost, "/send", body)
	m, _ := answer["message"].(map[string]any)
	id, _ := m["messageID"].(string)
	if id == "" {
		p.t.Fatalf("send answered %v", answer)
	}
	return id
}

// waitShade waits until the device shows exactly the announcements ids.
func waitShade(t *testing.T, d phone, ids ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	err := world.FCM.Wait(ctx, func(s *standin.Server) bool { return len(s.Shade(d.token)) >= len(ids) })
	if err != nil {
		t.Fatalf("device shows %d notifications, want %d: %v", len(world.FCM.Shade(d.token)), len(ids), err)
	}
	assertShade(t, d, ids...)
}

// assertShade checks what the device shows; FCM promises no order.
func assertShade(t *testing.T, d phone, ids ...string) {
	t.Helper()
	var got []string
	for _, n := range world.FCM.Shade(d.token) {
		got = append(got, n.Tag)
	}
	slices.Sort(got)
	want := slices.Sorted(slices.Values(ids))
	if !slices.Equal(got, want) {
		t.Fatalf("device shows %v, want %v", got, want)
	}
}

// waitLogged waits until the functions have logged what ("planned" or, of a
// finished batch, "dispatched") of the message id, which is the last they do.
func waitLogged(t *testing.T, what, id string) {
	t.Helper()
	err := harness.Poll(t.Context(), within, func(context.Context) error {
		for line := range bytes.Lines(world.log.Bytes()) {
			if bytes.Contains(line, []byte(`"message":"`+what+`"`)) && bytes.Contains(line, []byte(`"subjectID":"`+id+`"`)) &&
				!bytes.Contains(line, []byte(`"done":false`)) {
				return nil
			}
		}
		return fmt.Errorf("%s is not %s", id, what)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// settle waits until nothing that earlier tests began is under way: for half a
// second nobody asks the emulators for anything. What counts requests starts with
// it.
func settle(t *testing.T) {
	t.Helper()
	const quiet = 25 // looks, 20 ms apart
	last, same := "", 0
	err := harness.Poll(t.Context(), within, func(context.Context) error {
		now := fmt.Sprint(world.firestore.Snapshot().Calls, world.pubsub.Snapshot().Calls)
		if now != last {
			last, same = now, 0
		}
		if same++; same <= quiet {
			return fmt.Errorf("the emulators are still asked: %s", now)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// waitDelivered waits until n events of name have been handled in all.
func waitDelivered(t *testing.T, name string, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	if err := world.Gate.WaitDelivered(ctx, name, n); err != nil {
		t.Fatal(err)
	}
}

func waitHeld(t *testing.T, name string, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	if err := world.Gate.WaitHeld(ctx, name, n); err != nil {
		t.Fatal(err)
	}
}

// pause holds the events of name until the returned function is called; the
// test's end does so too.
func pause(t *testing.T, name string) (resume func()) {
	world.Gate.Pause(name)
	resume = func() { world.Gate.Resume(name) }
	t.Cleanup(resume)
	return resume
}

// answered is the events of name that were handled so far.
func answered(name string) int { return world.Gate.Counts(name).Delivered }
