package functions

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"cloud.google.com/go/firestore"
	"cloud.google.com/go/pubsub/v2"
	firebase "firebase.google.com/go/v4"
	"firebase.google.com/go/v4/auth"
	"firebase.google.com/go/v4/messaging"
	"google.golang.org/api/option"
	authhttp "google.golang.org/api/transport/http"

	calling "github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/config"
	"github.com/doorbell-push/doorbell/shared/dispatch"
	"github.com/doorbell-push/doorbell/shared/fanout"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/logs"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
	"github.com/doorbell-push/doorbell/shared/queue"
	"github.com/doorbell-push/doorbell/shared/store"
)

// What the functions need is built on first use and kept for the life of the
// process: one binary serves every function, and a cold start pays only for
// what its function touches. An error is kept too: configuration doesn't
// change under a running process.
var (
	settings = sync.OnceValues(func() (*config.Config, error) {
		slog.SetDefault(logs.New(os.Stderr))
		return config.Read(os.Getenv)
	})

	database = sync.OnceValues(func() (*store.Firestore, error) {
		c, err := settings()
		if err != nil {
			return nil, err
		}
		client, err := firestore.NewClient(context.Background(), c.ProjectID)
		if err != nil {
			return nil, err
		}
		return store.NewFirestore(client), nil
	})

	topics = sync.OnceValues(func() (*queue.Topics, error) {
		c, err := settings()
		if err != nil {
			return nil, err
		}
		client, err := pubsub.NewClient(context.Background(), c.ProjectID)
		if err != nil {
			return nil, err
		}
		return queue.NewTopics(client, c.PushTopic, c.DeadTopic, c.FanoutTopic), nil
	})

	tokens = sync.OnceValues(func() (*auth.Client, error) {
		c, err := settings()
		if err != nil {
			return nil, err
		}
		app, err := firebase.NewApp(context.Background(), &firebase.Config{ProjectID: c.ProjectID})
		if err != nil {
			return nil, err
		}
		return app.Auth(context.Background())
	})

	registry = sync.OnceValues(func() (*presence.Registry, error) {
		c, err := settings()
		if err != nil {
			return nil, err
		}
		db, err := database()
		if err != nil {
			return nil, err
		}
		return &presence.Registry{Store: db, Now: time.Now, Lease: c.Lease, MaxDevices: c.MaxDevices}, nil
	})

	sender = sync.OnceValues(func() (*chat.Sender, error) {
		c, err := settings()
		if err != nil {
			return nil, err
		}
		db, err := database()
		if err != nil {
			return nil, err
		}
		return &chat.Sender{
			Store: db, Now: time.Now, MaxText: c.MaxTextBytes, Retention: c.MessageRetention,
			CheckPush: func(m chat.Message) error {
				return push.CheckFits(push.OfMessage(m, c.PushTTL), "config.pushConfig")
			},
		}, nil
	})

	calls = sync.OnceValues(func() (*calling.Service, error) {
		c, err := settings()
		if err != nil {
			return nil, err
		}
		db, err := database()
		if err != nil {
			return nil, err
		}
		return &calling.Service{
			Store: db, Presence: db, Now: time.Now, MaxInvitees: c.MaxCallInvitees, Retention: c.CallRetention, CheckPush: checkCallPush,
		}, nil
	})

	groups = sync.OnceValues(func() (*group.Service, error) {
		c, err := settings()
		if err != nil {
			return nil, err
		}
		db, err := database()
		if err != nil {
			return nil, err
		}
		return &group.Service{Store: db, Now: time.Now, MaxMembers: c.MaxGroupMembers}, nil
	})

	fan = sync.OnceValues(func() (*fanout.Fanout, error) {
		c, err := settings()
		if err != nil {
			return nil, err
		}
		db, err := database()
		if err != nil {
			return nil, err
		}
		q, err := topics()
		if err != nil {
			return nil, err
		}
		f := &fanout.Fanout{
			Presence: db, Roster: db, Publisher: q, Tasks: q, Now: time.Now,
			PushTTL: c.PushTTL, Retention: c.LedgerRetention, Threshold: c.FanoutThreshold,
		}
		if c.RecordSkips {
			f.Skips = db
		}
		return f, nil
	})

	dispatcher = sync.OnceValues(func() (*dispatch.Dispatcher, error) {
		c, err := settings()
		if err != nil {
			return nil, err
		}
		db, err := database()
		if err != nil {
			return nil, err
		}
		q, err := topics()
		if err != nil {
			return nil, err
		}
		fcm, err := fcmClient(c)
		if err != nil {
			return nil, err
		}
		return &dispatch.Dispatcher{
			Ledger: db, Sender: fcm, Bindings: db, DeadLetters: q,
			Renderer: push.Renderer{WebClickURL: c.WebClickURL}, Now: time.Now,
			Retention: c.LedgerRetention, MaxAttempts: c.MaxAttempts, Concurrency: c.FCMConcurrency,
		}, nil
	})
)

// checkCallPush reports why a push for c could never reach a device.
func checkCallPush(c calling.Call) error {
	return push.CheckFits(push.Announcement{
		Kind: "call", ID: calling.ID(c.CallID), SenderUserID: c.Caller, CID: calling.ID(c.CallID), ConversationID: c.CallID,
		Priority: chat.High, Push: *c.Push, CreatedAt: c.CreateTime, ExpiresAt: c.CreateTime + int64(c.Timeout)*1000,
	}, "config.pushConfig")
}

// fcmClient is the Admin SDK's client on FCM, or on the stand-in that replaces
// it in local runs. Its HTTP client is ours, and so is its authentication: see
// push.OneTry.
func fcmClient(c *config.Config) (*messaging.Client, error) {
	ctx := context.Background()
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.MaxIdleConnsPerHost = c.FCMConcurrency
	var transport http.RoundTripper = base
	var opts []option.ClientOption
	if c.FCMEndpoint != "" {
		opts = append(opts, option.WithEndpoint(c.FCMEndpoint))
	} else {
		var err error
		if transport, err = authhttp.NewTransport(ctx, base, option.WithScopes(fcmScope)); err != nil {
			return nil, err
		}
	}
	opts = append(opts, option.WithHTTPClient(&http.Client{Transport: push.OneTry(transport)}))
	app, err := firebase.NewApp(ctx, &firebase.Config{ProjectID: c.ProjectID}, opts...)
	if err != nil {
		return nil, err
	}
	return app.Messaging(ctx)
}

// fcmScope is the OAuth scope that messages:send asks for.
const fcmScope = "https://www.googleapis.com/auth/firebase.messaging"
