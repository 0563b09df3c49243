package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
)

// MessageCreated decodes the data of a google.cloud.firestore.document.v1.created
// event on a message. The event holds the whole document, so it needn't be read.
func MessageCreated(data []byte) (m chat.Message, err error) {
	defer fault.Wrap(&err, "decode message event")
	return eventMessage(data, valueField)
}

// MessageChanged decodes the data of a google.cloud.firestore.document.v1.updated
// event on a message: the message before and after.
func MessageChanged(data []byte) (before, after chat.Message, err error) {
	defer fault.Wrap(&err, "decode message event")
	if after, err = eventMessage(data, valueField); err != nil {
		return before, after, err
	}
	before, err = eventMessage(data, oldValueField)
	return before, after, err
}

func eventMessage(data []byte, field protowire.Number) (m chat.Message, err error) {
	doc, err := eventDocument(data, field)
	if err != nil {
		return m, err
	}
	if doc == nil {
		return m, errors.New("no document in the event")
	}
	if err := decodeDocument(doc, &m); err != nil {
		return m, err
	}
	if m.MessageID == "" || !strings.HasSuffix(doc.GetName(), "/"+messagesCollection+"/"+m.MessageID) {
		return m, fmt.Errorf("document %q is not a message", doc.GetName())
	}
	return m, nil
}

// CallWritten decodes the data of a google.cloud.firestore.document.v1.written
// event on a call: the call before, nil for a new one, and after, nil for one
// that was deleted.
func CallWritten(data []byte) (before, after *call.Call, err error) {
	defer fault.Wrap(&err, "decode call event")
	if after, err = eventCall(data, valueField); err != nil {
		return nil, nil, err
	}
	if before, err = eventCall(data, oldValueField); err != nil {
		return nil, nil, err
	}
	if before == nil && after == nil {
		return nil, nil, errors.New("no document in the event")
	}
	return before, after, nil
}

func eventCall(data []byte, field protowire.Number) (*call.Call, error) {
	doc, err := eventDocument(data, field)
	if err != nil || doc == nil {
		return nil, err
	}
	c := &call.Call{}
	if err := decodeDocument(doc, c); err != nil {
		return nil, err
	}
	if c.CallID == "" || !strings.HasSuffix(doc.GetName(), "/"+callsCollection+"/"+call.ID(c.CallID)) {
		return nil, fmt.Errorf("document %q is not a call", doc.GetName())
	}
	return c, nil
}

// The fields of DocumentEventData (google/events/cloud/firestore/v1/data.proto).
const (
	valueField    = 1 // the document after the change
	oldValueField = 2 // and before
)

// eventDocument takes a document out of a DocumentEventData, nil where it has
// none. Events have a Document message of their own; it is the API's, field by
// field, so the API's Go type reads it without a second dependency.
func eventDocument(data []byte, field protowire.Number) (*firestorepb.Document, error) {
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		data = data[n:]
		if number == field && kind == protowire.BytesType {
			body, n := protowire.ConsumeBytes(data)
			if n < 0 {
				return nil, protowire.ParseError(n)
			}
			doc := &firestorepb.Document{}
			return doc, proto.Unmarshal(body, doc)
		}
		if n = protowire.ConsumeFieldValue(number, kind, data); n < 0 {
			return nil, protowire.ParseError(n)
		}
		data = data[n:]
	}
	return nil, nil
}

// decodeDocument decodes doc's fields into out, a pointer to a struct with
// firestore tags.
func decodeDocument(doc *firestorepb.Document, out any) error {
	fields := plainFields(doc.GetFields())
	b, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, out)
}

func plainFields(fields map[string]*firestorepb.Value) map[string]any {
	out := make(map[string]any, len(fields))
	for name, v := range fields {
		out[name] = plain(v)
	}
	return out
}

// plain is v as encoding/json writes it.
func plain(v *firestorepb.Value) any {
	switch v := v.GetValueType().(type) {
	case *firestorepb.Value_BooleanValue:
		return v.BooleanValue
	case *firestorepb.Value_IntegerValue:
		return v.IntegerValue
	case *firestorepb.Value_DoubleValue:
		return v.DoubleValue
	case *firestorepb.Value_TimestampValue:
		return v.TimestampValue.AsTime().Format(time.RFC3339Nano)
	case *firestorepb.Value_StringValue:
		return v.StringValue
	case *firestorepb.Value_BytesValue:
		return v.BytesValue
	case *firestorepb.Value_ReferenceValue:
		return v.ReferenceValue
	case *firestorepb.Value_MapValue:
		return plainFields(v.MapValue.GetFields())
	case *firestorepb.Value_ArrayValue:
		out := make([]any, len(v.ArrayValue.GetValues()))
		for i, e := range v.ArrayValue.GetValues() {
			out[i] = plain(e)
		}
		return out
	}
	return nil
}
