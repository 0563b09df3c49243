package harness

import (
	"cloud.google.com/go/firestore/apiv1/firestorepb"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
)

// observer watches the messages of one call and adds what they cost. Its methods are called under the counter's lock, each message
// before it is passed on, so that whoever has the answer finds it counted.
type observer struct {
	request  func(*RPCs, []byte)
	response func(*RPCs, []byte)
	finish   func(*RPCs, []byte) // the call ended well; there is no message
}

// observers makes an observer for each method whose messages matter.
var observers = map[string]func() observer{
	"/google.firestore.v1.Firestore/BatchGetDocuments":   batchGet,
	"/google.firestore.v1.Firestore/GetDocument":         getDocument,
	"/google.firestore.v1.Firestore/RunQuery":            runQuery,
	"/google.firestore.v1.Firestore/RunAggregationQuery": runAggregation,
	"/google.firestore.v1.Firestore/ListDocuments":       listDocuments,
	"/google.firestore.v1.Firestore/Listen":              listen,
	"/google.firestore.v1.Firestore/Commit":              commit,
	"/google.firestore.v1.Firestore/BatchWrite":          batchWrite,
	"/google.pubsub.v1.Publisher/Publish":                publish,
}

func batchGet() observer {
	return observer{
		// Billed when answered: a missing document costs a read, too.
		response: reading(func(t *RPCs, m *firestorepb.BatchGetDocumentsResponse) {
			switch m.GetResult().(type) {
			case *firestorepb.BatchGetDocumentsResponse_Found:
				t.DocumentsFound++
			case *firestorepb.BatchGetDocumentsResponse_Missing:
			default: // only opens a transaction or tells the read time
				return
			}
			t.DocumentsRequested++
			t.Reads++
		}),
	}
}

func getDocument() observer {
	return observer{
		request: func(t *RPCs, _ []byte) {
			t.DocumentsRequested++
			t.Reads++
		},
		response: func(t *RPCs, _ []byte) { t.DocumentsFound++ },
	}
}

func runQuery() observer {
	documents := 0
	return observer{
		response: reading(func(t *RPCs, m *firestorepb.RunQueryResponse) {
			if m.GetDocument() != nil {
				documents++
				t.DocumentsReturned++
				t.Reads++
			}
		}),
		finish: func(t *RPCs, _ []byte) { t.Reads += max(1-documents, 0) },
	}
}

func runAggregation() observer {
	return observer{finish: func(t *RPCs, _ []byte) { t.Reads++ }}
}

func listDocuments() observer {
	return observer{
		response: reading(func(t *RPCs, m *firestorepb.ListDocumentsResponse) {
			t.DocumentsReturned += len(m.GetDocuments())
			t.Reads += max(len(m.GetDocuments()), 1)
		}),
	}
}

func listen() observer {
	return observer{
		response: reading(func(t *RPCs, m *firestorepb.ListenResponse) {
			if m.GetDocumentChange() != nil {
				t.DocumentsReturned++
				t.Reads++
			}
		}),
	}
}

func commit() observer {
	var writes []*firestorepb.Write
	return observer{
		request: reading(func(_ *RPCs, m *firestorepb.CommitRequest) { writes = m.GetWrites() }),
		finish:  func(t *RPCs, _ []byte) { t.wrote(writes) },
	}
}

func batchWrite() observer {
	var writes []*firestorepb.Write
	return observer{
		request: reading(func(_ *RPCs, m *firestorepb.BatchWriteRequest) { writes = m.GetWrites() }),
		response: reading(func(t *RPCs, m *firestorepb.BatchWriteResponse) {
			var done []*firestorepb.Write
			for i, status := range m.GetStatus() {
				if i < len(writes) && codes.Code(status.GetCode()) == codes.OK {
					done = append(done, writes[i])
				}
			}
			t.wrote(done)
		}),
	}
}

func (a *RPCs) wrote(writes []*firestorepb.Write) {
	a.Commits = append(a.Commits, len(writes))
	a.Writes += len(writes)
	for _, write := range writes {
		if write.GetDelete() != "" {
			a.Deletes++
		}
	}
}

func publish() observer {
	var messages []*pubsubpb.PubsubMessage
	return observer{
		request: reading(func(_ *RPCs, m *pubsubpb.PublishRequest) { messages = m.GetMessages() }),
		finish: func(t *RPCs, _ []byte) {
			t.PublishedMessages += len(messages)
			for _, message := range messages {
				t.PublishedBytes += len(message.GetData())
				for key, value := range message.GetAttributes() {
					t.PublishedBytes += len(key) + len(value)
				}
			}
		},
	}
}

// reading turns a function of a decoded message into one of raw bytes.
func reading[T any, M interface {
	*T
	proto.Message
}](observe func(*RPCs, M)) func(*RPCs, []byte) {
	return func(t *RPCs, raw []byte) {
		m := M(new(T))
		if err := proto.Unmarshal(raw, m); err != nil {
			t.Undecoded++
			return
		}
		observe(t, m)
	}
}
