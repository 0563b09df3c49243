//go:build integration

package harness_test // scripts/system imports harness

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"

	"cloud.google.com/go/firestore"
	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/doorbell-push/doorbell/scripts/harness"
	"github.com/doorbell-push/doorbell/scripts/system"
)

// TestOfficialEmulators shows that the clients work through the counters, that the numbers are right and that the emulators' events
// come through the Gate. A fake stands for the functions: what they answer is not what is tested here.
func TestOfficialEmulators(t *testing.T) {
	l := local{Firestore: startCounter(t), PubSub: startCounter(t)}
	var err error
	l.System, err = system.Start(t.Context(), system.Options{Log: t.Output(), MinBackoff: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Stop)
	if err := errors.Join(l.Firestore.SetTarget(l.FirestoreHost()), l.PubSub.SetTarget(l.PubSubHost())); err != nil {
		t.Fatal(err)
	}
	functions := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(functions.Close)
	l.Gate.SetTarget(functions.URL)

	t.Setenv("FIRESTORE_EMULATOR_HOST", l.Firestore.Addr())
	t.Setenv("PUBSUB_EMULATOR_HOST", l.PubSub.Addr())
	db, err := firestore.NewClient(t.Context(), l.ProjectID)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	queue, err := pubsub.NewClient(t.Context(), l.ProjectID)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { queue.Close() })

	t.Run("firestore", func(t *testing.T) { countFirestore(t, l, db) })
	t.Run("pubsub", func(t *testing.T) { countPubSub(t, l, queue) })
	t.Run("listen", func(t *testing.T) { countListen(t, l, db) })
	t.Run("events", func(t *testing.T) { passEvents(t, l, db) })
}

// local is a system with counters before its emulators, for the test's own clients.
type local struct {
	*system.System
	Firestore, PubSub *harness.RPCCounter
}

func startCounter(t *testing.T) *harness.RPCCounter {
	t.Helper()
	counter, err := harness.NewRPCCounter("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(counter.Close)
	return counter
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// spent runs f and checks what it cost, whichever way the client asked for it.
func spent(t *testing.T, counter *harness.RPCCounter, want harness.RPCs, f func() error) {
	t.Helper()
	before := counter.Snapshot()
	if err := f(); err != nil {
		t.Fatal(err)
	}
	got := counter.Snapshot().Sub(before)
	if len(got.Commits) == 0 {
		got.Commits = nil
	}
	got.Errors = nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("cost     %v\nexpected %v", got, want)
	}
}

func countFirestore(t *testing.T, l local, db *firestore.Client) {
	ctx := t.Context()
	things := db.Collection("things")
	value := map[string]any{"n": 1}
	spent(t, l.Firestore, harness.RPCs{Calls: map[string]int{"Commit": 1}, Commits: []int{1}, Writes: 1}, func() error {
		_, err := things.Doc("a").Set(ctx, value)
		return err
	})
	spent(t, l.Firestore, harness.RPCs{
		Calls: map[string]int{"BatchGetDocuments": 1}, DocumentsRequested: 2, DocumentsFound: 1, Reads: 2,
	}, func() error {
		_, err := db.GetAll(ctx, []*firestore.DocumentRef{things.Doc("a"), things.Doc("none")})
		return err
	})
	spent(t, l.Firestore, harness.RPCs{Calls: map[string]int{"RunQuery": 2}, DocumentsReturned: 1, Reads: 2}, func() error {
		_, err1 := things.Documents(ctx).GetAll()
		_, err2 := db.Collection("nothing").Documents(ctx).GetAll()
		return errors.Join(err1, err2)
	})
	spent(t, l.Firestore, harness.RPCs{Calls: map[string]int{"RunAggregationQuery": 1}, Reads: 1}, func() error {
		_, err := things.NewAggregationQuery().WithCount("n").Get(ctx)
		return err
	})
	spent(t, l.Firestore, harness.RPCs{
		Calls:              map[string]int{"BeginTransaction": 1, "BatchGetDocuments": 1, "Commit": 1},
		DocumentsRequested: 1, DocumentsFound: 1, Reads: 1, Commits: []int{2}, Writes: 2, Deletes: 1,
	}, func() error {
		return db.RunTransaction(ctx, func(_ context.Context, tx *firestore.Transaction) error {
			if _, err := tx.Get(things.Doc("a")); err != nil {
				return err
			}
			return errors.Join(tx.Set(things.Doc("b"), value), tx.Delete(things.Doc("a")))
		})
	})
	spent(t, l.Firestore, harness.RPCs{Calls: map[string]int{"BatchWrite": 1}, Commits: []int{1}, Writes: 1}, func() error {
		bulk := db.BulkWriter(ctx)
		job, err := bulk.Set(things.Doc("c"), value)
		bulk.End()
		if err == nil {
			_, err = job.Results()
		}
		return err
	})
}

func countPubSub(t *testing.T, l local, queue *pubsub.Client) {
	l.Gate.Reset()
	topic := queue.Publisher("push")
	defer topic.Stop()
	before := l.PubSub.Snapshot()
	if _, err := topic.Publish(t.Context(), &pubsub.Message{Data: []byte("four"), Attributes: map[string]string{"k": "vv"}}).Get(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := l.PubSub.Snapshot().Sub(before)
	if got.Calls["Publish"] != 1 || got.PublishedMessages != 1 || got.PublishedBytes < 7 {
		t.Errorf("cost %v, want one message of 7 bytes or more", got)
	}
	if err := l.Gate.WaitDelivered(within(t), "dispatch", 1); err != nil {
		t.Error(err)
	}

	l.Gate.DropAnswer("dispatch", 1)
	request := &pubsubpb.PublishRequest{Topic: "projects/" + l.ProjectID + "/topics/push", Messages: []*pubsubpb.PubsubMessage{{Data: []byte("x")}}}
	if _, err := queue.TopicAdminClient.Publish(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	if err := l.Gate.WaitDelivered(within(t), "dispatch", 3); err != nil {
		t.Errorf("a push whose answer was lost did not come again: %v", err)
	}
}

func countListen(t *testing.T, l local, db *firestore.Client) {
	before := l.Firestore.Snapshot()
	thing := db.Collection("things").Doc("listened")
	snapshots := thing.Snapshots(within(t))
	if s, err := snapshots.Next(); err != nil || s.Exists() {
		t.Fatalf("first %v, %v, want no document", s, err)
	}
	if _, err := thing.Set(t.Context(), map[string]any{"n": 2}); err != nil {
		t.Fatal(err)
	}
	if s, err := snapshots.Next(); err != nil || !s.Exists() {
		t.Fatalf("second %v, %v, want the document", s, err)
	}
	snapshots.Stop()
	if got := l.Firestore.Snapshot().Sub(before); got.Calls["Listen"] != 1 || got.DocumentsReturned != 1 {
		t.Errorf("cost %v, want one Listen that returned one document", got)
	}
}

func passEvents(t *testing.T, l local, db *firestore.Client) {
	l.Gate.Reset()
	l.Gate.Fail("on-message", 1)
	l.Gate.Duplicate("on-message", 2, true)
	if _, err := db.Doc("conversations/c/messages/m").Create(t.Context(), map[string]any{"text": "hi"}); err != nil {
		t.Fatal(err)
	}
	if err := l.Gate.WaitDelivered(within(t), "on-message", 2); err != nil {
		t.Fatal(err)
	}
	event := l.Gate.Deliveries("on-message")[0]
	if got := event.Header.Get("ce-document"); got != "conversations/c/messages/m" || len(event.Body) == 0 {
		t.Errorf("event of %q with %d bytes", got, len(event.Body))
	}
	if got := l.Gate.Counts("on-message"); got.Refused != 1 || got.Arrived != 1 {
		t.Errorf("counts %+v, want one arrival, refused once", got)
	}
}
