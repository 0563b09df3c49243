// Command server serves every function on one port with the Functions
// Framework, for the local system (package system starts it). Having a main
// that imports the framework also pins it in go.mod for Google's build.
package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
	cloudevents "github.com/cloudevents/sdk-go/v2"

	"github.com/doorbell-push/doorbell/functions"
)

func main() {
	log.SetFlags(0)
	if err := serve(); err != nil {
		log.Fatal(err)
	}
}

// serve serves each function at its name, as the framework does by itself, and
// event functions also where the emulators deliver.
func serve() error {
	ctx := context.Background()
	for name, function := range functions.Events {
		trigger, err := firestoreTrigger(ctx, name, function)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := funcframework.RegisterHTTPFunctionContext(ctx, "/functions/projects/{project}/triggers/"+name, trigger); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		// A Pub/Sub push is no CloudEvent. The framework makes one of it if the
		// path ends with the topic's name.
		if err := funcframework.RegisterCloudEventFunctionContext(ctx, "/"+name+"/projects/{project}/topics/{topic}", function); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, e := range functions.Endpoints() {
		if e.Path == "/"+e.Function {
			continue // which the framework serves by itself
		}
		if err := funcframework.RegisterHTTPFunctionContext(ctx, e.Path, e.Handler); err != nil {
			return fmt.Errorf("%s: %w", e.Path, err)
		}
	}
	return funcframework.StartHostPort("127.0.0.1", cmp.Or(os.Getenv("PORT"), "8080"))
}

// firestoreTrigger serves a function to the Firestore emulator.
func firestoreTrigger(ctx context.Context, name string, function func(context.Context, cloudevents.Event) error) (http.HandlerFunc, error) {
	protocol, err := cloudevents.NewHTTP()
	if err != nil {
		return nil, err
	}
	handler, err := cloudevents.NewHTTPReceiveHandler(ctx, protocol, func(ctx context.Context, e cloudevents.Event) error {
		err := function(ctx, e)
		if err != nil {
			log.Printf("%s: event %s: %v", name, e.ID(), err)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return func(w http.ResponseWriter, r *http.Request) {
		if err := asEventarc(r); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		handler.ServeHTTP(w, r)
	}, nil
}

// maxEvent bounds an event: it holds a document, which has at most 1 MiB, up to
// twice, and base64 adds a third.
const maxEvent = 4 << 20

// asEventarc makes the Firestore emulator's event what Eventarc would send. The
// emulator encodes the data as base64, and sends the content type a second time
// as an attribute, which the SDK refuses.
func asEventarc(r *http.Request) error {
	r.Header.Del("Ce-Datacontenttype")
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxEvent))
	if err != nil {
		return err
	}
	// The data proper starts with a field's tag, which is no letter.
	if data, err := base64.StdEncoding.DecodeString(string(body)); err == nil && len(body) > 0 && body[0] >= '+' {
		body = data
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return nil
}
