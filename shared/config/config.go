// Package config reads what an operator may set, from the environment, once
// per process. Every limit of the product that can be changed stands here with
// its unit, default and bounds.
package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/doorbell-push/doorbell/shared/limit"
	"github.com/doorbell-push/doorbell/shared/presence"
)

// Config is the settings of one process; Read fills and checks it.
type Config struct {
	// ProjectID is the Google Cloud project (GOOGLE_CLOUD_PROJECT).
	ProjectID string
	// PushTopic is the Pub/Sub topic push batches go to (DOORBELL_PUSH_TOPIC, default "push").
	PushTopic string
	// UrgentTopic is the topic of the batches that must not wait behind others
	// (DOORBELL_URGENT_TOPIC, default "urgent").
	UrgentTopic string
	// SweepTopic is the topic that starts a sweep (DOORBELL_SWEEP_TOPIC, default "sweep").
	SweepTopic string
	// DeadTopic is the topic for pushes that can't be delivered (DOORBELL_DEAD_TOPIC, default "push-dead").
	DeadTopic string
	// FCMEndpoint replaces FCM's base URL for local runs (DOORBELL_FCM_ENDPOINT,
	// default empty: Google's). Refused in production.
	FCMEndpoint string
	// AllowedOrigins are the web origins that may call the HTTP functions
	// (DOORBELL_ALLOWED_ORIGINS, comma-separated, "*" for any; default none).
	AllowedOrigins []string
	// AppCheck says whether requests must come from the operator's own app
	// (DOORBELL_APP_CHECK: off, log or enforce; default off). Firebase has no
	// emulator of App Check, so local runs leave it off.
	AppCheck AppCheck
	// SystemAccounts are the service accounts, by email, whose backends may send as
	// SystemUser, with ID tokens made for one of SystemAudiences
	// (DOORBELL_SYSTEM_ACCOUNTS and DOORBELL_SYSTEM_AUDIENCES, comma-separated;
	// default none: nobody may).
	SystemAccounts, SystemAudiences []string
	// SystemUser is the ID of the user they send as. No client can be it, whether
	// there are such accounts or not (DOORBELL_SYSTEM_USER, default "system").
	SystemUser string
	// Tenant is the tenant of Identity Platform whose users are served; others' ID
	// tokens are refused, since a uid is unique only within its tenant
	// (DOORBELL_TENANT, a tenant's ID; default empty: users of no tenant).
	Tenant string
	// AuthEmulated: ID tokens carry no signature, as Firebase's Auth emulator gives
	// them (FIREBASE_AUTH_EMULATOR_HOST). Refused in production.
	AuthEmulated bool
	// RateLimits is how often one caller may make requests, by the path's last
	// segment; the paths without an entry share the rate of AnyPath, each counted
	// by itself. Nil: as often as they like. An instance counts for itself (see
	// limit.Limiter). (DOORBELL_RATE_LIMITS, such as "send=20/200,*=5/50": the
	// requests a second and at once; what isn't named keeps its default, see
	// defaultRates; "off" for no limits.)
	RateLimits map[string]limit.Rate
	// WebClickURL is what a click on a web notification opens
	// (DOORBELL_WEB_CLICK_URL, https; default empty: the service worker decides).
	WebClickURL string

	// MaxTextBytes caps message.message (DOORBELL_MAX_TEXT_BYTES, default 2048,
	// at most 32768: the compared system's default and ceiling).
	MaxTextBytes int
	// RevokeWithin is how long after it was sent a message may be revoked
	// (DOORBELL_REVOKE_SECONDS, default 120, the compared system's; 1–31536000).
	RevokeWithin time.Duration
	// EditWithin is how long after it was sent a message may be edited
	// (DOORBELL_EDIT_SECONDS, default 86400, a day; 1–31536000).
	EditWithin time.Duration
	// MaxDevices a user may have registered (DOORBELL_MAX_DEVICES, default 25, 1–100).
	MaxDevices int
	// MaxCallInvitees is how many users a call may invite over its whole life
	// (DOORBELL_MAX_CALL_INVITEES, default 9, the compared system's; 1–100).
	MaxCallInvitees int
	// MaxGroupMembers a group may have (DOORBELL_MAX_GROUP_MEMBERS, default
	// 10000, 2–100000).
	MaxGroupMembers int
	// FanoutTopic is the topic for the parts of a large group's fan-out
	// (DOORBELL_FANOUT_TOPIC, default "fanout").
	FanoutTopic string
	// FanoutDeadTopic is the topic for messages that can't be planned
	// (DOORBELL_FANOUT_DEAD_TOPIC, default "fanout-dead").
	FanoutDeadTopic string
	// FanoutThreshold is how many members a group has at most for on-message to
	// plan all of them itself (DOORBELL_FANOUT_THRESHOLD, default 2000, 1–20000:
	// what fits into its time).
	FanoutThreshold int
	// Lease is how long a device counts as online after a heartbeat
	// (DOORBELL_LEASE_SECONDS, default 120, 10–3600).
	Lease time.Duration
	// PushTTL is how long FCM keeps a message's push for a device that is
	// switched off (DOORBELL_PUSH_TTL_SECONDS, default and at most 2419200:
	// FCM's four weeks).
	PushTTL time.Duration
	// MessageRetention is how long messages are stored
	// (DOORBELL_MESSAGE_RETENTION_HOURS, default 8760, a year).
	MessageRetention time.Duration
	// CallRetention is how long calls are stored
	// (DOORBELL_CALL_RETENTION_HOURS, default 720, thirty days).
	CallRetention time.Duration
	// LedgerRetention is how long delivery entries are stored
	// (DOORBELL_LEDGER_RETENTION_HOURS, default 720, thirty days).
	LedgerRetention time.Duration
	// RecordSkips is which devices that get no push stand in the ledger, where the
	// trace finds them, beside the log (DOORBELL_RECORD_SKIPS, default unusual).
	RecordSkips RecordSkips

	// TraceExport is how many percent of all traces are exported as spans, to Cloud
	// Trace (DOORBELL_TRACE_EXPORT, default 0: none, 0–100).
	TraceExport int

	// UserDefaults are the settings of who set nothing themselves
	// (DOORBELL_NOTIFICATION_DEFAULTS, JSON as POST notification-settings takes
	// it, such as {"groupLevel":"mentions"}; default none: everything rings).
	UserDefaults presence.Settings

	// FCMConcurrency is how many FCM requests one process has under way
	// (DOORBELL_FCM_CONCURRENCY, default 800, 1–800: FCM takes 100 on each
	// connection, and eight connections are enough for the whole quota).
	FCMConcurrency int
	// FCMRate is how many messages a minute the project sends to FCM at most
	// (DOORBELL_FCM_RATE_PER_MINUTE, default 540000, 60–60000000: nine tenths of
	// FCM's default quota, the rest being for calls, which don't wait for their
	// turn, and for a second's worth at once).
	FCMRate int
	// FCMInstances is into how many parts that is divided. Each instance keeps to
	// one of them without asking the others (DOORBELL_FCM_INSTANCES, default 1,
	// 1–1000: the most instances that there are, or more for a function that is to
	// have less than the others).
	FCMInstances int
	// MaxDeadPercent is how many of the last targets FCM may call dead before
	// none is removed any more, since then the fault is rather ours or FCM's
	// (DOORBELL_MAX_DEAD_PERCENT, default 50, 1–100; 100 removes all).
	MaxDeadPercent int
	// MaxAttempts is how often a batch is tried before what is left of it goes
	// to DeadTopic (DOORBELL_MAX_ATTEMPTS, default 10, 1–100).
	MaxAttempts int
}

// RecordSkips is which devices that get no push are written to the ledger: a
// document write for each message to one person, and for each 250 members of a
// group, where there is any to be written.
type RecordSkips string

// Unusual is all but the reasons at which nobody wonders, such as that the device
// was online: to write these for each message costs as much as storing it.
const (
	SkipsOff     RecordSkips = "off"
	SkipsUnusual RecordSkips = "unusual"
	SkipsAll     RecordSkips = "all"
)

// MaxClickURLBytes bounds WebClickURL: it shares FCM's 4096 bytes with every
// web push.
const MaxClickURLBytes = 200

// Read builds the Config from the environment through getenv (os.Getenv). It
// refuses to run in production with an emulator or stand-in configured: the
// Admin SDK would then accept unsigned tokens.
func Read(getenv func(string) string) (*Config, error) {
	r := reader{getenv: getenv}
	c := &Config{
		ProjectID:        r.text("GOOGLE_CLOUD_PROJECT", ""),
		PushTopic:        r.text("DOORBELL_PUSH_TOPIC", "push"),
		UrgentTopic:      r.text("DOORBELL_URGENT_TOPIC", "urgent"),
		SweepTopic:       r.text("DOORBELL_SWEEP_TOPIC", "sweep"),
		DeadTopic:        r.text("DOORBELL_DEAD_TOPIC", "push-dead"),
		FCMEndpoint:      r.text("DOORBELL_FCM_ENDPOINT", ""),
		AllowedOrigins:   r.list("DOORBELL_ALLOWED_ORIGINS"),
		AppCheck:         r.appCheck("DOORBELL_APP_CHECK"),
		SystemAccounts:   r.list("DOORBELL_SYSTEM_ACCOUNTS"),
		SystemAudiences:  r.list("DOORBELL_SYSTEM_AUDIENCES"),
		SystemUser:       r.userID("DOORBELL_SYSTEM_USER", "system"),
		Tenant:           r.tenant("DOORBELL_TENANT"),
		AuthEmulated:     r.text("FIREBASE_AUTH_EMULATOR_HOST", "") != "",
		RateLimits:       r.rates("DOORBELL_RATE_LIMITS"),
		WebClickURL:      r.text("DOORBELL_WEB_CLICK_URL", ""),
		MaxTextBytes:     r.number("DOORBELL_MAX_TEXT_BYTES", 2048, 1, 32768),
		RevokeWithin:     r.duration("DOORBELL_REVOKE_SECONDS", time.Second, 120, 1, 31536000),
		EditWithin:       r.duration("DOORBELL_EDIT_SECONDS", time.Second, 86400, 1, 31536000),
		MaxDevices:       r.number("DOORBELL_MAX_DEVICES", 25, 1, 100),
		MaxCallInvitees:  r.number("DOORBELL_MAX_CALL_INVITEES", 9, 1, 100),
		MaxGroupMembers:  r.number("DOORBELL_MAX_GROUP_MEMBERS", 10000, 2, 100000),
		FanoutTopic:      r.text("DOORBELL_FANOUT_TOPIC", "fanout"),
		FanoutDeadTopic:  r.text("DOORBELL_FANOUT_DEAD_TOPIC", "fanout-dead"),
		FanoutThreshold:  r.number("DOORBELL_FANOUT_THRESHOLD", 2000, 1, 20000),
		Lease:            r.duration("DOORBELL_LEASE_SECONDS", time.Second, 120, 10, 3600),
		PushTTL:          r.duration("DOORBELL_PUSH_TTL_SECONDS", time.Second, 2419200, 60, 2419200),
		MessageRetention: r.duration("DOORBELL_MESSAGE_RETENTION_HOURS", time.Hour, 8760, 1, 87600),
		CallRetention:    r.duration("DOORBELL_CALL_RETENTION_HOURS", time.Hour, 720, 24, 87600),
		LedgerRetention:  r.duration("DOORBELL_LEDGER_RETENTION_HOURS", time.Hour, 720, 24, 87600),
		RecordSkips:      r.recordSkips("DOORBELL_RECORD_SKIPS"),
		TraceExport:      r.number("DOORBELL_TRACE_EXPORT", 0, 0, 100),
		UserDefaults:     r.userDefaults("DOORBELL_NOTIFICATION_DEFAULTS"),
		FCMConcurrency:   r.number("DOORBELL_FCM_CONCURRENCY", 800, 1, 800),
		FCMRate:          r.number("DOORBELL_FCM_RATE_PER_MINUTE", 540000, 60, 60000000),
		FCMInstances:     r.number("DOORBELL_FCM_INSTANCES", 1, 1, 1000),
		MaxAttempts:      r.number("DOORBELL_MAX_ATTEMPTS", 10, 1, 100),
		MaxDeadPercent:   r.number("DOORBELL_MAX_DEAD_PERCENT", 50, 1, 100),
	}
	if c.ProjectID == "" {
		r.fail("GOOGLE_CLOUD_PROJECT is not set: name the Google Cloud project the functions run in")
	}
	if c.WebClickURL != "" && (!strings.HasPrefix(c.WebClickURL, "https://") || len(c.WebClickURL) > MaxClickURLBytes) {
		r.fail("DOORBELL_WEB_CLICK_URL must start with https:// (FCM refuses other links) and have at most %d bytes", MaxClickURLBytes)
	}
	r.accounts("DOORBELL_SYSTEM_ACCOUNTS", c.SystemAccounts)
	if len(c.SystemAccounts) > 0 && len(c.SystemAudiences) == 0 {
		r.fail("DOORBELL_SYSTEM_AUDIENCES is not set: name what the tokens of DOORBELL_SYSTEM_ACCOUNTS are made for, such as the public host's URL")
	}
	if getenv("K_SERVICE") != "" {
		for _, name := range []string{"FIREBASE_AUTH_EMULATOR_HOST", "FIRESTORE_EMULATOR_HOST", "PUBSUB_EMULATOR_HOST", "DOORBELL_FCM_ENDPOINT"} {
			if getenv(name) != "" {
				r.fail("%s is set in production (K_SERVICE is set): unset it, it would replace a Google service by a local one", name)
			}
		}
	}
	if len(r.errs) > 0 {
		return nil, fmt.Errorf("configuration: %w", errors.Join(r.errs...))
	}
	return c, nil
}

// reader collects every mistake, so that one run shows them all.
type reader struct {
	getenv func(string) string
	errs   []error
}

func (r *reader) fail(format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf(format, args...))
}

func (r *reader) text(name, fallback string) string {
	if v := strings.TrimSpace(r.getenv(name)); v != "" {
		return v
	}
	return fallback
}

func (r *reader) list(name string) []string {
	var out []string
	for v := range strings.SplitSeq(r.getenv(name), ",") {
		if v = strings.TrimSpace(v); v != "" {
			out = append(out, v)
		}
	}
	return out
}

func (r *reader) number(name string, fallback, low, high int) int {
	v := r.text(name, "")
	if v == "" {
		return fallback
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < low || n > high {
		r.fail("%s is %q: give a whole number from %d to %d", name, v, low, high)
		return fallback
	}
	return n
}

func (r *reader) duration(name string, unit time.Duration, fallback, low, high int) time.Duration {
	return time.Duration(r.number(name, fallback, low, high)) * unit
}

func (r *reader) recordSkips(name string) RecordSkips {
	switch which := RecordSkips(r.text(name, string(SkipsUnusual))); which {
	case SkipsOff, SkipsUnusual, SkipsAll:
		return which
	default:
		r.fail("%s is %q: give off, unusual or all", name, which)
		return SkipsUnusual
	}
}

// userDefaults is the settings in a variable. A snooze is a person's own.
func (r *reader) userDefaults(name string) (out presence.Settings) {
	v := r.text(name, "{}")
	err := json.Unmarshal([]byte(v), &out, json.RejectUnknownMembers(true))
	if err == nil {
		err = out.Check()
	}
	if err == nil && out.SnoozedUntil != 0 {
		err = errors.New("snoozedUntil is for users to set")
	}
	if err != nil {
		r.fail("%s is %q: %v", name, v, err)
	}
	return out
}
