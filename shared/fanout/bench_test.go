package fanout

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path"
	"runtime"
	"strconv"
	"testing"
	"time"

	"cloud.google.com/go/firestore"
	"cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
	"github.com/doorbell-push/doorbell/shared/store"
)

// BenchmarkPlan is what the plan of a message costs a receiver, of whom four in five
// are away: with their presence in memory already, and as the Firestore client
// decodes it from protobuf. There the other end of the connection, which has its
// answers encoded, is in this process and counts too.
func BenchmarkPlan(b *testing.B) {
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.NewJSONHandler(io.Discard, nil)))
	const most = 100_000
	all := people{}
	for i := range most {
		all[userID(i)] = user(i)
	}
	for _, source := range []struct {
		name     string
		presence Presence
	}{{"decoded", all}, {"protobuf", served(b, most)}} {
		for _, members := range []int{1, 100, 10_000, most} {
			b.Run(source.name+"/"+strconv.Itoa(members), func(b *testing.B) {
				roster := newChunks(members)
				f := &Fanout{
					Presence: source.presence, Roster: roster, Publisher: nowhere{}, Now: func() time.Time { return now },
					PushTTL: time.Hour, Retention: time.Hour, Threshold: 2000,
				}
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				for b.Loop() {
					roster.plan(b, f)
				}
				runtime.ReadMemStats(&after)
				receivers := float64(b.N) * float64(members)
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/receivers, "ns/receiver")
				b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/receivers, "B/receiver")
				b.ReportMetric(float64(after.Mallocs-before.Mallocs)/receivers, "allocs/receiver")
			})
		}
	}
}

// people are users, by ID.
type people map[string]*presence.User

func userID(i int) string { return fmt.Sprintf("u%06d", i) }

// user is the i-th, with one device.
func user(i int) *presence.User {
	d := device.Device{
		PushID: fmt.Sprintf("pushid%020d", i), DeviceID: "d", Platform: device.Android, Popup: true, Locale: "en-GB", SDKVersion: "1.0.0",
		Target: device.Target{Kind: device.KindToken, Value: fmt.Sprintf("%0142d", i)}, SeenAt: now, TargetAt: now,
	}
	if i%5 == 4 {
		online(&d)
	}
	return &presence.User{UserID: userID(i), Devices: map[string]device.Device{d.PushID: d}}
}

func (p people) Users(_ context.Context, ids []string) (map[string]*presence.User, error) {
	out := make(map[string]*presence.User, len(ids))
	for _, id := range ids {
		out[id] = p[id]
	}
	return out, nil
}

// chunks are a group's roster.
type chunks []map[string]group.Entry

func newChunks(members int) (c chunks) {
	for i := range members {
		if i%group.MaxChunk == 0 {
			c = append(c, map[string]group.Entry{})
		}
		c[len(c)-1][userID(i)] = group.Entry{}
	}
	return c
}

func (c chunks) Roster(_ context.Context, _ string, n int) (map[string]group.Entry, error) {
	return c[n], nil
}

// plan plans a message to the group, or to its only member.
func (c chunks) plan(b *testing.B, f *Fanout) {
	m := message(func(m *chat.Message) { m.ConversationID, m.OrderKey = userID(0), 1 })
	if len(c[0]) == 1 {
		if err := f.Message(b.Context(), m); err != nil {
			b.Fatal(err)
		}
		return
	}
	members := (len(c)-1)*group.MaxChunk + len(c[len(c)-1])
	m.ConversationID, m.ConversationType, m.Fanout = "g", chat.Group, &chat.Fanout{Chunks: len(c), Members: members}
	for first := 0; first < len(c); first += TaskChunks {
		if err := f.Task(b.Context(), Task{Message: m, FirstChunk: first, Chunks: min(TaskChunks, len(c)-first)}); err != nil {
			b.Fatal(err)
		}
	}
}

// nowhere is where batches go.
type nowhere struct{}

func (nowhere) Publish(context.Context, push.Batch) error { return nil }

// served is the presence of n people behind the Firestore client.
func served(b *testing.B, n int) Presence {
	f := &fakeFirestore{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := grpc.NewServer(grpc.ForceServerCodecV2(asIs{}), grpc.UnknownServiceHandler(f.serve))
	go server.Serve(listener)
	b.Cleanup(server.Stop)
	client, err := firestore.NewClient(b.Context(), "demo", option.WithEndpoint(listener.Addr().String()), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { client.Close() })
	// Five documents as the client encodes them, and all others like them.
	var like []*firestorepb.Document
	for i := range 5 {
		if _, err := client.Collection("presence").Doc(userID(i)).Set(b.Context(), user(i)); err != nil {
			b.Fatal(err)
		}
		like = append(like, f.written)
	}
	f.answers = make(map[string][]byte, n)
	for i := range n {
		doc := like[i%5]
		doc.Name = path.Join(path.Dir(doc.Name), userID(i))
		f.answers[doc.Name] = encode(b, &firestorepb.BatchGetDocumentsResponse{
			Result: &firestorepb.BatchGetDocumentsResponse_Found{Found: doc}, ReadTime: timestamppb.New(now),
		})
	}
	return store.NewFirestore(client)
}

func encode(b *testing.B, m proto.Message) []byte {
	out, err := proto.Marshal(m)
	if err != nil {
		b.Fatal(err)
	}
	return out
}

// fakeFirestore keeps the document written last, and answers gets with what was
// encoded before.
type fakeFirestore struct {
	written *firestorepb.Document
	answers map[string][]byte // by document name
}

func (f *fakeFirestore) serve(_ any, s grpc.ServerStream) error {
	var in []byte
	if err := s.RecvMsg(&in); err != nil {
		return err
	}
	if method, _ := grpc.MethodFromServerStream(s); path.Base(method) == "Commit" {
		var r firestorepb.CommitRequest
		if err := proto.Unmarshal(in, &r); err != nil {
			return err
		}
		at := timestamppb.New(now)
		f.written = r.Writes[0].GetUpdate()
		f.written.CreateTime, f.written.UpdateTime = at, at
		answer, err := proto.Marshal(&firestorepb.CommitResponse{WriteResults: []*firestorepb.WriteResult{{}}, CommitTime: at})
		if err != nil {
			return err
		}
		return s.SendMsg(answer)
	}
	var r firestorepb.BatchGetDocumentsRequest
	if err := proto.Unmarshal(in, &r); err != nil {
		return err
	}
	for _, name := range r.Documents {
		if err := s.SendMsg(f.answers[name]); err != nil {
			return err
		}
	}
	return nil
}

// asIs takes messages for encoded already.
type asIs struct{}

func (asIs) Name() string { return "proto" }

func (asIs) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}

func (asIs) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}
