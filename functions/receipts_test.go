package functions

import (
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/config"
	"github.com/doorbell-push/doorbell/shared/content"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/docid"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/push"
	"github.com/doorbell-push/doorbell/shared/receipt"
)

const receiptsBody = `{"receipts":[{"id":"{m}","kind":"message","event":"arrived","at":1700000000000},{"id":"{m}","kind":"message","event":"shown","at":1700000000000}]}`

func TestReceipts(t *testing.T) {
	m := docid.New("m")
	valid := strings.ReplaceAll(receiptsBody, "{m}", m)
	edit := func(old, new string) string { return strings.Replace(valid, old, new, 1) }
	for name, tc := range map[string]struct {
		body   string
		status int
		field  string
	}{
		"valid":          {valid, 200, ""},
		"none":           {`{"receipts":[]}`, 400, "receipts"},
		"left out":       {`{}`, 400, "receipts"},
		"null":           {`{"receipts":null}`, 400, "receipts"},
		"too many":       {`{"receipts":[` + strings.Repeat(`{},`, receipt.MaxReceipts) + `{}]}`, 400, "receipts"},
		"an ID":          {edit(m, "m"), 400, "receipts.0.id"},
		"a kind":         {edit(`"message"`, `"room"`), 400, "receipts.0.kind"},
		"an event":       {edit(`"shown"`, `"seen"`), 400, "receipts.1.event"},
		"a time":         {edit(`1700000000000`, `0`), 400, "receipts.0.at"},
		"a broken time":  {edit(`1700000000000`, `1.5`), 400, "receipts.0.at"},
		"a reason":       {edit(`"kind"`, `"reason":"\n","kind"`), 400, "receipts.0.reason"},
		"another device": {edit(`{`, `{"pushID":"p",`), 400, "pushID"},
		"another user":   {edit(`"kind"`, `"userID":"bob","kind"`), 400, "receipts.0.userID"},
		"no JSON":        {`x`, 400, ""},
	} {
		db := onMemory(t)
		resp := call("alice", "POST", "/receipts", tc.body)
		if _, e := answer(t, resp); resp.StatusCode != tc.status || e.Field != tc.field {
			t.Errorf("%s: %d %+v, want %d %q", name, resp.StatusCode, e, tc.status, tc.field)
		}
		want := map[string][]receipt.Receipt{}
		if tc.status == 200 {
			ms := clock.UnixMilli()
			want[device.PushID("alice", "d")] = []receipt.Receipt{
				{ID: m, Kind: push.KindMessage, Event: receipt.Arrived, At: ms}, {ID: m, Kind: push.KindMessage, Event: receipt.Shown, At: ms},
			}
		}
		if told, err := db.Receipts(t.Context(), m); err != nil || !reflect.DeepEqual(told, want) {
			t.Errorf("%s: kept %v, %v", name, told, err)
		}
	}
}

// A device tells of itself only, by the token that it got when it was registered;
// nothing else opens the path, and the token opens nothing else.
func TestReceiptTokens(t *testing.T) {
	db := onMemory(t)
	m := docid.New("m")
	got, _ := answer(t, call("alice", "POST", "/register", registerBody))
	token, _ := got["receiptToken"].(string)
	again, _ := answer(t, call("alice", "POST", "/register", strings.Replace(registerBody, `"T"`, `"T2"`, 1)))
	if token == "" || again["receiptToken"] != token {
		t.Fatalf("register answered %v, then %v", got, again)
	}
	others, _ := answer(t, call("bob", "POST", "/register", strings.Replace(registerBody, `"T"`, `"T3"`, 1)))
	if others["receiptToken"] == token {
		t.Fatal("two devices have one token")
	}
	mac := token[strings.Index(token, "."):]
	for name, tc := range map[string]struct {
		authorization []string
		status        int
	}{
		"its own":            {[]string{"Bearer " + token}, 200},
		"lower case":         {[]string{"bearer  " + token}, 200},
		"none":               {nil, 401},
		"two":                {[]string{"Bearer " + token, "Bearer " + token}, 401},
		"another scheme":     {[]string{"Basic " + token}, 401},
		"an ID token":        {[]string{"Bearer " + idToken("alice", "demo", time.Hour)}, 401},
		"the PushID":         {[]string{"Bearer " + device.PushID("alice", "d")}, 401},
		"bob's with her MAC": {[]string{"Bearer " + device.PushID("bob", "d") + mac}, 401},
	} {
		resp := call("alice", "POST", "/receipts", strings.ReplaceAll(receiptsBody, "{m}", m), func(r *http.Request) { r.Header["Authorization"] = tc.authorization })
		if _, e := answer(t, resp); resp.StatusCode != tc.status || strings.Contains(e.Message, mac) {
			t.Errorf("%s: %d %+v", name, resp.StatusCode, e)
		}
	}
	told, err := db.Receipts(t.Context(), m)
	if err != nil || len(told) != 1 || len(told[device.PushID("alice", "d")]) != 2 {
		t.Errorf("told is %v, %v", told, err)
	}
	for _, name := range everyEndpoint() {
		method, path, _ := strings.Cut(name, " ")
		if askedByDevices[path[1:]] {
			continue
		}
		resp := call("alice", method, path, `{}`, header("Authorization", "Bearer "+token))
		if _, e := answer(t, resp); resp.StatusCode != 401 || e.Code != fault.TokenInvalid {
			t.Errorf("%s takes a receiptToken: %d %+v", name, resp.StatusCode, e)
		}
	}
}

// A service worker has no App Check token, and its site is another origin.
func TestReceiptsFromAWorker(t *testing.T) {
	onMemory(t)
	newAppCheck(t, config.AppCheckEnforce)
	body := strings.ReplaceAll(receiptsBody, "{m}", docid.New("m"))
	if resp := call("alice", "POST", "/receipts", body); resp.StatusCode != 200 {
		t.Errorf("without App Check: %d", resp.StatusCode)
	}
	onMemory(t)
	resp := call("", "OPTIONS", "/receipts", "", header("Origin", "https://app.example"), header("Authorization", ""))
	if resp.StatusCode != 204 || resp.Header.Get("Access-Control-Allow-Origin") != "https://app.example" {
		t.Errorf("a preflight: %d %v", resp.StatusCode, resp.Header)
	}
}

func TestReceiptsFail(t *testing.T) {
	onMemory(t)
	token := receiptToken(device.PushID("alice", "d"))
	replace(t, &receipts, nil, errors.New("configuration"))
	for path, body := range map[string]string{"/receipts": receiptsBody, "/register": registerBody} {
		edit := func(*http.Request) {}
		if path == "/receipts" {
			edit = header("Authorization", "Bearer "+token)
		}
		if resp := call("alice", "POST", path, body, edit); resp.StatusCode != 500 {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
}

func FuzzParseReceipts(f *testing.F) {
	fuzzParse[receipt.Request](f, receiptsBody, `{"receipts":[{"at":-1e9}]}`, `{"receipts":[null]}`, `{"receipts":{}}`)
}

func FuzzParsePushContent(f *testing.F) {
	id := docid.New("m")
	fuzzParse[content.Request](f, `{"userID":"bob","kind":"message","id":"`+id+`","conversationID":"alice","conversationType":0}`,
		`{"userID":"bob","kind":"call","id":"`+id+`","callID":"c"}`, `{"conversationType":1e9}`, `{"kind":null}`)
}
