package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/limit"
	"github.com/doorbell-push/doorbell/shared/presence"
)

// read reads env on top of the one variable without a default.
func read(env map[string]string) (*Config, error) {
	all := map[string]string{"GOOGLE_CLOUD_PROJECT": "demo"}
	maps.Copy(all, env)
	return Read(func(name string) string { return all[name] })
}

func TestDefaults(t *testing.T) {
	want := &Config{
		ProjectID: "demo", PushTopic: "push", UrgentTopic: "urgent", SweepTopic: "sweep", DeadTopic: "push-dead",
		MaxTextBytes: 2048, RevokeWithin: 2 * time.Minute, EditWithin: 24 * time.Hour, MaxDevices: 25, MaxCallInvitees: 9, Lease: 2 * time.Minute, PushTTL: 28 * 24 * time.Hour,
		MessageRetention: 365 * 24 * time.Hour, CallRetention: 30 * 24 * time.Hour, LedgerRetention: 30 * 24 * time.Hour,
		MaxGroupMembers: 10000, FanoutTopic: "fanout", FanoutDeadTopic: "fanout-dead", FanoutThreshold: 2000,
		FCMConcurrency: 800, FCMRate: 540000, FCMInstances: 1, MaxAttempts: 10, AppCheck: AppCheckOff, RateLimits: defaultRates, MaxDeadPercent: 50,
		RecordSkips: SkipsUnusual, SystemUser: "system",
	}
	if got, err := read(nil); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

// rates is the default rate limits with others in their place.
func rates(others map[string]limit.Rate) map[string]limit.Rate {
	out := maps.Clone(defaultRates)
	maps.Copy(out, others)
	return out
}

func TestEveryVariableIsRead(t *testing.T) {
	for _, tc := range []struct {
		name, value string
		field       string
		want        any
	}{
		{"GOOGLE_CLOUD_PROJECT", "other", "ProjectID", "other"},
		{"GOOGLE_CLOUD_PROJECT", " padded ", "ProjectID", "padded"},
		{"DOORBELL_PUSH_TOPIC", "p", "PushTopic", "p"},
		{"DOORBELL_DEAD_TOPIC", "d", "DeadTopic", "d"},
		{"DOORBELL_FANOUT_TOPIC", "f", "FanoutTopic", "f"},
		{"DOORBELL_FANOUT_DEAD_TOPIC", "fd", "FanoutDeadTopic", "fd"},
		{"DOORBELL_FCM_ENDPOINT", "http://localhost:1/v1", "FCMEndpoint", "http://localhost:1/v1"},
		{"DOORBELL_ALLOWED_ORIGINS", "https://a.example, ,https://b.example,", "AllowedOrigins", []string{"https://a.example", "https://b.example"}},
		{"DOORBELL_ALLOWED_ORIGINS", " ", "AllowedOrigins", []string(nil)},
		{"DOORBELL_SYSTEM_USER", "news", "SystemUser", "news"},
		{"DOORBELL_SYSTEM_USER", "", "SystemUser", "system"},
		{"DOORBELL_SYSTEM_AUDIENCES", "https://a.example,b", "SystemAudiences", []string{"https://a.example", "b"}},
		{"DOORBELL_TENANT", "app-x1y2z", "Tenant", "app-x1y2z"},
		{"DOORBELL_TENANT", " ", "Tenant", ""},
		{"FIREBASE_AUTH_EMULATOR_HOST", "localhost:1", "AuthEmulated", true},
		{"FIREBASE_AUTH_EMULATOR_HOST", "", "AuthEmulated", false},
		{"DOORBELL_APP_CHECK", "log", "AppCheck", AppCheckLog},
		{"DOORBELL_APP_CHECK", "enforce", "AppCheck", AppCheckEnforce},
		{"DOORBELL_RATE_LIMITS", "off", "RateLimits", map[string]limit.Rate(nil)},
		{"DOORBELL_RATE_LIMITS", "send=0.5/1, *=1000/10000", "RateLimits", rates(map[string]limit.Rate{"send": {PerSecond: 0.5, Burst: 1}, "*": {PerSecond: 1000, Burst: 10000}})},
		{"DOORBELL_WEB_CLICK_URL", "https://a.example/", "WebClickURL", "https://a.example/"},
		{"DOORBELL_NOTIFICATION_DEFAULTS", `{"level":"all","groupLevel":"mentions"}`, "UserDefaults", presence.Settings{Level: presence.LevelAll, GroupLevel: presence.LevelMentions}},
		{"DOORBELL_RECORD_SKIPS", "", "RecordSkips", SkipsUnusual},
		{"DOORBELL_RECORD_SKIPS", "all", "RecordSkips", SkipsAll},
		{"DOORBELL_RECORD_SKIPS", "off", "RecordSkips", SkipsOff},
	} {
		c, err := read(map[string]string{tc.name: tc.value})
		if err != nil {
			t.Errorf("%s=%q: %v", tc.name, tc.value, err)
			continue
		}
		if got := reflect.ValueOf(*c).FieldByName(tc.field).Interface(); !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s=%q gave %#v, want %#v", tc.name, tc.value, got, tc.want)
		}
	}
}

func TestBounds(t *testing.T) {
	for _, tc := range []struct {
		name, field string
		low, high   int
		unit        time.Duration // 0: a plain number
	}{
		{"DOORBELL_MAX_TEXT_BYTES", "MaxTextBytes", 1, 32768, 0},
		{"DOORBELL_REVOKE_SECONDS", "RevokeWithin", 1, 31536000, time.Second},
		{"DOORBELL_EDIT_SECONDS", "EditWithin", 1, 31536000, time.Second},
		{"DOORBELL_MAX_DEVICES", "MaxDevices", 1, 100, 0},
		{"DOORBELL_TRACE_EXPORT", "TraceExport", 0, 100, 0},
		{"DOORBELL_MAX_CALL_INVITEES", "MaxCallInvitees", 1, 100, 0},
		{"DOORBELL_CALL_RETENTION_HOURS", "CallRetention", 24, 87600, time.Hour},
		{"DOORBELL_MAX_GROUP_MEMBERS", "MaxGroupMembers", 2, 100000, 0},
		{"DOORBELL_FANOUT_THRESHOLD", "FanoutThreshold", 1, 20000, 0},
		{"DOORBELL_LEASE_SECONDS", "Lease", 10, 3600, time.Second},
		{"DOORBELL_PUSH_TTL_SECONDS", "PushTTL", 60, 2419200, time.Second},
		{"DOORBELL_MESSAGE_RETENTION_HOURS", "MessageRetention", 1, 87600, time.Hour},
		{"DOORBELL_LEDGER_RETENTION_HOURS", "LedgerRetention", 24, 87600, time.Hour},
		{"DOORBELL_FCM_CONCURRENCY", "FCMConcurrency", 1, 800, 0},
		{"DOORBELL_FCM_RATE_PER_MINUTE", "FCMRate", 60, 60000000, 0},
		{"DOORBELL_FCM_INSTANCES", "FCMInstances", 1, 1000, 0},
		{"DOORBELL_MAX_ATTEMPTS", "MaxAttempts", 1, 100, 0},
		{"DOORBELL_MAX_DEAD_PERCENT", "MaxDeadPercent", 1, 100, 0},
	} {
		for _, n := range []int{tc.low, tc.high} {
			c, err := read(map[string]string{tc.name: fmt.Sprint(n)})
			if err != nil {
				t.Errorf("%s=%d: %v", tc.name, n, err)
				continue
			}
			if got, want := reflect.ValueOf(*c).FieldByName(tc.field).Int(), int64(n)*int64(max(tc.unit, 1)); got != want {
				t.Errorf("%s=%d gave %d, want %d", tc.name, n, got, want)
			}
		}
		for _, v := range []string{fmt.Sprint(tc.low - 1), fmt.Sprint(tc.high + 1), "-1", "x", "1.5", "10s", "99999999999999999999"} {
			want := fmt.Sprintf("configuration: %s is %q: give a whole number from %d to %d", tc.name, v, tc.low, tc.high)
			if c, err := read(map[string]string{tc.name: v}); err == nil || err.Error() != want {
				t.Errorf("%s=%s: got %+v, %v; want %s", tc.name, v, c, err, want)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	const clickURL = "configuration: DOORBELL_WEB_CLICK_URL must start with https:// (FCM refuses other links) and have at most 200 bytes"
	for _, tc := range []struct {
		name, value, want string
	}{
		{"GOOGLE_CLOUD_PROJECT", "", "configuration: GOOGLE_CLOUD_PROJECT is not set: name the Google Cloud project the functions run in"},
		{"DOORBELL_RECORD_SKIPS", "yes", `configuration: DOORBELL_RECORD_SKIPS is "yes": give off, unusual or all`},
		{"DOORBELL_APP_CHECK", "yes", `configuration: DOORBELL_APP_CHECK is "yes": give off, log or enforce`},
		{"DOORBELL_APP_CHECK", "Enforce", `configuration: DOORBELL_APP_CHECK is "Enforce": give off, log or enforce`},
		{"DOORBELL_NOTIFICATION_DEFAULTS", `{"quiet":{"weekdays":["mon"]}}`, `configuration: DOORBELL_NOTIFICATION_DEFAULTS is "{\"quiet\":{\"weekdays\":[\"mon\"]}}": INVALID_ARGUMENT (6000001): quiet.timeZone: is no time zone: give IANA's name, such as "Europe/Berlin"`},
		{"DOORBELL_NOTIFICATION_DEFAULTS", `{"level":"some"}`, `configuration: DOORBELL_NOTIFICATION_DEFAULTS is "{\"level\":\"some\"}": INVALID_ARGUMENT (6000001): level: is no level: give "all", "mentions" or "none"`},
		{"DOORBELL_NOTIFICATION_DEFAULTS", `{"snoozedUntil":1}`, `configuration: DOORBELL_NOTIFICATION_DEFAULTS is "{\"snoozedUntil\":1}": snoozedUntil is for users to set`},
		{"DOORBELL_WEB_CLICK_URL", "http://a.example/", clickURL},
		{"DOORBELL_TENANT", "x' || true", `configuration: DOORBELL_TENANT is "x' || true": give a tenant's ID as Identity Platform shows it, such as app-x1y2z, of at most 64 letters, digits and hyphens`},
		{"DOORBELL_SYSTEM_USER", "a/b", `configuration: DOORBELL_SYSTEM_USER is "a/b": INVALID_ARGUMENT (6000001): may hold digits, letters and !#$%&()+-:;<=.>?@[]^_{}|~ only, and not be ".", ".." or "__…__"`},
		{"DOORBELL_SYSTEM_ACCOUNTS", "a@b.gserviceaccount.com", "configuration: DOORBELL_SYSTEM_AUDIENCES is not set: name what the tokens of DOORBELL_SYSTEM_ACCOUNTS are made for, such as the public host's URL"},
		{"DOORBELL_WEB_CLICK_URL", "https://" + strings.Repeat("x", MaxClickURLBytes), clickURL},
	} {
		if c, err := read(map[string]string{tc.name: tc.value}); err == nil || err.Error() != tc.want {
			t.Errorf("%s=%q: got %+v, %v; want %s", tc.name, tc.value, c, err, tc.want)
		}
	}
	for _, v := range []string{"all", `{"levels":{}}`, `{"level":1}`, `{"level":"all"} ` + "x"} {
		if _, err := read(map[string]string{"DOORBELL_NOTIFICATION_DEFAULTS": v}); err == nil {
			t.Errorf("%s is taken", v)
		}
	}
	longest := "https://" + strings.Repeat("x", MaxClickURLBytes-len("https://"))
	if _, err := read(map[string]string{"DOORBELL_WEB_CLICK_URL": longest}); err != nil {
		t.Error(err)
	}
}

// Who sends as the system is a machine, never a person.
func TestSystemAccounts(t *testing.T) {
	c, err := read(map[string]string{"DOORBELL_SYSTEM_ACCOUNTS": "a@p.iam.gserviceaccount.com, 1-compute@developer.gserviceaccount.com", "DOORBELL_SYSTEM_AUDIENCES": "https://a"})
	if err != nil || !slices.Equal(c.SystemAccounts, []string{"a@p.iam.gserviceaccount.com", "1-compute@developer.gserviceaccount.com"}) {
		t.Errorf("got %+v, %v", c, err)
	}
	for _, account := range []string{"me@gmail.com", "p.iam.gserviceaccount.com", "@p.iam.gserviceaccount.com", "*", "a@gserviceaccount.com.evil.example"} {
		_, err := read(map[string]string{"DOORBELL_SYSTEM_ACCOUNTS": account, "DOORBELL_SYSTEM_AUDIENCES": "https://a"})
		if want := fmt.Sprintf("DOORBELL_SYSTEM_ACCOUNTS has %q", account); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", account, err)
		}
	}
}

func TestRateLimitsRefused(t *testing.T) {
	for _, entry := range []string{
		"send", "send=", "send=1", "send=1/", "send=/1", "=1/1", "send=0/1", "send=-1/1", "send=1/0", "send=1/-1", "send=1/1.5", "send=0.001/1",
		"send=1001/1", "send=1/10001", "send=NaN/1", "send=Inf/1", "send=1/1/1", "send=1e400/1", "off", "none",
	} {
		c, err := read(map[string]string{"DOORBELL_RATE_LIMITS": "register=1/1," + entry})
		if want := fmt.Sprintf("DOORBELL_RATE_LIMITS has %q: give path=perSecond/burst", entry); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %+v, %v", entry, c, err)
		}
	}
}

// In production an emulator's variable would make the Admin SDK accept
// unsigned tokens, or send data elsewhere.
func TestProductionRefusesStandIns(t *testing.T) {
	names := []string{"FIREBASE_AUTH_EMULATOR_HOST", "FIRESTORE_EMULATOR_HOST", "PUBSUB_EMULATOR_HOST", "DOORBELL_FCM_ENDPOINT"}
	for _, name := range names {
		if _, err := read(map[string]string{name: "localhost:1"}); err != nil {
			t.Errorf("%s is refused outside production: %v", name, err)
		}
		want := "configuration: " + name + " is set in production (K_SERVICE is set): unset it, it would replace a Google service by a local one"
		if _, err := read(map[string]string{name: "localhost:1", "K_SERVICE": "send"}); err == nil || err.Error() != want {
			t.Errorf("%s in production: %v", name, err)
		}
	}
	if _, err := read(map[string]string{"K_SERVICE": "send"}); err != nil {
		t.Errorf("production without stand-ins: %v", err)
	}
}

func TestAllMistakesAtOnce(t *testing.T) {
	_, err := read(map[string]string{"GOOGLE_CLOUD_PROJECT": "", "DOORBELL_MAX_DEVICES": "0", "DOORBELL_RECORD_SKIPS": "maybe"})
	for _, name := range []string{"GOOGLE_CLOUD_PROJECT", "DOORBELL_MAX_DEVICES", "DOORBELL_RECORD_SKIPS"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is missing from %v", name, err)
		}
	}
}
