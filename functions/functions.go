// Package functions is Doorbell's Cloud Functions: adapters between the
// Functions Framework and the domain packages under shared/. One file per
// function, named after it.
//
//	function     called by                                        does
//	register     POST, DELETE over HTTPS                          binds and unbinds a device
//	presence     POST over HTTPS                                  keeps a device's lease
//	send         POST over HTTPS                                  stores a message
//	on-message   Firestore: conversations/{cid}/messages/{mid}    plans who is rung, publishes batches
//	             created
//	dispatch     Pub/Sub: push                                    sends a batch to FCM
package functions

import (
	"context"
	"net/http"

	framework "github.com/GoogleCloudPlatform/functions-framework-go/functions"
	"github.com/cloudevents/sdk-go/v2/event"
)

// HTTP is the functions that clients call, by name.
var HTTP = map[string]http.HandlerFunc{
	"register": endpoint(methods{http.MethodPost: register, http.MethodDelete: unregister}),
	"presence": endpoint(methods{http.MethodPost: heartbeat}),
	"send":     endpoint(methods{http.MethodPost: send}),
}

// Events is the functions that triggers call, by name.
var Events = map[string]func(context.Context, event.Event) error{
	"on-message": onMessage,
	"dispatch":   dispatchBatch,
}

func init() {
	for name, f := range HTTP {
		framework.HTTP(name, f)
	}
	for name, f := range Events {
		framework.CloudEvent(name, f)
	}
}
