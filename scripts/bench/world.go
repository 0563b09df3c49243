package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"cloud.google.com/go/firestore"
	"golang.org/x/sync/errgroup"

	"github.com/doorbell-push/doorbell/scripts/fcm/standin"
	"github.com/doorbell-push/doorbell/scripts/harness"
	"github.com/doorbell-push/doorbell/scripts/system"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/presence"
)

// world is a local system, with people in it.
type world struct {
	*system.System
	log    *planLog
	db     *firestore.Client
	client *http.Client
	phones map[string]string // tokens, by user
}

// startWorld starts a system.
func startWorld(ctx context.Context) (*world, error) { return startWorldWith(ctx, nil, nil) }

// startWorldWith has functions in a process of their own, with more environment.
func startWorldWith(ctx context.Context, apart, env []string) (*world, error) {
	w := &world{
		log: &planLog{planned: map[string]time.Time{}}, phones: map[string]string{},
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 500}, Timeout: time.Minute},
	}
	var err error
	if w.System, err = system.Start(ctx, system.Options{ProjectID: project, NoClock: true, Lasting: true, Log: w.log, Apart: apart, ApartEnv: env}); err != nil {
		return nil, err
	}
	// The client that seeds the database reads it from there, and nothing after it is to.
	if err = os.Setenv("FIRESTORE_EMULATOR_HOST", w.FirestoreHost()); err == nil {
		w.db, err = firestore.NewClient(ctx, project)
		err = errors.Join(err, os.Unsetenv("FIRESTORE_EMULATOR_HOST"))
	}
	if err != nil {
		w.Stop()
		return nil, err
	}
	return w, nil
}

func (w *world) stop() {
	w.db.Close()
	w.Stop()
}

// people writes the presence of n users, called by name and number, with a phone
// each, of whom those who are online stay so.
func (w *world) people(ctx context.Context, name string, n int, online func(i int) bool) (ids []string, err error) {
	var phones []string
	for range n {
		phone, err := w.FCM.NewDevice(standin.Device{Platform: standin.Android, On: true})
		if err != nil {
			return nil, err
		}
		phones = append(phones, phone.Token)
	}
	return w.peopleWith(ctx, name, phones, online)
}

// peopleWith is people whose phones have the given tokens.
func (w *world) peopleWith(ctx context.Context, name string, phones []string, online func(i int) bool) (ids []string, err error) {
	writer := w.db.BulkWriter(ctx)
	for i, phone := range phones {
		id := fmt.Sprintf("%s%05d", name, i)
		d := device.Device{PushID: "p", DeviceID: "d", Platform: device.Android, Popup: true, Target: device.Target{Kind: device.KindToken, Value: phone}}
		if online(i) {
			d.State, d.LeaseUntil = device.Online, time.Now().Add(time.Hour)
		}
		u := presence.User{Devices: map[string]device.Device{device.PushID(id, "d"): d}}
		if _, err := writer.Set(w.db.Collection("presence").Doc(id), u); err != nil {
			return nil, err
		}
		ids = append(ids, id)
		w.phones[id] = phone
	}
	writer.End()
	return ids, nil
}

// signIn is clients of n users.
func (w *world) signIn(ctx context.Context, name string, n int) ([]harness.Client, error) {
	clients := make([]harness.Client, n)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for i := range n {
		g.Go(func() error {
			token, err := w.SignIn(ctx, fmt.Sprint(name, i))
			clients[i] = harness.Client{BaseURL: w.FunctionsURL(), Token: token, HTTP: w.client}
			return err
		})
	}
	return clients, g.Wait()
}

// post makes a request that has to be answered 200.
func post(ctx context.Context, c harness.Client, path string, body, answer any) error {
	status, raw, err := c.Try(ctx, http.MethodPost, path, body)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%s answered %d %s", path, status, raw)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, answer)
}

// pushed is when FCM took the pushes to a user, by the value of a field of their data.
func (w *world) pushed(userID, field string) (map[string]time.Time, error) {
	at := map[string]time.Time{}
	for _, r := range w.FCM.Messages(w.phones[userID]) {
		var m struct{ Data map[string]string }
		if err := json.Unmarshal(r.Message, &m); err != nil {
			return nil, err
		}
		if _, again := at[m.Data[field]]; !again {
			at[m.Data[field]] = r.AcceptedAt
		}
	}
	return at, nil
}
