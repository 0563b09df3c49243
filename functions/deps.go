package functions

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"time"

	"cloud.google.com/go/auth/credentials"
	"cloud.google.com/go/firestore"
	"cloud.google.com/go/pubsub/v2"
	firebase "firebase.google.com/go/v4"
	"firebase.google.com/go/v4/auth"
	"google.golang.org/api/idtoken"

	"github.com/doorbell-push/doorbell/shared/backend"
	calling "github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/config"
	"github.com/doorbell-push/doorbell/shared/content"
	"github.com/doorbell-push/doorbell/shared/dispatch"
	"github.com/doorbell-push/doorbell/shared/dryrun"
	"github.com/doorbell-push/doorbell/shared/fanout"
	"github.com/doorbell-push/doorbell/shared/fcm"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/inbox"
	"github.com/doorbell-push/doorbell/shared/lapse"
	"github.com/doorbell-push/doorbell/shared/logs"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
	"github.com/doorbell-push/doorbell/shared/queue"
	"github.com/doorbell-push/doorbell/shared/receipt"
	"github.com/doorbell-push/doorbell/shared/resource"
	"github.com/doorbell-push/doorbell/shared/revision"
	"github.com/doorbell-push/doorbell/shared/selftest"
	"github.com/doorbell-push/doorbell/shared/store"
	"github.com/doorbell-push/doorbell/shared/trace"
)

// What the functions need is built on first use and kept for the life of the
// process: one binary serves every function, and a cold start pays only for
// what its function touches. An error is kept too: configuration doesn't
// change under a running process.
var (
	settings = sync.OnceValues(func() (*config.Config, error) {
		slog.SetDefault(logs.New(os.Stderr, os.Getenv("GOOGLE_CLOUD_PROJECT")))
		c, err := config.Read(os.Getenv)
		if err == nil {
			exportTraces(c)
		}
		return c, err
	})

	database = configured(func(c *config.Config) (*store.Firestore, error) {
		client, err := firestore.NewClient(context.Background(), c.ProjectID)
		if err != nil {
			return nil, err
		}
		return store.NewFirestore(client), nil
	})

	topics = configured(func(c *config.Config) (*queue.Topics, error) {
		client, err := pubsub.NewClient(context.Background(), c.ProjectID)
		if err != nil {
			return nil, err
		}
		return queue.NewTopics(client, queue.Names{
			Push: c.PushTopic, Urgent: c.UrgentTopic, Dead: c.DeadTopic, Fanout: c.FanoutTopic, FanoutDead: c.FanoutDeadTopic, Sweep: c.SweepTopic,
		}), nil
	})

	tokens = configured(func(c *config.Config) (*auth.Client, error) {
		app, err := firebase.NewApp(context.Background(), &firebase.Config{ProjectID: c.ProjectID})
		if err != nil {
			return nil, err
		}
		return app.Auth(context.Background())
	})

	backends = configured(newBackends)

	registry = onDatabase(func(c *config.Config, db *store.Firestore) (*presence.Registry, error) {
		return &presence.Registry{
			Store: db, Now: time.Now, Lease: c.Lease, MaxDevices: c.MaxDevices, Defaults: c.UserDefaults,
		}, nil
	})

	receipts = onDatabase(func(c *config.Config, db *store.Firestore) (*receipt.Service, error) {
		return &receipt.Service{Store: db, Now: time.Now, Retention: c.LedgerRetention}, nil
	})

	contents = onDatabase(func(c *config.Config, db *store.Firestore) (*content.Service, error) {
		known, err := resources()
		if err != nil {
			return nil, err
		}
		return &content.Service{
			Store: db, Resources: known, Rules: rules(c), Renderer: push.Renderer{WebClickURL: c.WebClickURL}, Now: time.Now, PushTTL: c.PushTTL,
		}, nil
	})

	selfTests = onDatabase(func(c *config.Config, db *store.Firestore) (*selfTester, error) {
		client, err := fcmClient(c)
		if err != nil {
			return nil, err
		}
		return &selfTester{db, selftest.Tester{
			Sender: client, Pauses: db, Rules: rules(c), Renderer: push.Renderer{WebClickURL: c.WebClickURL}, Now: time.Now,
		}}, nil
	})

	resources = onDatabase(func(_ *config.Config, db *store.Firestore) (*resource.Cache, error) {
		return &resource.Cache{Store: db, Now: time.Now}, nil
	})

	sender = onDatabase(func(c *config.Config, db *store.Firestore) (*chat.Sender, error) {
		known, err := resources()
		if err != nil {
			return nil, err
		}
		return &chat.Sender{
			Resources: known,
			Store:     db, Now: time.Now, MaxText: c.MaxTextBytes, Retention: c.MessageRetention,
			CheckPush: func(m chat.Message) error {
				return push.CheckFits(push.OfMessage(m, c.PushTTL), "config.pushConfig")
			},
		}, nil
	})

	revisions = onDatabase(func(c *config.Config, db *store.Firestore) (*revision.Service, error) {
		return &revision.Service{
			Store: db, Now: time.Now, MaxText: c.MaxTextBytes, RevokeWithin: c.RevokeWithin, EditWithin: c.EditWithin,
			CheckPush: func(m chat.Message) error {
				return push.CheckFits(push.OfEdit(m, c.PushTTL), "config.pushConfig")
			},
		}, nil
	})

	calls = onDatabase(func(c *config.Config, db *store.Firestore) (*calling.Service, error) {
		known, err := resources()
		if err != nil {
			return nil, err
		}
		return &calling.Service{
			Resources: known,
			Store:     db, Presence: db, Now: time.Now, MaxInvitees: c.MaxCallInvitees, Retention: c.CallRetention,
			CheckPush: checkCallPush,
		}, nil
	})

	groups = onDatabase(func(c *config.Config, db *store.Firestore) (*group.Service, error) {
		return &group.Service{Store: db, Now: time.Now, MaxMembers: c.MaxGroupMembers}, nil
	})

	inboxes = onDatabase(func(c *config.Config, db *store.Firestore) (*inbox.Service, error) {
		reg, err := registry()
		if err != nil {
			return nil, err
		}
		reads := &fanout.Reader{Positions: reg, Publisher: laterTopics{}, Rules: rules(c), Now: time.Now, PushTTL: c.PushTTL}
		return &inbox.Service{Store: db, Presence: db, Reads: reads, Now: time.Now}, nil
	})

	dryRuns = onDatabase(func(c *config.Config, db *store.Firestore) (*dryrun.Runner, error) {
		known, err := resources()
		if err != nil {
			return nil, err
		}
		return &dryrun.Runner{
			Store: db, Resources: known, Rules: rules(c), Renderer: push.Renderer{WebClickURL: c.WebClickURL},
			Now: time.Now, PushTTL: c.PushTTL, MaxText: c.MaxTextBytes, MaxInvitees: c.MaxCallInvitees,
		}, nil
	})

	stories = onDatabase(func(_ *config.Config, db *store.Firestore) (*trace.Store, error) {
		var s trace.Store = db
		return &s, nil
	})

	fan = onDatabase(func(c *config.Config, db *store.Firestore) (*fanout.Fanout, error) {
		q, err := topics()
		if err != nil {
			return nil, err
		}
		holds, err := registry()
		if err != nil {
			return nil, err
		}
		f := &fanout.Fanout{
			Presence: db, Holds: holds, Bursts: holds, Roster: db, Rings: db, Marks: db, Publisher: q, Tasks: q, Sweeps: q, Unplanned: q, Now: time.Now,
			PushTTL: c.PushTTL, Retention: c.LedgerRetention, Threshold: c.FanoutThreshold, MaxDevices: c.MaxDevices, Rules: rules(c),
		}
		if c.RecordSkips != config.SkipsOff {
			f.Skips, f.AllSkips = db, c.RecordSkips == config.SkipsAll
		}
		return f, nil
	})

	lapses = onDatabase(func(c *config.Config, db *store.Firestore) (*lapse.Sweeper, error) {
		q, err := topics()
		if err != nil {
			return nil, err
		}
		leases, err := registry()
		if err != nil {
			return nil, err
		}
		in, err := inboxes()
		if err != nil {
			return nil, err
		}
		return &lapse.Sweeper{
			Lapses: db, Leases: leases, Bursts: leases, Inbox: in, Calls: db, Ledger: db, Publisher: q, Rules: rules(c), Now: time.Now, PushTTL: c.PushTTL,
		}, nil
	})

	dispatcher = onDatabase(func(c *config.Config, db *store.Firestore) (*dispatch.Dispatcher, error) {
		q, err := topics()
		if err != nil {
			return nil, err
		}
		holds, err := registry()
		if err != nil {
			return nil, err
		}
		client, err := fcmClient(c)
		if err != nil {
			return nil, err
		}
		known, err := resources()
		if err != nil {
			return nil, err
		}
		unread, err := inboxes()
		if err != nil {
			return nil, err
		}
		return &dispatch.Dispatcher{
			Ledger: db, Sender: client, Bindings: db, Holds: holds, Unread: unread, Calls: db, Messages: db, Members: db, DeadLetters: q, Resources: known, Pauses: db,
			Renderer: push.Renderer{WebClickURL: c.WebClickURL}, Rules: rules(c), Now: time.Now,
			Retention: c.LedgerRetention, MaxAttempts: c.MaxAttempts, Concurrency: c.FCMConcurrency,
			Rate: float64(c.FCMRate) / 60 / float64(c.FCMInstances), MaxDead: c.MaxDeadPercent,
			PerDevice: dispatch.FCMDeviceLimits,
		}, nil
	})
)

// laterTopics is the topics, opened with what is first published: most of what uses the
// inbox publishes nothing.
type laterTopics struct{}

func (laterTopics) Publish(ctx context.Context, b push.Batch) error {
	q, err := topics()
	if err != nil {
		return err
	}
	return q.Publish(ctx, b)
}

// configured is build, run on first use with the settings.
func configured[T any](build func(*config.Config) (*T, error)) func() (*T, error) {
	return sync.OnceValues(func() (*T, error) {
		c, err := settings()
		if err != nil {
			return nil, err
		}
		return build(c)
	})
}

// onDatabase is build, run on first use with the settings and the database.
func onDatabase[T any](build func(*config.Config, *store.Firestore) (*T, error)) func() (*T, error) {
	return configured(func(c *config.Config) (*T, error) {
		db, err := database()
		if err != nil {
			return nil, err
		}
		return build(c, db)
	})
}

// newBackends is who may send as the system. Where Auth is emulated nobody signs
// tokens; config refuses that in production.
func newBackends(c *config.Config) (*backend.Accounts, error) {
	a := &backend.Accounts{Emails: c.SystemAccounts, Audiences: c.SystemAudiences, Now: time.Now}
	if c.AuthEmulated {
		return a, nil
	}
	google, err := idtoken.NewValidator(context.Background())
	if err != nil {
		return nil, err
	}
	a.Google = google
	return a, nil
}

// rules is the operator's part of who is rung.
func rules(c *config.Config) plan.Rules { return plan.Rules{Defaults: c.UserDefaults} }

// checkCallPush reports why a push with p for c in inviter's name, that rings or
// that dismisses, could never reach a device.
func checkCallPush(c calling.Call, inviter string, p chat.PushConfig) error {
	const somebody = "1" // whose ID is not in what they are sent
	c.Pushes = map[string]chat.PushConfig{"1": p}
	c.Users = map[string]calling.User{somebody: {Inviter: inviter, Push: "1", At: c.CreateTime, ExpiresAt: c.CreateTime}}
	if err := push.CheckFits(push.OfCall(c, somebody), "config.pushConfig"); err != nil {
		return err
	}
	return push.CheckFits(push.OfCallEnd(c, push.Answered, somebody), "config.pushConfig")
}

// fcmClient is on FCM, or on the stand-in that replaces it in local runs. It
// opens its first connection while the invocation that needs it does its reads.
func fcmClient(c *config.Config) (*fcm.Client, error) {
	o, err := fcmOptions(c)
	if err != nil {
		return nil, err
	}
	client, err := fcm.New(o)
	if err != nil {
		return nil, err
	}
	go client.Warm(context.Background())
	return client, nil
}

func fcmOptions(c *config.Config) (fcm.Options, error) {
	o := fcm.Options{
		Project: c.ProjectID, Endpoint: c.FCMEndpoint,
		Connections: (c.FCMConcurrency + fcm.MaxStreams - 1) / fcm.MaxStreams,
	}
	if c.FCMEndpoint != "" {
		return o, nil // the stand-in asks for no credentials
	}
	account, err := credentials.DetectDefault(&credentials.DetectOptions{Scopes: []string{fcm.Scope}})
	if err != nil {
		return o, err
	}
	o.Tokens = account
	o.QuotaProject, err = account.QuotaProjectID(context.Background())
	return o, err
}
