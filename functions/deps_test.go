package functions

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/config"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/fcm"
)

// serviceAccount makes a service account the process's credentials, with its
// access tokens from tokenURL.
func serviceAccount(t *testing.T, tokenURL string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	account, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": "demo", "client_email": "dispatch@demo.iam.gserviceaccount.com", "private_key_id": "1",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": tokenURL,
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "account.json")
	if err := os.WriteFile(file, account, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", file)
}

// standIn answers as FCM does, over TLS or without, and notes what it was asked.
func standIn(t *testing.T, useTLS bool) (server *httptest.Server, asked *[]string) {
	asked = new([]string)
	server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, r.Proto+" "+r.URL.Path+" "+r.Header.Get("Authorization"))
		fmt.Fprint(w, `{"name":"projects/demo/messages/1"}`)
	}))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP2(true)
	server.Config.Protocols.SetUnencryptedHTTP2(!useTLS)
	server.EnableHTTP2 = true
	if useTLS {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server, asked
}

// In production FCM's own address is asked, with our credentials.
func TestFCMClientInProduction(t *testing.T) {
	oauth := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"access_token":"ACCESS","token_type":"Bearer","expires_in":3600}`)
	}))
	defer oauth.Close()
	serviceAccount(t, oauth.URL)
	o, err := fcmOptions(&config.Config{ProjectID: "demo", FCMConcurrency: 201})
	if err != nil {
		t.Fatal(err)
	}
	if o.Project != "demo" || o.Endpoint != "" || o.Connections != 3 || o.TLS != nil || fcm.Endpoint != "https://fcm.googleapis.com/v1" {
		t.Errorf("options %+v", o)
	}
	google, asked := standIn(t, true)
	o.Endpoint, o.TLS = google.URL+"/v1", google.Client().Transport.(*http.Transport).TLSClientConfig
	client, err := fcm.New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if name, err := client.Send(t.Context(), []byte("{}")); err != nil || name != "projects/demo/messages/1" {
		t.Errorf("got %q, %v", name, err)
	}
	if len(*asked) != 1 || (*asked)[0] != "HTTP/2.0 /v1/projects/demo/messages:send Bearer ACCESS" {
		t.Errorf("asked %q", *asked)
	}
}

// In a local run the stand-in is asked, without credentials.
func TestFCMClientLocally(t *testing.T) {
	local, asked := standIn(t, false)
	client, err := fcmClient(&config.Config{ProjectID: "demo", FCMConcurrency: 10, FCMEndpoint: local.URL + "/v1"})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if name, err := client.Send(t.Context(), []byte("{}")); err != nil || name != "projects/demo/messages/1" {
		t.Errorf("got %q, %v", name, err)
	}
	if len(*asked) != 1 || (*asked)[0] != "HTTP/2.0 /v1/projects/demo/messages:send " {
		t.Errorf("asked %q", *asked)
	}
}

func TestFCMClientFails(t *testing.T) {
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(t.TempDir(), "none.json"))
	if _, err := fcmClient(&config.Config{ProjectID: "demo"}); err == nil {
		t.Error("there are no credentials, and no error")
	}
	if _, err := fcmClient(&config.Config{FCMEndpoint: "http://localhost:1"}); err == nil {
		t.Error("there is no project, and no error")
	}
}

// Every dependency is built from the environment, without a network, and kept.
func TestDependencies(t *testing.T) {
	logger := slog.Default()
	defer slog.SetDefault(logger)
	for name, value := range map[string]string{
		"GOOGLE_CLOUD_PROJECT": "demo", "FIRESTORE_EMULATOR_HOST": "localhost:1", "PUBSUB_EMULATOR_HOST": "localhost:1",
		"FIREBASE_AUTH_EMULATOR_HOST": "localhost:1", "DOORBELL_FCM_ENDPOINT": "http://localhost:1/v1", "K_SERVICE": "",
		"DOORBELL_LEASE_SECONDS": "77", "DOORBELL_MAX_DEVICES": "7", "DOORBELL_MAX_TEXT_BYTES": "777", "DOORBELL_RECORD_SKIPS": "all",
		"DOORBELL_MAX_GROUP_MEMBERS": "37", "DOORBELL_FANOUT_THRESHOLD": "47",
		"DOORBELL_WEB_CLICK_URL": "https://app.example/", "DOORBELL_MAX_ATTEMPTS": "17", "DOORBELL_MAX_DEAD_PERCENT": "67", "DOORBELL_FCM_CONCURRENCY": "27",
		"DOORBELL_FCM_RATE_PER_MINUTE": "6000", "DOORBELL_FCM_INSTANCES": "4",
		"DOORBELL_PUSH_TTL_SECONDS": "6000", "DOORBELL_LEDGER_RETENTION_HOURS": "48", "DOORBELL_MESSAGE_RETENTION_HOURS": "24",
		"DOORBELL_MAX_CALL_INVITEES": "37", "DOORBELL_CALL_RETENTION_HOURS": "25",
	} {
		t.Setenv(name, value)
	}
	if _, err := tokens(); err != nil {
		t.Error(err)
	}
	if r, err := registry(); err != nil || r.Lease != 77*time.Second || r.MaxDevices != 7 || r.Store == nil || r.Now == nil {
		t.Errorf("registry %+v, %v", r, err)
	}
	if s, err := sender(); err != nil || s.MaxText != 777 || s.Retention != 24*time.Hour || s.Store == nil || s.Now == nil {
		t.Errorf("sender %+v, %v", s, err)
	} else {
		long := chat.Message{Push: &chat.PushConfig{Title: "t", Content: "c", Payload: strings.Repeat("x", 4096)}}
		if err := s.CheckPush(long); fault.From(err).Field != "config.pushConfig.payload" {
			t.Errorf("a push that can't fit: %v", err)
		}
	}
	if s, err := calls(); err != nil || s.MaxInvitees != 37 || s.Retention != 25*time.Hour || s.Store == nil || s.Presence == nil || s.Now == nil || s.CheckPush == nil {
		t.Errorf("calls %+v, %v", s, err)
	}
	if f, err := fan(); err != nil || f.PushTTL != 6000*time.Second || f.Retention != 48*time.Hour || f.Skips == nil || f.Presence == nil || f.Publisher == nil ||
		f.Roster == nil || f.Tasks == nil || f.Threshold != 47 {
		t.Errorf("fan %+v, %v", f, err)
	}
	if g, err := groups(); err != nil || g.MaxMembers != 37 || g.Store == nil || g.Now == nil {
		t.Errorf("groups %+v, %v", g, err)
	}
	d, err := dispatcher()
	if err != nil || d.MaxAttempts != 17 || d.MaxDead != 67 || d.Concurrency != 27 || d.Rate != 25 || d.Retention != 48*time.Hour || d.Renderer.WebClickURL != "https://app.example/" ||
		d.Ledger == nil || d.Sender == nil || d.Bindings == nil || d.DeadLetters == nil {
		t.Errorf("dispatcher %+v, %v", d, err)
	}
	if again, _ := dispatcher(); again != d {
		t.Error("the dispatcher is built anew: its limit of requests under way would be each invocation's own")
	}
}
