package functions

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	calling "github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/content"
	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/inbox"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
	"github.com/doorbell-push/doorbell/shared/receipt"
	"github.com/doorbell-push/doorbell/shared/revision"
	"github.com/doorbell-push/doorbell/shared/trace"

	"github.com/doorbell-push/doorbell/scripts/openapi"
)

var updateAPI = flag.Bool("update", false, "write web/api/openapi.json and index.html anew")

const apiFile, apiPage = "web/api/openapi.json", "web/api/index.html"

// operation is what a method of a path takes and gives; a nil request: no body.
type operation struct {
	about           string
	request, answer reflect.Type
}

func op[R, A any](about string) operation {
	return operation{about, reflect.TypeFor[R](), reflect.TypeFor[A]()}
}

// none is a request without a body, or an answer that says nothing.
type none = struct{}

func post(o operation) map[string]operation { return map[string]operation{http.MethodPost: o} }

// operations is every endpoint: those in clientFunctions, or the test fails.
var operations = map[string]map[string]operation{
	"register": {
		http.MethodPost:   op[device.Registration, registerAnswer]("Binds the caller's device, so that it rings while they are away"),
		http.MethodDelete: op[none, none]("Unbinds a device of the caller's"),
	},
	"receipts":     post(op[receipt.Request, none]("What became of pushes on the device that calls")),
	"push-content": post(op[content.Request, content.Content]("What a push is about that said only IDs, to the device that got it")),
	"self-test":    post(op[selfTestRequest, selfTestAnswer]("Walks every step of a push to the caller's devices, and says which is broken")),
	"presence":     post(op[heartbeatRequest, heartbeatAnswer]("Keeps a device's lease, ends it, or logs the device out")),
	"push-rule": {
		http.MethodGet:  op[none, ruleAnswer]("The caller's offline push rule"),
		http.MethodPost: op[presence.PushRule, ruleAnswer]("Replaces the caller's offline push rule"),
	},
	"badge":            post(op[badgeRequest, none]("Sets the number that the caller's app icons count from; 0: what they have not read")),
	"blacklist-add":    post(op[blacklistUsers, blacklistChanged]("Adds users to the caller's blacklist")),
	"blacklist-remove": post(op[blacklistUsers, blacklistChanged]("Removes users from the caller's blacklist")),
	"blacklist-query":  post(op[blacklistPage, blacklistQueried]("A page of the caller's blacklist")),
	"blacklist-check":  post(op[blacklistUser, blacklistChecked]("Whether a user is in the caller's blacklist")),
	"notification-settings": {
		http.MethodGet:  op[none, settingsAnswer]("The caller's own rules for being rung"),
		http.MethodPost: op[presence.SettingsChange, settingsAnswer]("Changes the caller's own rules for being rung"),
	},
	"send":           post(op[chat.SendRequest, sendAnswer]("Stores a message; who is away and wants it is rung")),
	"dry-run":        post(op[dryRunRequest, dryRunAnswer]("For operators: what would happen if this were sent, and what it would show by language and platform")),
	"system-send":    post(op[chat.BroadcastRequest, chat.Broadcast]("Stores a message from the system for each of many users, or a group")),
	"message-revoke": post(op[revision.RevokeRequest, revision.Answer]("Takes a message back, from the store and from the devices that show it")),
	"message-edit":   post(op[revision.EditRequest, revision.Answer]("Gives a message another content, in the store and on the devices that show it")),

	"group-create":              post(op[group.CreateRequest, group.Created]("Makes a group")),
	"group-join":                post(op[group.Request, group.Info]("Joins a group")),
	"group-leave":               post(op[group.Request, group.Done]("Leaves a group")),
	"group-invite":              post(op[group.UsersRequest, group.Invited]("Takes users into a group")),
	"group-kick":                post(op[group.UsersRequest, group.Kicked]("Removes users from a group")),
	"group-dismiss":             post(op[group.Request, group.Done]("Ends a group")),
	"group-members":             post(op[group.MembersRequest, group.MemberPage]("A page of a group's members, in the order of joining")),
	"group-mine":                post(op[group.MineRequest, group.GroupPage]("A page of the caller's groups")),
	"group-info":                post(op[group.Request, group.Info]("A group as the caller sees it")),
	"group-notification-status": post(op[group.StatusRequest, group.StatusSet]("Whether the caller is rung for a group's messages")),
	"group-role":                post(op[group.RoleRequest, group.RoleSet]("Makes a member an admin, or an admin a member")),
	"group-transfer":            post(op[group.TransferRequest, group.Transferred]("Gives a group to another owner")),

	"sync":                             post(op[inbox.SyncRequest, inbox.SyncAnswer]("A page of what the client doesn't have yet")),
	"read":                             post(op[inbox.ReadRequest, inbox.ReadAnswer]("Moves how far the caller has read a conversation")),
	"conversations":                    post(op[inbox.ListRequest, inbox.ListAnswer]("A page of the caller's conversations, the latest message first")),
	"messages":                         post(op[inbox.HistoryRequest, inbox.HistoryAnswer]("A page of a conversation's messages")),
	"trace":                            {http.MethodGet: op[none, trace.Story]("For operators: what became of the pushes of a message or call")},
	"conversation-notification-status": post(op[group.StatusRequest, group.StatusSet]("Whether the caller is rung for a conversation's messages")),

	"call-invite":    post(op[calling.InviteRequest, calling.InviteAnswer]("Starts a call")),
	"calling-invite": post(op[calling.CallingInviteRequest, calling.CallingInviteAnswer]("Invites more users to a call (mode 1)")),
	"call-cancel":    post(op[calling.CancelRequest, calling.CancelAnswer]("Takes invitations back")),
	"call-accept":    post(op[calling.AnswerRequest, calling.AnswerAnswer]("Accepts a call")),
	"call-reject":    post(op[calling.AnswerRequest, calling.AnswerAnswer]("Rejects a call")),
	"call-join":      post(op[calling.AnswerRequest, calling.JoinAnswer]("Joins a call that is going on (mode 1)")),
	"call-quit":      post(op[calling.LeaveRequest, calling.QuitAnswer]("Leaves a call (mode 1)")),
	"call-end":       post(op[calling.LeaveRequest, calling.EndAnswer]("Ends a call for everyone (mode 1)")),
	"call-query":     post(op[calling.QueryRequest, calling.List]("One call, or a page of the caller's")),
}

// requiredFields is what a request must have. Which of two is needed, such as
// token or fid, the handlers say.
var requiredFields = map[reflect.Type][]string{
	reflect.TypeFor[device.Registration]():          {"platform", "deviceID"},
	reflect.TypeFor[receipt.Request]():              {"receipts"},
	reflect.TypeFor[content.Request]():              {"userID", "kind", "id"},
	reflect.TypeFor[receipt.Receipt]():              {"id", "kind", "event", "at"},
	reflect.TypeFor[heartbeatRequest]():             {"state"},
	reflect.TypeFor[presence.Quiet]():               {"weekdays"},
	reflect.TypeFor[blacklistUsers]():               {"userIDs"},
	reflect.TypeFor[blacklistPage]():                {"count"},
	reflect.TypeFor[chat.SendRequest]():             {"message", "toConversationID", "conversationType", "config", "localMessageID"},
	reflect.TypeFor[chat.BroadcastRequest]():        {"message", "config", "localMessageID"},
	reflect.TypeFor[dryRunRequest]():                {"fromUserID"},
	reflect.TypeFor[chat.Content]():                 {"type", "message"},
	reflect.TypeFor[chat.SendConfig]():              {"priority"},
	reflect.TypeFor[revision.RevokeRequest]():       {"messageID", "conversationID", "conversationType"},
	reflect.TypeFor[revision.EditRequest]():         {"messageID", "conversationID", "conversationType", "message"},
	reflect.TypeFor[chat.VoIPConfig]():              {"iOSVoIPHandleType", "iOSVoIPHandleValue"},
	reflect.TypeFor[group.CreateRequest]():          {"groupInfo"},
	reflect.TypeFor[group.Request]():                {"groupID"},
	reflect.TypeFor[group.UsersRequest]():           {"groupID", "userIDs"},
	reflect.TypeFor[group.MembersRequest]():         {"groupID", "count"},
	reflect.TypeFor[group.MineRequest]():            {"count"},
	reflect.TypeFor[group.StatusRequest]():          {"status", "conversationID", "conversationType"},
	reflect.TypeFor[group.RoleRequest]():            {"groupID", "forUserID", "role"},
	reflect.TypeFor[group.TransferRequest]():        {"groupID", "toUserID"},
	reflect.TypeFor[inbox.ReadRequest]():            {"conversationID", "conversationType"},
	reflect.TypeFor[inbox.HistoryRequest]():         {"conversationID", "conversationType"},
	reflect.TypeFor[calling.InviteRequest]():        {"invitees"},
	reflect.TypeFor[calling.AnswerRequest]():        {"callID", "deviceID"},
	reflect.TypeFor[calling.LeaveRequest]():         {"callID"},
	reflect.TypeFor[calling.CancelRequest]():        {"callID"},
	reflect.TypeFor[calling.CallingInviteRequest](): {"callID", "invitees"},
}

// values is the types that have a few values only.
var values = map[reflect.Type][]any{
	reflect.TypeFor[chat.ConversationType](): {0, 1, 2},
	reflect.TypeFor[chat.MessageType]():      {1, 2, 20, 31, 200},
	reflect.TypeFor[chat.RevokeStatus]():     {0, 3, 4},
	reflect.TypeFor[chat.Priority]():         {1, 2, 3},
	reflect.TypeFor[chat.VoIPHandleType]():   {1, 2, 3},
	reflect.TypeFor[chat.JoinMode]():         {0, 1, 2},
	reflect.TypeFor[chat.InviteMode]():       {0, 1},
	reflect.TypeFor[chat.BeInviteMode]():     {0},
	reflect.TypeFor[group.Role]():            {1, 2, 3},
	reflect.TypeFor[group.Status]():          {1, 2},
	reflect.TypeFor[calling.Mode]():          {0, 1},
	reflect.TypeFor[calling.State]():         {1, 2},
	reflect.TypeFor[calling.UserState]():     {0, 1, 2, 3, 4, 6, 7, 8, 10},
	reflect.TypeFor[presence.Level]():        {"all", "mentions", "none"},
	reflect.TypeFor[presence.Weekday]():      {"mon", "tue", "wed", "thu", "fri", "sat", "sun"},
	reflect.TypeFor[device.Privacy]():        {"full", "sender", "generic", "id"},
	reflect.TypeFor[push.Kind]():             {"message", "call", "call_end", "summary", "edit", "revoke", "read"},
	reflect.TypeFor[trace.Step]():            {"decided", "tried", "became", "heard"},
	reflect.TypeFor[delivery.Status]():       {"sent", "skipped", "failed", "dead_letter", "pending"},
	reflect.TypeFor[receipt.Event]():         {"arrived", "shown", "clicked", "dropped"},
	reflect.TypeFor[fault.Status](): {
		"INVALID_ARGUMENT", "UNAUTHENTICATED", "PERMISSION_DENIED", "NOT_FOUND", "METHOD_NOT_ALLOWED", "ALREADY_EXISTS",
		"FAILED_PRECONDITION", "CONTENT_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE", "RESOURCE_EXHAUSTED", "INTERNAL", "UNAVAILABLE",
	},
}

// special is the schemas of types that reflection alone gets wrong.
func special(s *openapi.Schemas, t reflect.Type, request bool) openapi.Object {
	number := openapi.Object{"type": "integer", "enum": []any{1, 2, 3, 4, 5, 6, 7, 9, 10}, "description": "ZIM's ZIMPlatformType"}
	nullable := func(of reflect.Type) openapi.Object {
		if of.Kind() == reflect.String {
			return openapi.Object{"type": []any{"string", "null"}, "enum": append(append([]any{}, values[of]...), nil)}
		}
		return openapi.Object{"type": []any{"integer", "null"}, "format": "int64"}
	}
	switch t {
	case reflect.TypeFor[device.Platform]():
		if !request {
			return number
		}
		return openapi.Object{"oneOf": []any{
			openapi.Object{"type": "string", "enum": []any{"android", "ios", "ipados", "linux", "macos", "miniprogram", "ohos", "web", "windows"}}, number,
		}}
	case reflect.TypeFor[presence.Change[presence.Level]]():
		return nullable(reflect.TypeFor[presence.Level]())
	case reflect.TypeFor[presence.Change[device.Privacy]]():
		return nullable(reflect.TypeFor[device.Privacy]())
	case reflect.TypeFor[map[string]string](): // a group's attributes, which it hasn't
		return openapi.Object{"type": "object", "maxProperties": 0}
	case reflect.TypeFor[presence.Change[int64]]():
		return nullable(reflect.TypeFor[int64]())
	case reflect.TypeFor[presence.Change[*int]]():
		return nullable(reflect.TypeFor[int]())
	case reflect.TypeFor[presence.Change[*presence.Quiet]]():
		return openapi.Object{"oneOf": []any{s.Request(reflect.TypeFor[presence.Quiet]()), openapi.Object{"type": "null"}}}
	}
	if of := values[t]; of != nil && t.Kind() == reflect.String {
		return openapi.Object{"type": "string", "enum": of}
	} else if of != nil {
		return openapi.Object{"type": "integer", "enum": of}
	}
	return nil
}

// queries is what requests without a body say.
var queries = map[string][]struct{ name, about string }{
	"DELETE register": {{"pushID", "the device, by one of the two"}, {"deviceID", "the device, by one of the two"}},
	"GET trace": {
		{"messageID", "the message, or else the call"}, {"callID", "the call, or else the message"}, {"userID", "tell of that user only"},
	},
}

// errorStatuses is what a request may be answered with that isn't done.
var errorStatuses = map[int]string{
	400: "The request has to change: see field", 401: "No valid ID token, or App Check token", 403: "It isn't the caller's",
	404: "There is no such thing", 405: "Another method", 409: "It can't be done as things stand", 413: "The body is over 256 KiB",
	415: "The body is not application/json", 429: "Too many requests: retry after Retry-After", 500: "Ours; the log says more",
	503: "Too busy right now: retry after Retry-After",
}

// errorAnswers is by its name each answer that is an error: a status and the codes
// that come with it.
type errorAnswers map[string]openapi.Object

// of adds the errors of a method of a path, and returns references to them by status.
func (all errorAnswers) of(rows []errorRow, s *openapi.Schemas, method, segment string) openapi.Object {
	codes := map[int][]any{}
	for _, row := range rows {
		if row.of(method, segment) {
			for _, status := range row.statuses {
				codes[status] = append(codes[status], row.code)
			}
		}
	}
	refs := openapi.Object{}
	for status, of := range codes {
		name := strconv.Itoa(status)
		for _, code := range of {
			name += fmt.Sprint(".", code)
		}
		shape := openapi.Object{"allOf": []any{
			s.Answer(reflect.TypeFor[fault.Error]()), openapi.Object{"type": "object", "properties": openapi.Object{"code": openapi.Object{"enum": of}}},
		}}
		all[name] = openapi.Object{"description": errorStatuses[status], "content": jsonOf(openapi.Object{
			"type": "object", "properties": openapi.Object{"error": shape}, "required": []any{"error"},
		})}
		refs[strconv.Itoa(status)] = openapi.Object{"$ref": "#/components/responses/" + name}
	}
	return refs
}

func jsonOf(schema openapi.Object) openapi.Object {
	return openapi.Object{"application/json": openapi.Object{"schema": schema}}
}

// optionalHeader is a header that a request may have.
func optionalHeader(name, about string) openapi.Object {
	return openapi.Object{"name": name, "in": "header", "required": false, "schema": openapi.Object{"type": "string"}, "description": about}
}

// describe is an operation's part of the document.
func (o operation) describe(s *openapi.Schemas, method, segment, function string, responses openapi.Object) openapi.Object {
	responses["200"] = openapi.Object{"description": "Done", "content": jsonOf(s.Answer(o.answer))}
	id := segment
	if method != http.MethodPost {
		id = map[string]string{http.MethodGet: "get-", http.MethodDelete: "un"}[method] + segment
	}
	out := openapi.Object{"operationId": id, "summary": o.about, "tags": []any{function}, "responses": responses}
	if askedByDevices[segment] {
		out["security"] = []any{openapi.Object{"receiptToken": []any{}}}
	}
	if askedByBackends[segment] {
		out["security"] = []any{openapi.Object{"serviceAccount": []any{}}}
	}
	if o.request != reflect.TypeFor[none]() {
		out["requestBody"] = openapi.Object{"required": true, "content": jsonOf(s.Request(o.request))}
	}
	var parameters []any
	for _, p := range queries[method+" "+segment] {
		parameters = append(parameters, openapi.Object{"name": p.name, "in": "query", "schema": openapi.Object{"type": "string"}, "description": p.about})
	}
	if parameters != nil {
		out["parameters"] = parameters
	}
	return out
}

// apiDocument is the document, made of the code.
func apiDocument(t *testing.T) []byte {
	t.Helper()
	folders, err := filepath.Glob("../shared/*")
	if err != nil {
		t.Fatal(err)
	}
	docs, err := openapi.ReadDocs(append(folders, ".")...)
	if err != nil {
		t.Fatal(err)
	}
	s := &openapi.Schemas{Docs: docs, Required: requiredFields}
	s.Special = func(t reflect.Type, request bool) openapi.Object { return special(s, t, request) }
	rows, answers := readErrors(t), errorAnswers{}
	paths := openapi.Object{}
	for function, table := range clientFunctions {
		for segment, methods := range table {
			item := openapi.Object{"parameters": []any{
				openapi.Object{"$ref": "#/components/parameters/traceparent"}, openapi.Object{"$ref": "#/components/parameters/appCheck"},
			}}
			for method := range methods {
				o, ok := operations[segment][method]
				if !ok {
					t.Fatalf("%s %s is not among operations in openapi_test.go: say there what it takes and gives", method, segment)
				}
				item[map[string]string{"GET": "get", "POST": "post", "DELETE": "delete"}[method]] = o.describe(s, method, segment, function, answers.of(rows, s, method, segment))
			}
			paths["/"+segment] = item
		}
	}
	b, err := json.MarshalIndent(openapi.Object{
		"openapi": "3.1.0",
		"info": openapi.Object{
			"title": "Doorbell", "version": "1", "license": openapi.Object{"name": "Apache 2.0", "identifier": "Apache-2.0"},
			"description": "Chat-aware offline push notification. Names, numbers and error codes are ZIM's. Every request may be repeated.",
		},
		"servers": []any{openapi.Object{
			"url": "https://{site}.web.app", "variables": openapi.Object{"site": openapi.Object{"default": "project-doorbell", "description": "see base_url of terraform apply"}},
		}},
		"security": []any{openapi.Object{"idToken": []any{}}},
		"paths":    paths,
		"components": openapi.Object{
			"schemas": s.Made(), "responses": answers,
			"parameters": openapi.Object{
				"traceparent": optionalHeader("traceparent", "W3C trace context: the log of all that follows from the request is found under its trace"),
				"appCheck":    optionalHeader(appCheckHeader, "the app's App Check token, where the operator asks for it"),
			},
			"securitySchemes": openapi.Object{
				"idToken":      openapi.Object{"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "the Firebase ID token of the user"},
				"receiptToken": openapi.Object{"type": "http", "scheme": "bearer", "description": "the receiptToken of the device, from /register"},
				"serviceAccount": openapi.Object{
					"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "an ID token that Google signed for a service account that the operator allows",
				},
			},
		},
	}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}

// The document says what the code does: it is made of the handlers' types, and
// is a valid one of OpenAPI 3.1. What the integration tests ask and are answered
// is held to it too (TestMain).
func TestOpenAPI(t *testing.T) {
	want := apiDocument(t)
	if *updateAPI {
		if err := os.WriteFile(apiFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(apiFile)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%s is not what the code has (%v): go test ./functions -run TestOpenAPI -update, and look at the difference", apiFile, err)
	}
	if _, err := openapi.NewChecker(got); err != nil {
		t.Error(err)
	}
	for segment, methods := range operations {
		for method := range methods {
			found := false
			for _, table := range clientFunctions {
				found = found || table[segment][method] != nil
			}
			if !found {
				t.Errorf("%s %s is among operations in openapi_test.go, and nothing answers it", method, segment)
			}
		}
	}
}

// The page for people says what the document says.
func TestOpenAPIPage(t *testing.T) {
	want, err := openapi.Page(apiDocument(t))
	if err != nil {
		t.Fatal(err)
	}
	if *updateAPI {
		if err := os.WriteFile(apiPage, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(apiPage)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%s is not what %s says (%v): go test ./functions -run TestOpenAPI -update", apiPage, apiFile, err)
	}
	for _, link := range regexp.MustCompile(`href="#([^"]+)"`).FindAllSubmatch(got, -1) {
		if n := bytes.Count(got, fmt.Appendf(nil, `id="%s"`, link[1])); n != 1 {
			t.Errorf("#%s leads to %d places", link[1], n)
		}
	}
}

// The description has each state that a call's user can be in.
func TestOpenAPIKnowsUserStates(t *testing.T) {
	described := values[reflect.TypeFor[calling.UserState]()]
	for s := range calling.UserState(64) {
		named := !strings.HasPrefix(s.String(), "state(")
		if slices.Contains(described, any(int(s))) != named {
			t.Errorf("%v (%d) is described: %t, exists: %t", s, s, !named, named)
		}
	}
}
