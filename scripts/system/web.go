package system

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	calling "github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/receipt"
)

// startWeb serves browsers: the functions as behind a deployment's load balancer,
// and on the same host what no deployment has, the stand-in's devices and what is
// below /local/.
func (s *System) startWeb() error {
	handler := http.NewServeMux()
	handler.Handle("/", passTo(address(s.ports.Functions)))
	handler.Handle("/{$}", http.RedirectHandler("/demo/", http.StatusFound))
	handler.Handle("/standin/", s.FCM)
	handler.HandleFunc("GET /local/config", answering(s.webConfig))
	handler.HandleFunc("POST /local/session", answering(s.session))
	handler.HandleFunc("GET /local/presence", answering(s.presence))
	handler.HandleFunc("GET /local/why", answering(s.why))

	l, err := net.Listen("tcp", address(s.ports.Web))
	if err != nil {
		return fmt.Errorf("serve browsers: %w", err)
	}
	s.web = &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go s.web.Serve(l) // until Stop closes it
	return nil
}

// WebURL is the base URL for browsers. By the name localhost, because browsers
// allow notifications there without HTTPS.
func (s *System) WebURL() string { return "http://localhost:" + strconv.Itoa(s.ports.Web) }

// passTo hands requests on to another part.
func passTo(addr string) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: addr}) },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusBadGateway)
		},
	}
}

// answering sends what a handler returns as JSON; an error is the caller's.
func answering(h func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		status := http.StatusOK
		v, err := h(r)
		if err != nil {
			status, v = http.StatusBadRequest, map[string]string{"error": err.Error()}
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(v)
	}
}

// webConfig is the SDK's configuration, and which run of the system this is: what
// a browser keeps of one is void in the next, whose users and devices are others.
func (s *System) webConfig(*http.Request) (any, error) {
	return map[string]any{
		"run":       filepath.Base(s.dir),
		"firebase":  map[string]string{"projectId": s.ProjectID, "apiKey": "any", "appId": "1:1:web:1", "messagingSenderId": "1"},
		"baseURL":   s.WebURL(),
		"emulators": map[string]string{"auth": "http://" + s.AuthHost(), "firestore": s.FirestoreHost()},
	}, nil
}

// session signs a user in, whoever asks: the custom token is what an app's own
// back end would give its app, the ID token what the app makes of it.
func (s *System) session(r *http.Request) (any, error) {
	var in struct{ UserID string }
	if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<10)).Decode(&in); err != nil || in.UserID == "" {
		return nil, errors.New(`send {"userID":"…"}`)
	}
	custom, err := customToken("", in.UserID, nil)
	if err != nil {
		return nil, err
	}
	id, err := s.SignIn(r.Context(), in.UserID)
	return map[string]string{"customToken": custom, "idToken": id}, err
}

// presence tells which devices of a user are online as the server has it, and what
// each said last.
func (s *System) presence(r *http.Request) (any, error) {
	userID := r.URL.Query().Get("user")
	if userID == "" {
		return nil, errors.New("name a user: ?user=…")
	}
	var found struct{ Fields map[string]value }
	if err := call(r.Context(), http.MethodGet, s.documents()+"/presence/"+url.PathEscape(userID), nil, &found); err != nil {
		return nil, err
	}
	online, states := map[string]bool{}, map[string]string{}
	for pushID, d := range found.Fields["devices"].Map.Fields {
		f := d.Map.Fields
		lease, _ := time.Parse(time.RFC3339, f["leaseUntil"].Timestamp) // absent: long ago
		states[pushID] = f["state"].String
		online[pushID] = states[pushID] == "online" && time.Now().Before(lease)
	}
	return map[string]any{"online": online, "states": states}, nil
}

// An outcome is what became of a device, as the ledger has it.
type outcome struct {
	Kind   string `json:"kind"` // message, call or call_end
	PushID string `json:"pushID"`
	UserID string `json:"userID"`
	Status string `json:"status"`
	Detail string `json:"detail"`
	Words  string `json:"words"` // what Detail means, of a device that was skipped
	At     string `json:"at"`
	// Receipts is what the device told of it, by event: ms since 1970.
	Receipts map[string]int64 `json:"receipts"`
}

// why tells what was decided about a message or call, from the ledger.
func (s *System) why(r *http.Request) (any, error) {
	id := r.URL.Query().Get("message")
	if callID := r.URL.Query().Get("call"); callID != "" {
		id = calling.ID(callID)
	}
	if id == "" {
		return nil, errors.New("say what about: ?message=… or ?call=…")
	}
	entries, err := s.deliveries(r.Context(), id)
	if err != nil {
		return nil, err
	}
	told, err := s.receipts(r.Context(), id)
	if err != nil {
		return nil, err
	}
	outcomes := []outcome{} // [] rather than null where nothing is decided yet
	for _, entry := range entries {
		for pushID, o := range entry["outcomes"].Map.Fields {
			f := o.Map.Fields
			kind, detail := entry["kind"].String, f["detail"].String
			outcomes = append(outcomes, outcome{
				Kind: kind, Receipts: told[pushID+" "+kind], PushID: pushID, UserID: f["userID"].String, Status: f["status"].String,
				Detail: detail, Words: plan.Reason(detail).Explain(), At: f["at"].Timestamp,
			})
		}
	}
	return map[string]any{"outcomes": outcomes}, nil
}

// A value is a Firestore value as its REST API writes it; only the kinds that
// are read here.
type value struct {
	String    string `json:"stringValue"`
	Integer   int64  `json:"integerValue,string"`
	Timestamp string `json:"timestampValue"`
	Map       struct {
		Fields map[string]value `json:"fields"`
	} `json:"mapValue"`
}

// deliveries reads the ledger's entries about a message or call.
func (s *System) deliveries(ctx context.Context, subjectID string) ([]map[string]value, error) {
	var found []struct {
		Document struct{ Fields map[string]value }
	}
	query := map[string]any{"structuredQuery": map[string]any{
		"from": []any{map[string]any{"collectionId": "deliveries"}},
		"where": map[string]any{"fieldFilter": map[string]any{
			"field": map[string]any{"fieldPath": "subjectID"}, "op": "EQUAL", "value": map[string]any{"stringValue": subjectID},
		}},
	}}
	if err := call(ctx, http.MethodPost, s.documents()+":runQuery", query, &found); err != nil {
		return nil, err
	}
	var entries []map[string]value
	for _, f := range found {
		if f.Document.Fields != nil {
			entries = append(entries, f.Document.Fields)
		}
	}
	return entries, nil
}

// receipts reads what devices told of a message or call: when, by PushID and kind,
// and by event.
func (s *System) receipts(ctx context.Context, subjectID string) (map[string]map[string]int64, error) {
	var names []string
	for shard := range receipt.Shards {
		_, name, _ := strings.Cut(s.documents(), "/v1/")
		names = append(names, name+"/receipts/"+receipt.DocID(subjectID, shard))
	}
	var answers []struct {
		Found struct{ Fields map[string]value }
	}
	if err := call(ctx, http.MethodPost, s.documents()+":batchGet", map[string]any{"documents": names}, &answers); err != nil {
		return nil, err
	}
	told := map[string]map[string]int64{}
	for _, a := range answers {
		for pushID, events := range a.Found.Fields["at"].Map.Fields {
			for key, at := range events.Map.Fields {
				kind, event, _ := strings.Cut(key, " ")
				if told[pushID+" "+kind] == nil {
					told[pushID+" "+kind] = map[string]int64{}
				}
				told[pushID+" "+kind][event] = at.Integer
			}
		}
	}
	return told, nil
}

// documents is the URL of all documents.
func (s *System) documents() string {
	return "http://" + s.FirestoreHost() + "/v1/projects/" + s.ProjectID + "/databases/(default)/documents"
}
