package functions

import (
	"bytes"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/doorbell-push/doorbell/shared/fault"
)

// What would happen is told to who has the claim, in the languages they ask for;
// nothing of it is stored, and the log doesn't have it as if it had happened.
func TestDryRunIsForOperators(t *testing.T) {
	db := company(t)
	before := belongings(t, db)
	var log bytes.Buffer
	usual := slog.Default()
	t.Cleanup(func() { slog.SetDefault(usual) })
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	body := `{"fromUserID":"alice","send":` + sendBody + `,"locales":["de","fr"]}`
	for what, edit := range map[string]func(*http.Request){"no claim": func(*http.Request) {}, "false": asOperator(false), "a text": asOperator("true")} {
		// Nor is anyone else told what is wrong with a body.
		for _, sent := range []string{body, `{`, `{"no such":1}`, ""} {
			if resp := call("alice", "POST", "/dry-run", sent, edit); resp.StatusCode != 403 {
				t.Errorf("%s, %q: %d", what, sent, resp.StatusCode)
			}
		}
	}
	got, _ := answer(t, call("olga", "POST", "/dry-run", body, asOperator(true)))
	devices, texts := got["devices"].([]any), got["texts"].([]any)
	if len(devices) != 1 || devices[0].(map[string]any)["userID"] != "bob" || len(texts) != 6 || texts[0].(map[string]any)["locale"] != "de" {
		t.Errorf("it would be %v", got)
	}
	got, _ = answer(t, call("olga", "POST", "/dry-run", `{"fromUserID":"alice","call":{"invitees":["bob"],"config":{"pushConfig":{"title":"Alice","content":"Video"}}}}`, asOperator(true)))
	messages, ok := got["messages"].([]any)
	if !ok || len(messages) != 3 {
		t.Fatalf("the call would be %v", got)
	}
	web := messages[2].(map[string]any)
	if shows, ok := web["shows"].(map[string]any); !ok || shows["body"] != "Video" || web["platform"] != "web" || !strings.HasPrefix(web["request"].(string), `{"message":{`) {
		t.Errorf("the call would be %v", got)
	}
	if after := belongings(t, db); !reflect.DeepEqual(after, before) {
		t.Errorf("it was %v\nand is %v", before, after)
	}
	if strings.Contains(log.String(), "planned") {
		t.Errorf("the log has %s", log.String())
	}
}

// A mistake is named where it stands in the request.
func TestDryRunRefuses(t *testing.T) {
	company(t)
	for body, field := range map[string]string{
		`{}`:                     "fromUserID",
		`{"fromUserID":"a/b"}`:   "fromUserID",
		`{"fromUserID":"alice"}`: "send",
		`{"fromUserID":"alice","send":` + sendBody + `,"call":{}}`:                           "send",
		`{"fromUserID":"alice","send":` + sendBody + `,"locales":["de","no such"]}`:          "locales.1",
		`{"fromUserID":"alice","send":{"message":{"type":99}}}`:                              "send.conversationType",
		`{"fromUserID":"bob","send":` + sendBody + `}`:                                       "send.toConversationID",
		`{"fromUserID":"alice","call":{"invitees":[]}}`:                                      "call.invitees",
		`{"fromUserID":"alice","call":{"invitees":["bob"]},"locales":["de",5]}`:              "locales.1",
		`{"fromUserID":"alice","send":` + strings.Replace(sendBody, `{`, `{"x":1,`, 1) + `}`: "send.x",
	} {
		resp := call("olga", "POST", "/dry-run", body, asOperator(true))
		if _, e := answer(t, resp); resp.StatusCode != 400 || e.Code != fault.ParamsInvalid || e.Field != field {
			t.Errorf("%s: %d %+v, want %s", body, resp.StatusCode, e, field)
		}
	}
}

func FuzzParseDryRun(f *testing.F) {
	fuzzParse[dryRunRequest](f, `{"fromUserID":"alice","send":`+sendBody+`,"locales":["de","zh-Hans-CN"]}`, `{"call":{"invitees":["bob"]}}`, `{"locales":[null]}`)
}
