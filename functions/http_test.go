package functions

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/fault"
)

const (
	notObject = "the body is not one JSON object in UTF-8, see byte "
	unknown   = "is not a field of this request"
)

var deep = strings.Repeat("[", 20_000)

// Bodies that don't decode, as a SendRequest.
func TestParseRefuses(t *testing.T) {
	for _, tc := range []struct{ body, field, message string }{
		{``, "", notObject + "0"},
		{`x`, "", notObject + "0"},
		{`// comment`, "", notObject + "0"},
		{"\ufeff{}", "", notObject + "0"},
		{`{`, "", notObject + "1"},
		{`{"message":{`, "message", notObject + "12"},
		{`{,}`, "", notObject + "1"},
		{`{"config":{},}`, "", notObject + "12"},
		{`{} x`, "", notObject + "3"},
		{`{}{}`, "", notObject + "2"},
		{`[]`, "", "must be an object, not an array"},
		{`"s"`, "", "must be an object, not a string"},
		{`1`, "", "must be an object, not a number"},
		{`true`, "", "must be an object, not a boolean"},
		{`{"a":1}`, "a", unknown},
		{`{"LocalMessageID":"a"}`, "LocalMessageID", unknown},
		{`{"message":{"x":1}}`, "message.x", unknown},
		{`{"config":{"pushConfig":{"Title":""}}}`, "config.pushConfig.Title", unknown},
		{`{"config":{"pushConfig":{"PushConfig":{}}}}`, "config.pushConfig.PushConfig", unknown},
		{`{"a~/b":1}`, "a~/b", unknown},
		{`{"` + strings.Repeat("k", 200_000) + `":1}`, strings.Repeat("k", 128) + "…", unknown},
		{`{"` + strings.Repeat("é", 100) + "x" + `":1}`, strings.Repeat("é", 64) + "…", unknown},
		{`{"x` + strings.Repeat("é", 100) + `":1}`, "x" + strings.Repeat("é", 63) + "…", unknown},
		{`{"message":[]}`, "message", "must be an object, not an array"},
		{`{"message":"hi"}`, "message", "must be an object, not a string"},
		{`{"localMessageID":1}`, "localMessageID", "must be a string, not a number"},
		{`{"localMessageID":{}}`, "localMessageID", "must be a string, not an object"},
		{`{"localMessageID":false}`, "localMessageID", "must be a string, not a boolean"},
		{`{"message":{"type":"1"}}`, "message.type", "must be a whole number, not a string"},
		{`{"message":{"isMentionAll":1}}`, "message.isMentionAll", "must be true or false, not a number"},
		{`{"message":{"mentionedUserIDs":{}}}`, "message.mentionedUserIDs", "must be an array, not an object"},
		{`{"message":{"mentionedUserIDs":["a",1]}}`, "message.mentionedUserIDs.1", "must be a string, not a number"},
		{`{"config":{"pushConfig":{"enableBadge":"x"}}}`, "config.pushConfig.enableBadge", "must be true or false, not a string"},
		{`{"conversationType":1.0}`, "conversationType", "must be a whole number"},
		{`{"conversationType":1e400}`, "conversationType", "must be a whole number"},
		{`{"conversationType":99999999999999999999}`, "conversationType", "is a number out of range"},
		{`{"conversationType":-99999999999999999999}`, "conversationType", "is a number out of range"},
		{`{"message":{"type":01}}`, "message", notObject + "20"},
		{`{"message":{"type":+1}}`, "message.type", notObject + "19"},
		{`{"message":{"type":NaN}}`, "message.type", notObject + "19"},
		{`{"localMessageID":"a","localMessageID":"b"}`, "localMessageID", "is given twice"},
		{`{"message":{"type":1,"type":1}}`, "message.type", "is given twice"},
		{"{\"localMessageID\":\"\xff\"}", "localMessageID", notObject + "19"},
		{"{\"\xff\":1}", "", notObject + "2"},
		{`{"localMessageID":"\ud800"}`, "localMessageID", notObject + "19"},
		{"{\"localMessageID\":\"a\nb\"}", "localMessageID", notObject + "20"},
		{deep, "", "must be an object, not an array"},
		{strings.Repeat(`{"a":`, 20_000), "a", unknown},
		{`{"message":` + deep, "message", "must be an object, not an array"},
		{`{"message":{"mentionedUserIDs":[` + deep, ("message.mentionedUserIDs" + strings.Repeat(".0", 100))[:128] + "…", notObject + "10029"},
	} {
		got, err := parse[chat.SendRequest]([]byte(tc.body))
		if want := fault.Invalid(tc.field, "%s", tc.message); !reflect.DeepEqual(err, error(want)) {
			t.Errorf("%.60q: got %+v, %.200v; want %v", tc.body, got, err, want)
		}
	}
}

// A type's own error is the field's.
func TestParseRefusesPlatform(t *testing.T) {
	for _, body := range []string{`{"platform":"x"}`, `{"platform":""}`, `{"platform":8}`, `{"platform":null}`, `{"platform":{}}`, `{"platform":3.0}`} {
		_, err := parse[device.Registration]([]byte(body))
		if want := fault.Invalid("platform", "%v", device.ErrPlatform); !reflect.DeepEqual(err, error(want)) {
			t.Errorf("%s: got %v", body, err)
		}
	}
}

func TestParse(t *testing.T) {
	peer := chat.Peer
	for body, want := range map[string]*chat.SendRequest{
		`null`:                         {},
		`{}`:                           {},
		" {\n}\t ":                     {},
		`{"localMessageID":null}`:      {},
		`{"localMessageID":"👋\u00e9"}`: {LocalMessageID: "👋é"},
		`{"conversationType":0}`:       {ConversationType: &peer},
		`{"conversationType":null}`:    {},
		`{"message":{"mentionedUserIDs":[],"type":-5}}`: {Message: &chat.Content{Type: -5, MentionedUserIDs: []string{}}},
		`{"config":{"priority":2,"pushConfig":{"title":"t","extendedData":"x"}}}`: {
			Config: &chat.SendConfig{Priority: 2, PushConfig: &chat.PushConfigInput{PushConfig: chat.PushConfig{Title: "t"}, ExtendedData: "x"}},
		},
	} {
		if got, err := parse[chat.SendRequest]([]byte(body)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v", body, got, err)
		}
	}
}

func TestDecode(t *testing.T) {
	large := func(n int) string {
		return `{"localMessageID":"` + strings.Repeat("x", n-len(`{"localMessageID":""}`)) + `"}`
	}
	for _, tc := range []struct {
		contentType, body string
		want              fault.Status
	}{
		{"application/json", `{}`, ""},
		{"application/json; charset=utf-8", `{}`, ""},
		{"Application/JSON", `{}`, ""},
		{"", `{}`, fault.UnsupportedMediaType},
		{"text/plain", `{}`, fault.UnsupportedMediaType},
		{"application/x-www-form-urlencoded", `a=b`, fault.UnsupportedMediaType},
		{"application/jsonx", `{}`, fault.UnsupportedMediaType},
		{"application/json; charset", `{}`, fault.UnsupportedMediaType},
		{"application/json, text/plain", `{}`, fault.UnsupportedMediaType},
		{"application/json", large(maxBodyBytes), ""},
		{"application/json", large(maxBodyBytes + 1), fault.ContentTooLarge},
		{"application/json", strings.Repeat(" ", 10*maxBodyBytes), fault.ContentTooLarge},
		{"application/json", ``, fault.InvalidArgument},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(tc.body))
		r.Header.Set("Content-Type", tc.contentType)
		_, err := decode[chat.SendRequest](r)
		if got := statusOf(err); got != tc.want {
			t.Errorf("%s, %d bytes: got %q (%v), want %q", tc.contentType, len(tc.body), got, err, tc.want)
		}
	}
	r := httptest.NewRequest(http.MethodPost, "/", brokenBody{})
	r.Header.Set("Content-Type", "application/json")
	if _, err := decode[chat.SendRequest](r); !reflect.DeepEqual(err, error(fault.Invalid("", "the body could not be read to its end"))) {
		t.Errorf("a body that breaks off: %v", err)
	}
}

func statusOf(err error) fault.Status {
	if err == nil {
		return ""
	}
	return fault.From(err).Status
}

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

// fuzzParse checks that parsing never panics and refuses only as a caller's fault.
func fuzzParse[T any](f *testing.F, seeds ...string) {
	for _, s := range append(seeds, ``, `null`, `{}`, `[]`, `{"a":{"a":1}}`, "{\"\xff\":1}", `{"platform":1e999}`, strings.Repeat("[", 10_001)) {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := parse[T](body)
		if err == nil {
			if _, err := json.Marshal(got); err != nil {
				t.Errorf("accepted, but can't be written: %v", err)
			}
			return
		}
		var e *fault.Error
		if !errors.As(err, &e) || e.Status.HTTP() < 400 || e.Status.HTTP() >= 500 || e.Message == "" || len(e.Field)+len(e.Message) > 400 {
			t.Errorf("refused with %v", err)
		}
	})
}

func FuzzParseRegister(f *testing.F) {
	fuzzParse[device.Registration](f, `{"token":"t","platform":"web","deviceID":"d","locale":"en","popup":true}`, `{"platform":6}`, `{"platform":"\ud800"}`)
}

func FuzzParsePresence(f *testing.F) {
	fuzzParse[heartbeatRequest](f, `{"pushID":"p","state":"online"}`, `{"deviceID":"d","platform":3,"state":"offline"}`)
}

func FuzzParseSend(f *testing.F) {
	fuzzParse[chat.SendRequest](f, sendBody, `{"config":{"pushConfig":{"extendedData":"x","badgeIncrement":1}}}`, `{"message":{"mentionedUserIDs":["a",null]}}`)
}

// What fails is logged, unless who asked has gone: then it fails for that.
func TestFailuresAreLogged(t *testing.T) {
	onMemory(t)
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	for _, gone := range []bool{false, true} {
		var log bytes.Buffer
		slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
		ctx, cancel := context.WithCancel(t.Context())
		h := endpoint("f", routes{"f": {"POST": func(context.Context, string, *http.Request) (any, error) {
			if gone {
				cancel()
			}
			return nil, errors.New("broken")
		}}})
		r := httptest.NewRequestWithContext(ctx, "POST", "/f", nil)
		r.Header.Set("Authorization", "Bearer "+idToken("alice", "demo", time.Hour))
		h(httptest.NewRecorder(), r)
		cancel()
		if logged := strings.Contains(log.String(), "broken"); logged == gone {
			t.Errorf("with the client gone %t: %q", gone, log.String())
		}
	}
}
