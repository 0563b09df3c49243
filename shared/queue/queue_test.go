package queue

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/fanout"
	"github.com/doorbell-push/doorbell/shared/push"
)

// batch has n targets and no field at its zero value.
func batch(n int) push.Batch {
	b := push.Batch{ID: "b1", PlannedAt: 3, Announcement: push.Announcement{
		Kind: push.KindMessage, ID: "m1", SenderUserID: "alice", CID: "c", ConversationID: "alice", ConversationType: chat.Group, Priority: chat.High,
		Push:      chat.PushConfig{Title: "t", Content: "c\u2028<&>👋", Payload: "p", ResourcesID: "r", ThreadID: "th", EnableBadge: true, BadgeIncrement: 2},
		CreatedAt: 1, ExpiresAt: 2,
	}}
	for i := range n {
		b.Targets = append(b.Targets, push.Target{UserID: "bob", PushID: fmt.Sprint("p", i), Platform: device.Web, Kind: device.KindToken, Value: "tok", Badge: 4})
	}
	return b
}

// event is a push message's event around the data.
func event(data string) string {
	return fmt.Sprintf(`{"subscription":"s","message":{"data":%q,"attributes":{"a":"b"},"messageId":"1","publishTime":"2026-01-01T00:00:00Z"}}`,
		base64.StdEncoding.EncodeToString([]byte(data)))
}

func encode(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestDecode(t *testing.T) {
	for _, n := range []int{1, push.MaxBatch} {
		want := batch(n)
		if got, err := Decode([]byte(event(encode(t, want)))); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%d targets: got %+v, %v", n, got, err)
		}
	}
}

// said is err's text. The decoder words one of its sentences in two ways, so that
// nobody relies on it.
func said(err error) string { return strings.ReplaceAll(err.Error(), "unable to", "cannot") }

func TestDecodeRefuses(t *testing.T) {
	without := func(edit func(*push.Batch)) string {
		b := batch(1)
		edit(&b)
		return event(encode(t, b))
	}
	for name, tc := range map[string]struct{ data, want string }{
		"nothing":         {``, "jsontext: unexpected EOF"},
		"not JSON":        {`x`, "jsontext: invalid character 'x' at start of value"},
		"no message":      {`{}`, "jsontext: unexpected EOF"},
		"null":            {`null`, "jsontext: unexpected EOF"},
		"not base64":      {`{"message":{"data":"!"}}`, `json: cannot unmarshal JSON string into Go []uint8 within "/message/data": illegal base64 data at input byte 0`},
		"empty data":      {event(``), "jsontext: unexpected EOF"},
		"data not JSON":   {event(`x`), "jsontext: invalid character 'x' at start of value"},
		"data null":       {event(`null`), "no batch in the message"},
		"an array":        {event(`[]`), "json: cannot unmarshal JSON array into Go push.Batch"},
		"trailing data":   {event(encode(t, batch(1)) + "{}"), fmt.Sprintf("jsontext: invalid character '{' after top-level value after offset %d", len(encode(t, batch(1))))},
		"an empty object": {event(`{}`), "no batch in the message"},
		"no ID":           {without(func(b *push.Batch) { b.ID = "" }), "no batch in the message"},
		"no announcement": {without(func(b *push.Batch) { b.Announcement.ID = "" }), "no batch in the message"},
		"no targets":      {event(encode(t, batch(0))), "batch b1 has 0 targets: 1 to 500"},
		"many targets":    {event(encode(t, batch(push.MaxBatch+1))), "batch b1 has 501 targets: 1 to 500"},
		"a platform of no number": {event(strings.Replace(encode(t, batch(1)), `"f":6`, `"f":77`, 1)),
			`json: cannot unmarshal JSON number into Go device.Platform within "/targets/0/f": ` + device.ErrPlatform.Error()},
		"a name twice": {event(strings.Replace(encode(t, batch(1)), `"u":"bob"`, `"u":"bob","u":"eve"`, 1)),
			`jsontext: duplicate object member name "u" within "/targets/0"`},
		"the batch twice":    {`{"message":{"data":"e30="},"message":{"data":"e30="}}`, `jsontext: duplicate object member name "message"`},
		"in another case":    {event(strings.Replace(encode(t, batch(1)), `"id":"b1"`, `"ID":"b1"`, 1)), "no batch in the message"},
		"no UTF-8":           {event(strings.Replace(encode(t, batch(1)), `bob`, "\xff", 1)), `jsontext: invalid UTF-8 within "/targets/0/u" after offset 335`},
		"a number in quotes": {event(strings.Replace(encode(t, batch(1)), `"b":4`, `"b":"4"`, 1)), `json: cannot unmarshal JSON string into Go int within "/targets/0/b"`},
	} {
		if got, err := Decode([]byte(tc.data)); err == nil || said(err) != "decode push batch: "+tc.want {
			t.Errorf("%s: got %+v, %v; want %s", name, got, err, tc.want)
		}
	}
}

// While a deployment rolls, a newer publisher's fields reach an older reader: it
// passes them over, wherever they stand.
func TestDecodeOfALaterVersion(t *testing.T) {
	want := batch(2)
	later := strings.NewReplacer(`"u":"bob"`, `"later":{"a":[1]},"u":"bob"`, `"kind":"message"`, `"kind":"message","later":null`).Replace(encode(t, want))
	if got, err := Decode([]byte(event(`{"later":1,` + later[1:]))); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(event(encode(f, batch(2)))))
	f.Add([]byte(event(`{"id":"b","announcement":{"id":"m"},"targets":[{}]}`)))
	f.Add([]byte(event(`{"id":"b","announcement":{"id":"m"},"targets":[{"f":"android"}],"plannedAt":1e30}`)))
	f.Add([]byte(`{"message":{"data":null}}`))
	f.Add([]byte(`{"message":{"data":"e30="},"message":{}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := Decode(data)
		if err != nil {
			return
		}
		if b.ID == "" || b.Announcement.ID == "" || len(b.Targets) == 0 || len(b.Targets) > push.MaxBatch {
			t.Fatalf("accepted %+v", b)
		}
		encoded := encode(t, b)
		if strings.Contains(encoded, `"f":0`) {
			return // a target without a platform isn't written by us
		}
		if again, err := Decode([]byte(event(encoded))); err != nil || !reflect.DeepEqual(again, b) {
			t.Fatalf("decoded %+v, and again %+v, %v", b, again, err)
		}
	})
}

// topics are on Pub/Sub's own fake, with the topics named.
func topics(t *testing.T, names ...string) (*Topics, *pstest.Server) {
	t.Helper()
	server := pstest.NewServer()
	t.Cleanup(func() { server.Close() })
	conn, err := grpc.NewClient(server.Addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	client, err := pubsub.NewClient(t.Context(), "demo", option.WithGRPCConn(conn))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	for _, name := range names {
		if _, err := client.TopicAdminClient.CreateTopic(t.Context(), &pubsubpb.Topic{Name: "projects/demo/topics/" + name}); err != nil {
			t.Fatal(err)
		}
	}
	return NewTopics(client, Names{Push: "push", Urgent: "urgent", Dead: "push-dead", Fanout: "fanout", FanoutDead: "fanout-dead", Sweep: "sweep"}), server
}

func TestPublish(t *testing.T) {
	q, server := topics(t, "push", "urgent", "push-dead")
	low := batch(2)
	low.Announcement.Priority = chat.Medium
	for name, tc := range map[string]struct {
		batch      push.Batch
		publish    func(context.Context, push.Batch) error
		topic      string
		attributes map[string]string
	}{
		"push":               {low, q.Publish, "push", map[string]string{"batch": "b1", "kind": "message", "subjectID": "m1"}},
		"urgent":             {batch(push.MaxBatch - 1), q.Publish, "urgent", map[string]string{"batch": "b1", "kind": "message", "subjectID": "m1"}},
		"urgent to too many": {batch(push.MaxBatch), q.Publish, "push", map[string]string{"batch": "b1", "kind": "message", "subjectID": "m1"}},
		"dead letter": {low, func(ctx context.Context, b push.Batch) error { return q.PublishDead(ctx, b, "credentials") }, "push-dead",
			map[string]string{"batch": "b1", "kind": "message", "subjectID": "m1", "reason": "credentials"}},
	} {
		want := tc.batch
		server.ClearMessages()
		if err := tc.publish(t.Context(), want); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		published := server.Messages()
		if len(published) != 1 || published[0].Topic != "projects/demo/topics/"+tc.topic || !maps.Equal(published[0].Attributes, tc.attributes) {
			t.Errorf("%s: published %+v", name, published)
			continue
		}
		if got, err := Decode([]byte(event(string(published[0].Data)))); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: published %+v, %v", name, got, err)
		}
	}
}

func TestPublishSweep(t *testing.T) {
	q, server := topics(t, "sweep")
	want := call.Due{CallID: "c", At: 7}
	if err := q.PublishSweep(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	published := server.Messages()
	if len(published) != 1 || published[0].Topic != "projects/demo/topics/sweep" ||
		!maps.Equal(published[0].Attributes, map[string]string{"kind": "call", "subjectID": call.ID("c")}) {
		t.Fatalf("published %+v", published)
	}
	if got, err := DecodeSweep([]byte(event(string(published[0].Data)))); err != nil || got != want {
		t.Errorf("published %+v, %v", got, err)
	}
}

func TestDecodeSweep(t *testing.T) {
	for data, want := range map[string]call.Due{
		event(`{}`):                                    {}, // the clock's
		event(`{"callID":"c","dueAt":7}`):              {CallID: "c", At: 7},
		event(`{"later":1,"callID":"x_-9","dueAt":1}`): {CallID: "x_-9", At: 1},
	} {
		if got, err := DecodeSweep([]byte(data)); err != nil || got != want {
			t.Errorf("%s: %+v, %v", data, got, err)
		}
	}
	for name, data := range map[string]string{
		"nothing": ``, "no message": `{}`, "no data": `{"message":{}}`, "data of no JSON": event(`x`), "empty data": event(``),
		"a list": event(`[]`), "no time": event(`{"callID":"c"}`), "no call": event(`{"dueAt":7}`), "before 1970": event(`{"callID":"c","dueAt":-7}`),
		"no callID": event(`{"callID":"a b","dueAt":7}`), "a path": event(`{"callID":"../c","dueAt":7}`), "a text": event(`{"callID":"c","dueAt":"7"}`),
	} {
		if got, err := DecodeSweep([]byte(data)); err == nil || !strings.HasPrefix(err.Error(), "decode sweep: ") {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func FuzzDecodeSweep(f *testing.F) {
	f.Add([]byte(event(`{}`)))
	f.Add([]byte(event(`{"callID":"c","dueAt":7}`)))
	f.Add([]byte(`{"message":{"data":null}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := DecodeSweep(data)
		if err != nil {
			return
		}
		if d != (call.Due{}) && d.Check() != nil {
			t.Fatalf("accepted %+v", d)
		}
		if again, err := DecodeSweep([]byte(event(encode(t, d)))); err != nil || again != d {
			t.Fatalf("decoded %+v, and again %+v, %v", d, again, err)
		}
	})
}

// Publish returns when Pub/Sub has the batch, or an error: never before.
func TestPublishFails(t *testing.T) {
	q, _ := topics(t) // without topics
	for want, err := range map[string]error{
		"publish batch b1: ":      q.Publish(t.Context(), batch(1)),
		"ask for a sweep: ":       q.PublishSweep(t.Context(), call.Due{CallID: "c", At: 7}),
		"publish dead batch b1: ": q.PublishDead(t.Context(), batch(1), "quota"),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s…", err, want)
		}
	}
}

// task has no field at its zero value.
func task() fanout.Task {
	return fanout.Task{ID: "t1", FirstChunk: 14, Chunks: 14, Message: chat.Message{
		MessageID: "m1", LocalMessageID: "l", SenderUserID: "alice", ConversationID: "g", ConversationType: chat.Group, OrderKey: 7,
		Push: &chat.PushConfig{Title: "t", Content: "c"}, ForcePush: true, MentionedUserIDs: []string{"bob"},
		Fanout: &chat.Fanout{Chunks: 40, Members: 10_000},
	}}
}

func TestPublishTask(t *testing.T) {
	q, server := topics(t, "push", "fanout")
	if err := q.PublishTask(t.Context(), task()); err != nil {
		t.Fatal(err)
	}
	published := server.Messages()
	if len(published) != 1 || published[0].Topic != "projects/demo/topics/fanout" ||
		!maps.Equal(published[0].Attributes, map[string]string{"task": "t1", "kind": "message", "subjectID": "m1"}) {
		t.Fatalf("published %+v", published)
	}
	if got, err := DecodeTask([]byte(event(string(published[0].Data)))); err != nil || !reflect.DeepEqual(got, task()) {
		t.Errorf("published %+v, %v", got, err)
	}
	q, server = topics(t, "fanout-dead")
	whole := task()
	whole.FirstChunk, whole.Chunks = 0, 0
	if err := q.PublishDeadTask(t.Context(), whole, "not_planned"); err != nil {
		t.Fatal(err)
	}
	published = server.Messages()
	if len(published) != 1 || published[0].Topic != "projects/demo/topics/fanout-dead" ||
		!maps.Equal(published[0].Attributes, map[string]string{"task": "t1", "kind": "message", "subjectID": "m1", "reason": "not_planned"}) {
		t.Fatalf("published %+v", published)
	}
	if got, err := DecodeTask([]byte(event(string(published[0].Data)))); err != nil || !reflect.DeepEqual(got, whole) {
		t.Errorf("published %+v, %v", got, err)
	}
	q, _ = topics(t) // without topics
	if err := q.PublishDeadTask(t.Context(), task(), "not_planned"); err == nil {
		t.Error("published to no topic")
	}
	if err := q.PublishTask(t.Context(), task()); err == nil || !strings.HasPrefix(err.Error(), "publish fan-out task t1: ") {
		t.Errorf("got %v", err)
	}
}

func TestDecodeTaskRefuses(t *testing.T) {
	with := func(edit func(*fanout.Task)) string {
		v := task()
		edit(&v)
		return event(encode(t, v))
	}
	const none = "no fan-out task in the message"
	for name, tc := range map[string]struct{ data, want string }{
		"nothing":        {``, "jsontext: unexpected EOF"},
		"empty":          {event(`{}`), none},
		"no ID":          {with(func(v *fanout.Task) { v.ID = "" }), none},
		"no message":     {with(func(v *fanout.Task) { v.Message.MessageID = "" }), none},
		"no push":        {with(func(v *fanout.Task) { v.Message.Push = nil }), none},
		"no chunks":      {with(func(v *fanout.Task) { v.Chunks = 0 }), "task t1 has 0 chunks from 14 on: 1 to 14 from 0 on"},
		"too many":       {with(func(v *fanout.Task) { v.Chunks = 15 }), "task t1 has 15 chunks from 14 on: 1 to 14 from 0 on"},
		"of no group":    {with(func(v *fanout.Task) { v.Message.Fanout = nil }), "task t1 has chunks of a message that is for no group"},
		"before the one": {with(func(v *fanout.Task) { v.FirstChunk = -1 }), "task t1 has 14 chunks from -1 on: 1 to 14 from 0 on"},
	} {
		if got, err := DecodeTask([]byte(tc.data)); err == nil || said(err) != "decode fan-out task: "+tc.want {
			t.Errorf("%s: got %+v, %v; want %s", name, got, err, tc.want)
		}
	}
}

func FuzzDecodeTask(f *testing.F) {
	f.Add([]byte(event(encode(f, task()))))
	f.Add([]byte(event(`{"id":"t","message":{"messageID":"m","push":{}},"chunks":1}`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := DecodeTask(data)
		if err == nil && (v.ID == "" || v.Message.Push == nil || v.FirstChunk < 0 || v.Chunks < 0 || (v.Chunks == 0 && v.FirstChunk > 0) || v.Chunks > fanout.TaskChunks || (v.Chunks > 0 && v.Message.Fanout == nil)) {
			t.Fatalf("accepted %+v", v)
		}
	})
}

// What is published in a trace says so, beside its other attributes.
func TestTraceparent(t *testing.T) {
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for data, want := range map[string]string{
		`{"message":{"data":"","attributes":{"traceparent":"` + trace + `"}}}`: trace,
		event("{}"): "", "": "", "[]": "", `{"message":{"attributes":3}}`: "",
	} {
		if got := Traceparent([]byte(data)); got != want {
			t.Errorf("%s: %q", data, got)
		}
	}
}
