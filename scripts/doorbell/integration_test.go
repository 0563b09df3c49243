//go:build integration

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"

	"github.com/doorbell-push/doorbell/scripts/fcm/standin"
	"github.com/doorbell-push/doorbell/scripts/harness"
	"github.com/doorbell-push/doorbell/scripts/system"
)

const within = 30 * time.Second

type world struct {
	*testing.T
	*system.System
}

type object = map[string]any

func (w world) as(user string) harness.Client {
	w.Helper()
	token, err := w.SignIn(w.Context(), user)
	if err != nil {
		w.Fatal(err)
	}
	return harness.Client{TB: w.T, BaseURL: w.FunctionsURL(), Token: token}
}

func (w world) ok(c harness.Client, path string, body any) map[string]any {
	w.Helper()
	status, raw := c.Do(http.MethodPost, path, body)
	var answer map[string]any
	if err := json.Unmarshal(raw, &answer); status != http.StatusOK || err != nil {
		w.Fatalf("%s: %d %s", path, status, raw)
	}
	return answer
}

// phone registers a device of bob's, and returns its FCM token and itself as a caller.
func (w world) phone(c harness.Client, deviceID string) (string, harness.Client) {
	w.Helper()
	d, err := w.FCM.NewDevice(standin.Device{Platform: standin.Android})
	if err != nil {
		w.Fatal(err)
	}
	answer := w.ok(c, "/register", object{"token": d.Token, "platform": "android", "deviceID": deviceID})
	c.Token = answer["receiptToken"].(string)
	return d.Token, c
}

func (w world) send(c harness.Client, text string) string {
	w.Helper()
	answer := w.ok(c, "/send", object{
		"message": object{"type": 1, "message": text}, "toConversationID": "bob", "conversationType": 0, "localMessageID": text,
		"config": object{"priority": 2, "pushConfig": object{"title": "Alice", "content": text}},
	})
	return answer["message"].(map[string]any)["messageID"].(string)
}

// run runs the program as a person does.
func (w world) run(args ...string) string {
	w.Helper()
	out, err := w.try(args...)
	if err != nil {
		w.Fatalf("%v: %v", args, err)
	}
	return out
}

func (w world) try(args ...string) (string, error) {
	out, _, err := w.typed(isTerminal, args...)
	return out, err
}

// watched runs the program as somebody does who looks at its stderr, where it has to
// show something and take it away again.
func (w world) watched(shows string, args ...string) string {
	w.Helper()
	out, shown, err := w.typed(func(io.Writer) bool { return true }, args...)
	if err != nil || !strings.Contains(shown, shows) || !strings.HasSuffix(shown, "\r\x1b[K") {
		w.Errorf("%v: %v, shown %q, want %q", args, err, shown, shows)
	}
	return out
}

func (w world) typed(terminal func(io.Writer) bool, args ...string) (out, shown string, err error) {
	w.Setenv("FIRESTORE_EMULATOR_HOST", w.FirestoreHost())
	w.Setenv("PUBSUB_EMULATOR_HOST", w.PubSubHost())
	var stdout, stderr bytes.Buffer
	cmd := commandFor(terminal)
	cmd.SetOut(&stdout)
	cmd.SetErr(&stderr)
	cmd.SetArgs(append(args, "--project", w.ProjectID))
	err = cmd.ExecuteContext(w.Context())
	return stdout.String(), stderr.String(), err
}

// until runs the program until what it prints matches each pattern.
func (w world) until(patterns []string, args ...string) {
	w.Helper()
	err := harness.Poll(w.Context(), within, func(context.Context) error {
		out := w.run(args...)
		for _, p := range patterns {
			if !regexp.MustCompile(p).MatchString(out) {
				return fmt.Errorf("nothing like %s in\n%s", p, out)
			}
		}
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
}

// giveUp puts a message among a topic's dead letters, as Pub/Sub does with what it
// can't deliver.
func (w world) giveUp(topic, subject string) {
	w.Helper()
	client, err := pubsub.NewClient(w.Context(), w.ProjectID)
	if err != nil {
		w.Fatal(err)
	}
	defer client.Close()
	p := client.Publisher(topic + "-dead")
	defer p.Stop()
	if _, err := p.Publish(w.Context(), &pubsub.Message{Data: []byte("{}"), Attributes: map[string]string{"subjectID": subject}}).Get(w.Context()); err != nil {
		w.Fatal(err)
	}
}

// Why somebody was rung or not, from one command; and what FCM refused is sent
// once its cause is mended.
func TestTraceAndDeadLetters(t *testing.T) {
	s, err := system.Start(t.Context(), system.Options{NoClock: true, Env: []string{"DOORBELL_RECORD_SKIPS=all"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	w := world{t, s}
	alice, bob := w.as("alice"), w.as("bob")
	token, phone := w.phone(bob, "phone")
	w.phone(bob, "desk")
	w.ok(bob, "/presence", object{"deviceID": "desk", "state": "online"})

	id := w.send(alice, "hello")
	w.until([]string{
		`message ` + id + ` from alice to bob, stored 20`,
		`bob\n`,
		`phone \(android\) +message +\+\d+ ms +decided: to be pushed to\n +phone`,
		`phone \(android\) +message +\+\d+ ms +pushed: FCM took it at the first try as projects/`,
		`desk \(android\) +message +\+\d+ ms +not pushed: the device was online and got it directly`,
	}, "trace", id)
	now := time.Now().UnixMilli()
	w.ok(phone, "/receipts", object{"receipts": []any{
		object{"id": id, "kind": "message", "event": "arrived", "at": now}, object{"id": id, "kind": "message", "event": "shown", "at": now, "reason": "late"},
	}})
	w.until([]string{`phone \(android\) +message +\+\d+ ms +arrived on the device\n +phone \(android\) +message +\+\d+ ms +shown: late\n`,
		`told by devices: 1 arrived, 1 shown, 0 clicked, 0 dropped\n`}, "trace", id)
	w.until([]string{`"receipts": {\s+"arrived": 1,\s+"shown": 1,`, `"receipt": "shown",\s+"detail": "late"`}, "trace", id, "--json")
	w.until([]string{`nothing is recorded for carol`}, "trace", id, "carol")
	w.until([]string{`"userID": "bob"`, `"detail": "online"`}, "trace", id, "bob", "--json")

	w.until([]string{`tokens +2\n`, `on android +2\n`, `of no device +0\n`}, "tokens", "audit")
	if got := w.watched("2 tokens", "tokens", "audit"); strings.Contains(got, "\r") {
		t.Errorf("beside the bar: %q", got)
	}

	body := filepath.Join(t.TempDir(), "message.json")
	if err := os.WriteFile(body, []byte(`{"message":{"type":1,"message":"x"},"toConversationID":"bob","conversationType":0,"localMessageID":"dry",`+
		`"config":{"priority":2,"pushConfig":{"title":"Alice","content":"dry"}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	pushes := len(w.FCM.Messages(token))
	out := w.run("dry-run", "--from", "alice", body)
	for _, p := range []string{`(?m)^bob$`, `phone \(android\) +would be pushed to`, `desk \(android\) +no push: the device was online`, `FCM, android, \d+ bytes:`, `"body": "dry"`, `FCM, web`} {
		if !regexp.MustCompile(p).MatchString(out) {
			t.Errorf("nothing like %s in\n%s", p, out)
		}
	}
	languages := w.run("dry-run", "--from", "alice", "--locale", "de,fr", body)
	if !regexp.MustCompile(`(?s)in de:\n  android shows: Alice: dry\n.*in fr:\n.*  web shows: Alice: dry\n`).MatchString(languages) {
		t.Errorf("in two languages:\n%s", languages)
	}
	w.Setenv("DOORBELL_FCM_ENDPOINT", "http://"+w.FCMHost()+"/v1")
	if out := w.run("dry-run", "--from", "alice", "--validate", body); !regexp.MustCompile(`phone \(android\) +would be pushed to +FCM would take it`).MatchString(out) {
		t.Errorf("asked of FCM:\n%s", out)
	}
	if strings.Contains(out, token) || len(w.FCM.Messages(token)) != pushes {
		t.Errorf("a dry run shows the token, or rings:\n%s", out)
	}

	if err := w.FCM.SetFaults(standin.Plan{Rules: []standin.Rule{{Match: standin.Match{Token: token}, Action: standin.Action{Error: standin.SenderIDMismatch}}}}); err != nil {
		t.Fatal(err)
	}
	lost := w.send(alice, "lost")
	w.until([]string{`message ` + lost + `  1 devices  sender_mismatch`}, "dead-letter", "list")
	w.until([]string{`in the dead letters at the first try: the token belongs to another Firebase project`}, "trace", lost, "bob")
	w.Setenv("DOORBELL_FCM_ENDPOINT", "http://"+w.FCMHost()+"/v1")
	steps, err := w.try("self-test", "bob", "phone")
	if !errors.Is(err, errBroken) || !regexp.MustCompile(`phone \(android\) +fcm +BROKEN +the token belongs to another Firebase project`).MatchString(steps) {
		t.Errorf("self-test, with the wrong sender: %v\n%s", err, steps)
	}
	w.FCM.ClearFaults()
	before := len(w.FCM.Messages(token))
	if steps := w.run("self-test", "bob", "phone"); !strings.Contains(steps, "FCM would take the push") || len(w.FCM.Messages(token)) != before {
		t.Errorf("self-test:\n%s", steps)
	}
	if got := w.run("dead-letter", "replay", "--reason", "credentials"); got != "0 of 0 sent again\n" {
		t.Errorf("replay of others: %q", got)
	}
	if got := w.watched("] 100 %  1 of 1 of push sent again", "dead-letter", "replay", "--queue", "push"); got != "1 of 1 sent again\n" {
		t.Errorf("replay: %q", got)
	}
	w.until([]string{`pushed: FCM took it at the first try`}, "trace", lost, "bob")
	if got := w.run("dead-letter", "list", "--queue", "push"); got != "no dead letters\n" {
		t.Errorf("left: %q", got)
	}
	w.giveUp("fanout", "given-up")
	w.until([]string{`given-up  0 devices  given up by Pub/Sub`}, "dead-letter", "list")
	w.until([]string{`"queue":"fanout"`}, "dead-letter", "list", "--json")
	if got := len(w.FCM.Messages(token)); got != 2 {
		t.Errorf("the phone got %d pushes", got)
	}

	w.resources(body)

	call := w.ok(alice, "/call-invite", object{"invitees": []string{"bob"}, "config": object{"pushConfig": object{"title": "Alice", "content": "call"}}})
	callID := call["callID"].(string)
	w.until([]string{`call ` + callID + ` from alice to 1 invitees`, `phone \(android\) +call +`}, "trace", callID)
	w.ok(alice, "/call-cancel", object{"callID": callID})
	w.until([]string{`phone \(android\) +call_end +`}, "trace", callID)
	if strings.Contains(w.run("trace", callID), "nothing is recorded") {
		t.Error("the call's story is empty")
	}
}

// resources are applied as one version, and again as none; a mistake changes nothing;
// and a dry run looks as they say.
func (w world) resources(body string) {
	w.Helper()
	dir := w.TempDir()
	write := func(id, text string) {
		if err := os.WriteFile(filepath.Join(dir, id+".yaml"), []byte(text), 0o600); err != nil {
			w.Fatal(err)
		}
	}
	write("chat", "android: {channel: messages}")
	write("quiet", "silent: true")
	for _, step := range []struct {
		args []string
		want string
	}{
		{[]string{"list"}, "nothing was ever applied\n"},
		{[]string{"diff", dir}, "added    chat\nadded    quiet\n"},
		{[]string{"apply", dir}, "version 1: 2 resources, in use a minute from now at the latest\n"},
		{[]string{"diff", dir}, ""},
		{[]string{"apply", dir, "--json"}, `{"changed":false,"version":1}` + "\n"},
	} {
		if got := w.run(append([]string{"resources"}, step.args...)...); got != step.want {
			w.Errorf("resources %v: %q, want %q", step.args, got, step.want)
		}
	}
	w.until([]string{`version 1 of 20`, `chat +shows a notification`, `quiet +silent`}, "resources", "list")
	if err := os.WriteFile(body, []byte(`{"message":{"type":1,"message":"x"},"toConversationID":"bob","conversationType":0,"localMessageID":"dry",`+
		`"config":{"priority":2,"pushConfig":{"title":"Alice","content":"dry","resourcesID":"chat"}}}`), 0o600); err != nil {
		w.Fatal(err)
	}
	if out := w.run("dry-run", "--from", "alice", body); !strings.Contains(out, `"channel_id": "messages"`) {
		w.Errorf("a dry run knows nothing of it:\n%s", out)
	}
	write("quiet", "silent: perhaps")
	if out, err := w.try("resources", "apply", dir); err == nil || !strings.Contains(err.Error(), "quiet.yaml: /silent") {
		w.Errorf("applied %s, %v", out, err)
	}
	if got := w.watched("resources of ../../terraform/resources …", "resources", "apply", "../../terraform/resources"); !strings.HasPrefix(got, "version 2: ") {
		w.Errorf("the repository's: %q", got)
	}
	w.until([]string{`version 2 of 20`}, "resources", "list")
}
