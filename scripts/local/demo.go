package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/doorbell-push/doorbell/scripts/fcm/standin"
	"github.com/doorbell-push/doorbell/scripts/harness"
	"github.com/doorbell-push/doorbell/scripts/system"
)

// stepWithin is how long a step may take. The whole chain takes well under a second.
const stepWithin = 15 * time.Second

const (
	text    = "The parcel is at your door."
	title   = "alice"
	payload = `{"orderID":"A-1001"}`
)

// A demo plays an offline push as the two people's apps would: bob registers his
// phone and goes away, alice sends him a message, his phone rings, and he
// comes back and reads it.
type demo struct {
	sys *system.System
	out palette

	alice, bob harness.Client
	device     standin.Device
	pushID     string
	sent       struct {
		MessageID, ConversationID, SenderUserID string
		Timestamp                               int64
	}
	sentAt time.Time
}

func (d *demo) play(ctx context.Context) error {
	for i, step := range []struct {
		what string
		do   func(context.Context) (string, error)
	}{
		{"bob's phone asks Google for push notifications", d.install},
		{"Google returns a token", d.token},
		{"bob's app binds phone and user, and goes to the background", d.register},
		{"alice sends bob a message, which is stored", d.send},
		{"on-message looks whether bob is online", d.plan},
		{"he is not: the push goes through Pub/Sub to dispatch", d.dispatch},
		{"dispatch hands it to FCM", d.accepted},
		{"bob's phone rings, and bob comes back and reads the message", d.read},
	} {
		stepCtx, cancel := context.WithTimeout(ctx, stepWithin)
		began := time.Now()
		result, err := step.do(stepCtx)
		cancel()
		if err != nil {
			fmt.Printf("%s %d  %s\n", d.out.red("✗"), i+1, d.out.bold(step.what))
			return fmt.Errorf("step %d, %s: %w", i+1, step.what, err)
		}
		fmt.Printf("%s %d  %s %s\n", d.out.green("✓"), i+1, d.out.bold(step.what), d.out.dim(since(began)))
		for line := range strings.SplitSeq(result, "\n") {
			fmt.Println("     " + line)
		}
	}
	return nil
}

func (d *demo) install(ctx context.Context) (result string, err error) {
	d.device, err = d.sys.FCM.NewDevice(standin.Device{Platform: standin.Android})
	return "an Android phone, on and connected", err
}

func (d *demo) token(context.Context) (string, error) {
	return fmt.Sprintf("%.24s… (%d characters)", d.device.Token, len(d.device.Token)), nil
}

func (d *demo) register(ctx context.Context) (string, error) {
	var err error
	if d.bob, err = d.signIn(ctx, "bob"); err != nil {
		return "", err
	}
	var registered struct{ PushID string }
	in := map[string]any{"token": d.device.Token, "platform": "android", "deviceID": "bobs-phone", "locale": "en"}
	if err := post(ctx, d.bob, "/register", in, &registered); err != nil {
		return "", err
	}
	d.pushID = registered.PushID
	var lease struct{ LeaseSeconds int }
	for _, state := range []string{"online", "offline"} {
		if err := post(ctx, d.bob, "/presence", map[string]any{"pushID": d.pushID, "state": state}, &lease); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("POST /register → 200, pushID %s\nPOST /presence online → 200, lease %d s; POST /presence offline → 200", d.pushID, lease.LeaseSeconds), nil
}

func (d *demo) send(ctx context.Context) (string, error) {
	var err error
	if d.alice, err = d.signIn(ctx, "alice"); err != nil {
		return "", err
	}
	d.sentAt = time.Now()
	answer := struct{ Message any }{&d.sent}
	err = post(ctx, d.alice, "/send", map[string]any{
		"message":          map[string]any{"type": 1, "message": text},
		"toConversationID": "bob",
		"conversationType": 0,
		"localMessageID":   "demo-1",
		"config": map[string]any{
			"priority":   2,
			"pushConfig": map[string]any{"title": title, "content": text, "payload": payload},
		},
	}, &answer)
	return fmt.Sprintf("POST /send → 200, messageID %s, answered in %s", d.sent.MessageID, since(d.sentAt)), err
}

func (d *demo) plan(ctx context.Context) (string, error) {
	err := d.sys.Gate.WaitDelivered(ctx, "on-message", 1)
	return "the document's creation called it; done " + since(d.sentAt) + " after alice sent", err
}

func (d *demo) dispatch(ctx context.Context) (string, error) {
	err := d.sys.Gate.WaitDelivered(ctx, "dispatch", 1)
	return "the topic push called it with one batch; done " + since(d.sentAt) + " after alice sent", err
}

func (d *demo) accepted(ctx context.Context) (string, error) {
	got, err := d.received(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("POST /v1/projects/%s/messages:send → 200, %s\n%s after alice sent, in attempt %d",
		d.sys.ProjectID, got.Name, got.AcceptedAt.Sub(d.sentAt).Round(time.Millisecond), got.Attempt), nil
}

// read shows the push as the phone got it, and the message as bob's app reads it.
func (d *demo) read(ctx context.Context) (string, error) {
	got, err := d.received(ctx)
	if err != nil {
		return "", err
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, got.Message, "│ ", "  "); err != nil {
		return "", err
	}
	shade := d.sys.FCM.Shade(d.device.Token)
	if len(shade) != 1 {
		return "", fmt.Errorf("the phone shows %d notifications instead of one", len(shade))
	}
	if err := post(ctx, d.bob, "/presence", map[string]any{"pushID": d.pushID, "state": "online"}, nil); err != nil {
		return "", err
	}
	message, err := d.fetch(ctx)
	if err != nil {
		return "", err
	}
	if message != text {
		return "", fmt.Errorf("bob reads %q, but alice sent %q", message, text)
	}
	return strings.Join([]string{
		"┌ " + d.out.bold(shade[0].Title) + ": " + shade[0].Body,
		"│ " + d.out.dim(pretty.String()),
		"└ POST /presence online → 200; bob, under the security rules, reads: " + d.out.bold(message),
	}, "\n"), nil
}

// received returns the push that bob's phone got.
func (d *demo) received(ctx context.Context) (standin.Received, error) {
	var got []standin.Received
	err := d.sys.FCM.Wait(ctx, func(s *standin.Server) bool {
		got = s.Messages(d.device.Token)
		return len(got) > 0
	})
	if err != nil {
		return standin.Received{}, fmt.Errorf("no push for bob's phone reached FCM: %w", err)
	}
	if len(got) != 1 {
		return standin.Received{}, fmt.Errorf("bob's phone got %d pushes instead of one", len(got))
	}
	return got[0], nil
}

// fetch reads the message as bob's app does: it finds his conversations in
// Firestore, and the message in the one with alice.
func (d *demo) fetch(ctx context.Context) (string, error) {
	firestore := d.bob
	firestore.BaseURL = "http://" + d.sys.FirestoreHost() + "/v1/"
	var found []struct{ Document struct{ Name string } }
	err := post(ctx, firestore, "projects/"+d.sys.ProjectID+"/databases/(default)/documents:runQuery", map[string]any{
		"structuredQuery": map[string]any{
			"from": []any{map[string]any{"collectionId": "conversations"}},
			"where": map[string]any{"fieldFilter": map[string]any{
				"field": map[string]any{"fieldPath": "members"},
				"op":    "ARRAY_CONTAINS",
				"value": map[string]any{"stringValue": "bob"},
			}},
		},
	}, &found)
	if err != nil {
		return "", err
	}
	if len(found) == 0 || found[0].Document.Name == "" {
		return "", fmt.Errorf("bob finds no conversation of his in Firestore")
	}
	var message struct {
		Fields struct{ Message struct{ StringValue string } }
	}
	err = request(ctx, firestore, http.MethodGet, found[0].Document.Name+"/messages/"+d.sent.MessageID, nil, &message)
	return message.Fields.Message.StringValue, err
}

// explain prints what happened to the events and what the functions said last,
// after a step failed.
func (d *demo) explain() {
	for _, name := range []string{"on-message", "dispatch"} {
		tries := d.sys.Gate.Deliveries(name)
		fmt.Printf("\n%s was called %d times", name, len(tries))
		if len(tries) > 0 {
			fmt.Printf(", and answered last %d", tries[len(tries)-1].Status)
		}
	}
	fmt.Println("\n\nThe functions printed last:")
	for _, line := range d.sys.LastLines("functions") {
		fmt.Println("  " + d.out.dim(line))
	}
	fmt.Println("Run it with -v to see what every part prints.")
}

func (d *demo) signIn(ctx context.Context, userID string) (harness.Client, error) {
	token, err := d.sys.SignIn(ctx, userID)
	return harness.Client{BaseURL: d.sys.FunctionsURL(), Token: token}, err
}

func post(ctx context.Context, c harness.Client, path string, in, out any) error {
	return request(ctx, c, http.MethodPost, path, in, out)
}

// request makes a call that has to succeed.
func request(ctx context.Context, c harness.Client, method, path string, in, out any) error {
	status, answer, err := c.Try(ctx, method, path, in)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("%s %s answered %d: %s", method, path, status, bytes.TrimSpace(answer))
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("%s %s: %w in %s", method, path, err, answer)
	}
	return nil
}

func since(t time.Time) string { return time.Since(t).Round(time.Millisecond).String() }
