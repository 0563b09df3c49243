// Package functions is Doorbell's Cloud Functions: adapters between the
// Functions Framework and the domain packages under shared/. One file per
// function, named after it.
//
//	function     called by                                        does
//	register     POST, DELETE over HTTPS                          binds and unbinds a device; what became of pushes on it, and what
//	                                                              those that say only IDs are about, both by the device; self-test
//	presence     POST over HTTPS, of rules GET too                keeps a device's lease; the user's rules: which devices ring, for
//	                                                              what, when, for whom; the number on the app's icon
//	send         POST over HTTPS                                  stores a message, or one to many from the operator's backend;
//	                                                              revokes and edits one; dry run, for operators
//	groups       POST over HTTPS                                  makes and ends groups; who is in them, and what they may
//	sync         POST over HTTPS                                  what was missed, histories; read positions, and takes away elsewhere
//	                                                              what was read; what of a conversation rings
//	             GET trace, by operators                          what became of a push
//	call-invite  POST over HTTPS                                  starts a call and invites more to it; answers, cancels, leaves, ends,
//	                                                              lists calls
//	web          GET, HEAD over HTTPS, by anyone                  serves the SDK, the demo, the API's page and description
//	on-message   Firestore: conversations/{cid}/messages/{mid}    plans who is rung, publishes batches
//	             created                                          or, of a large group, tasks that do
//	on-message-change  Firestore: the same updated                takes back or replaces what was pushed
//	on-call      Firestore: calls/{callID} written                rings invitees; dismisses what rang
//	fan-out      Pub/Sub: fanout                                  does one such task
//	dispatch     Pub/Sub: push                                    sends a batch to FCM
//	dispatch-urgent  Pub/Sub: urgent                              the same, for what must not wait behind others
//	sweep        Pub/Sub: sweep, each minute                      ends calls that nobody answered; rings for what devices missed whose
//	                                                              lease lapsed or who left; tells of what quiet hours and bundles held
//	                                                              back; forgets stale tokens; removes dismissed groups' members
//	             or for one call                                  ends that one, when it is due
package functions

import (
	"context"
	"net/http"
	"slices"
	"strings"

	framework "github.com/GoogleCloudPlatform/functions-framework-go/functions"
	"github.com/cloudevents/sdk-go/v2/event"

	calling "github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/revision"
)

// clientFunctions is the functions that clients call, each with the paths it
// answers to.
var clientFunctions = map[string]routes{
	"register": {
		"register": {http.MethodPost: register, http.MethodDelete: unregister},
		"receipts": {http.MethodPost: addReceipts},

		"push-content": {http.MethodPost: pushContent},

		"self-test": {http.MethodPost: selfTest},
	},
	"presence": {
		"presence":  {http.MethodPost: heartbeat},
		"push-rule": {http.MethodGet: getPushRule, http.MethodPost: setPushRule},
		"badge":     {http.MethodPost: setBadge},

		"blacklist-add":    {http.MethodPost: addToBlacklist},
		"blacklist-remove": {http.MethodPost: removeFromBlacklist},
		"blacklist-query":  {http.MethodPost: queryBlacklist},
		"blacklist-check":  {http.MethodPost: checkBlacklist},

		"notification-settings": {http.MethodGet: getNotificationSettings, http.MethodPost: changeNotificationSettings},
	},
	"send": {
		"send":           {http.MethodPost: send},
		"dry-run":        {http.MethodPost: dryRun},
		"system-send":    {http.MethodPost: systemSend},
		"message-revoke": {http.MethodPost: revisionMethod((*revision.Service).Revoke)},
		"message-edit":   {http.MethodPost: revisionMethod((*revision.Service).Edit)},
	},
	"groups": groupRoutes,
	"sync":   syncRoutes,
	"call-invite": {
		"call-invite":    {http.MethodPost: inviteToCall},
		"call-cancel":    {http.MethodPost: act[calling.CancelRequest](calling.Cancel)},
		"call-accept":    {http.MethodPost: act[calling.AnswerRequest](calling.Accept)},
		"call-reject":    {http.MethodPost: act[calling.AnswerRequest](calling.Reject)},
		"call-quit":      {http.MethodPost: act[calling.LeaveRequest](calling.Leave)},
		"call-end":       {http.MethodPost: act[calling.LeaveRequest](calling.End)},
		"call-join":      {http.MethodPost: act[calling.AnswerRequest](calling.Join)},
		"calling-invite": {http.MethodPost: act[calling.CallingInviteRequest](calling.Invite)},
		"call-query":     {http.MethodPost: queryCalls},
	},
}

// Endpoint is a path that clients call and the function that answers there. One
// that ends in a slash stands for all paths below it.
type Endpoint struct {
	Path, Function string
	Handler        http.HandlerFunc
}

// Endpoints is every path that clients call, sorted.
func Endpoints() []Endpoint {
	var out []Endpoint
	for name, table := range clientFunctions {
		for segment := range table {
			out = append(out, Endpoint{Path: "/" + segment, Function: name, Handler: endpoint(name, table)})
		}
	}
	for prefix := range webFolders {
		out = append(out, Endpoint{Path: prefix, Function: "web", Handler: web})
	}
	slices.SortFunc(out, func(a, b Endpoint) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// Events is the functions that triggers call, by name. Each may get an event twice, at
// once or late, and says why that is safe.
var Events = map[string]func(context.Context, event.Event) error{
	"on-message":        onMessage,
	"on-message-change": onMessageChange,
	"on-call":           onCall,
	"fan-out":           fanOut,
	"dispatch":          dispatchBatch,
	"dispatch-urgent":   dispatchBatch,
	"sweep":             sweep,
}

func init() {
	for name, table := range clientFunctions {
		framework.HTTP(name, endpoint(name, table))
	}
	framework.HTTP("web", web)
	for name, f := range Events {
		framework.CloudEvent(name, f)
	}
}
