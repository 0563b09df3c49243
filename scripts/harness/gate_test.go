package harness

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	triggerPath = "/functions/projects/p/triggers/on-message"
	pushBody    = `{"subscription":"projects/p/subscriptions/dispatch","message":{"data":"aGk="}}`
)

// functions is a functions server that answers with the statuses given, then 200.
type functions struct {
	*httptest.Server
	mu       sync.Mutex
	statuses []int
	bodies   []string
}

func startFunctions(t *testing.T, statuses ...int) *functions {
	f := &functions{statuses: statuses}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *functions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bodies = append(f.bodies, r.URL.Path+" "+r.Header.Get("ce-id")+" "+string(body))
	if len(f.statuses) > 0 {
		w.WriteHeader(f.statuses[0])
		f.statuses = f.statuses[1:]
	}
}

func startGate(t *testing.T, target string) *Gate {
	t.Helper()
	g, err := NewGate("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	g.SetTarget(target)
	return g
}

// post sends an event as an emulator does and returns the Gate's answer.
func post(t *testing.T, g *Gate, path, body string) int {
	t.Helper()
	status, _, err := Client{BaseURL: "http://" + g.Addr(), Header: http.Header{"Ce-Id": {"e1"}}}.Try(t.Context(), "POST", path, body)
	if err != nil {
		t.Fatal(err)
	}
	return status
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func wait(t *testing.T, g *Gate, name string, cond func(GateCounts) bool) {
	t.Helper()
	if err := g.Wait(within(t), name, cond); err != nil {
		t.Fatal(err)
	}
}

func statuses(g *Gate, name string) (list []int) {
	for _, d := range g.Deliveries(name) {
		list = append(list, d.Status)
	}
	return list
}

func TestFunctionName(t *testing.T) {
	for _, test := range []struct{ path, body, want string }{
		{triggerPath, "", "on-message"},
		{triggerPath, pushBody, "on-message"},
		{"/push/whatever", pushBody, "dispatch"},
		{"/dispatch", `{"message":{}}`, "dispatch"},
		{"/dispatch", "\x00", "dispatch"},
	} {
		if got := FunctionName(test.path, []byte(test.body)); got != test.want {
			t.Errorf("FunctionName(%q, %q) = %q, want %q", test.path, test.body, got, test.want)
		}
	}
}

func TestFirestoreEventIsRedeliveredUntilAccepted(t *testing.T) {
	f := startFunctions(t, 500, 503)
	g := startGate(t, f.URL)
	if status := post(t, g, triggerPath, "event"); status != 200 {
		t.Errorf("answer to the emulator %d, want 200 at once", status)
	}
	if err := g.WaitDelivered(within(t), "on-message", 1); err != nil {
		t.Fatal(err)
	}
	if got := statuses(g, "on-message"); !slices.Equal(got, []int{500, 503, 200}) {
		t.Errorf("statuses %v, want 500 503 200", got)
	}
	want := triggerPath + " e1 event"
	if !slices.Equal(f.bodies, []string{want, want, want}) {
		t.Errorf("the functions server got %q", f.bodies)
	}
	if got := g.Deliveries("on-message")[0]; got.Header.Get("ce-id") != "e1" || string(got.Body) != "event" || got.Path != triggerPath {
		t.Errorf("recorded %+v", got)
	}
}

func TestFirestoreEventOutlivesItsFunctionsServer(t *testing.T) {
	dead := startFunctions(t)
	dead.Close()
	g := startGate(t, dead.URL)
	post(t, g, triggerPath, "event")
	wait(t, g, "on-message", func(c GateCounts) bool { return c.Failed > 0 })
	g.SetTarget(startFunctions(t).URL)
	wait(t, g, "on-message", func(c GateCounts) bool { return c.Delivered == 1 })
	if got := statuses(g, "on-message")[0]; got != 0 {
		t.Errorf("the server that was not reached is recorded as %d, want 0", got)
	}
}

func TestPushIsAnsweredByTheFunction(t *testing.T) {
	f := startFunctions(t, 204, 429)
	g := startGate(t, f.URL)
	for _, want := range []int{204, 429, 200} {
		if got := post(t, g, "/dispatch", pushBody); got != want {
			t.Errorf("answer %d, want %d", got, want)
		}
	}
	f.Close()
	if got := post(t, g, "/dispatch", pushBody); got != 502 {
		t.Errorf("answer without a functions server %d, want 502", got)
	}
	if got, want := g.Counts("dispatch"), (GateCounts{Arrived: 4, Delivered: 2, Failed: 2}); got != want {
		t.Errorf("counts %+v, want %+v", got, want)
	}
}

func TestPauseHoldsUntilResume(t *testing.T) {
	f := startFunctions(t)
	g := startGate(t, f.URL)
	g.Pause("on-message")
	post(t, g, triggerPath, "1")
	post(t, g, triggerPath, "2")
	if err := g.WaitHeld(within(t), "on-message", 2); err != nil {
		t.Fatal(err)
	}
	if got := post(t, g, "/dispatch", pushBody); got != 200 {
		t.Errorf("another function's event was answered %d", got)
	}
	if n := g.Counts("on-message").Delivered; n != 0 {
		t.Errorf("%d events passed a paused function", n)
	}
	g.Resume("on-message")
	wait(t, g, "on-message", func(c GateCounts) bool { return c.Delivered == 2 && c.Held == 0 })
}

func TestNoTargetHolds(t *testing.T) {
	g := startGate(t, "")
	post(t, g, triggerPath, "event")
	wait(t, g, "on-message", func(c GateCounts) bool { return c.Held == 1 })
	g.SetTarget(startFunctions(t).URL)
	wait(t, g, "on-message", func(c GateCounts) bool { return c.Delivered == 1 })
}

func TestTargetOfAFunction(t *testing.T) {
	others, own := startFunctions(t), startFunctions(t, http.StatusAccepted)
	g := startGate(t, "")
	g.SetTargetOf("dispatch", own.URL+"/")
	if got := post(t, g, "/dispatch", "e"); got != http.StatusAccepted {
		t.Errorf("answered %d", got)
	}
	g.SetTarget(others.URL)
	post(t, g, "/dispatch", "e")
	if got := post(t, g, "/sweep", "e"); got != http.StatusOK || len(others.bodies) != 1 || len(own.bodies) != 2 {
		t.Errorf("answered %d; the others got %q, and it %q", got, others.bodies, own.bodies)
	}
}

func TestDuplicate(t *testing.T) {
	g := startGate(t, startFunctions(t).URL)
	g.Duplicate("dispatch", 3, false)
	post(t, g, "/dispatch", pushBody)
	if n := g.Counts("dispatch").Delivered; n != 3 {
		t.Errorf("delivered %d times, want 3", n)
	}
	g.Duplicate("dispatch", 1, false)
	post(t, g, "/dispatch", pushBody)
	if n := g.Counts("dispatch").Delivered; n != 4 {
		t.Errorf("delivered %d times, want 4", n)
	}
}

func TestDuplicateConcurrently(t *testing.T) {
	var together sync.WaitGroup // reached by all copies or the test hangs
	together.Add(3)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		together.Done()
		together.Wait()
	}))
	t.Cleanup(server.Close)
	g := startGate(t, server.URL)
	g.Duplicate("dispatch", 3, true)
	if got := post(t, g, "/dispatch", pushBody); got != 200 {
		t.Errorf("answer %d, want 200", got)
	}
}

func TestDuplicateAnswersAFailedCopy(t *testing.T) {
	g := startGate(t, startFunctions(t, 200, 409, 200).URL)
	g.Duplicate("dispatch", 3, false)
	if got := post(t, g, "/dispatch", pushBody); got != 409 {
		t.Errorf("answer %d, want the failed copy's 409", got)
	}
}

func TestDropAnswerDeliversAgain(t *testing.T) {
	g := startGate(t, startFunctions(t).URL)
	g.DropAnswer("on-message", 2)
	post(t, g, triggerPath, "event")
	wait(t, g, "on-message", func(c GateCounts) bool { return c.Delivered == 3 })
	if n := g.Counts("on-message").Arrived; n != 1 {
		t.Errorf("arrived %d times, want 1", n)
	}
}

func TestFailRefusesWithoutForwarding(t *testing.T) {
	g := startGate(t, startFunctions(t).URL)
	g.Fail("dispatch", -1)
	for range 3 {
		if got := post(t, g, "/dispatch", pushBody); got != 503 {
			t.Errorf("answer %d, want 503", got)
		}
	}
	g.Reset()
	if got := post(t, g, "/dispatch", pushBody); got != 200 {
		t.Errorf("answer after Reset %d, want 200", got)
	}
	if got, want := g.Counts("dispatch"), (GateCounts{Arrived: 1, Delivered: 1}); got != want {
		t.Errorf("counts since Reset %+v, want %+v", got, want)
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	g := startGate(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := g.WaitDelivered(ctx, "on-message", 1)
	if err == nil || !strings.Contains(err.Error(), "on-message") {
		t.Errorf("error %v, want one that names the function", err)
	}
}

func TestCloseEndsHeldEvents(t *testing.T) {
	g := startGate(t, "")
	post(t, g, triggerPath, "event")
	wait(t, g, "on-message", func(c GateCounts) bool { return c.Held == 1 })
	g.Close() // returns
}
