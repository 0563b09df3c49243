package config

import (
	"maps"
	"regexp"
	"strconv"
	"strings"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/limit"
)

// AppCheck is what is done with Firebase App Check tokens, which tell that a
// request comes from the operator's own app.
type AppCheck string

// The ways to treat them. Log is for finding out, before Enforce, whom it would
// lock out.
const (
	AppCheckOff     AppCheck = "off"
	AppCheckLog     AppCheck = "log"     // requests without a valid one are served and logged
	AppCheckEnforce AppCheck = "enforce" // requests without a valid one are refused
)

// AnyPath is the key in RateLimits of the paths that have no entry of their own.
const AnyPath = "*"

// defaultRates is RateLimits where nothing is set. Ten messages a second is
// ZIM's limit of sendMessage; the others are ours. A burst is what an app that
// comes back after a while, with many devices or a full outbox, does at once;
// that of calls is small because each of them rings at somebody's, that of
// broadcasts because each of them is up to a thousand messages, and that of dry runs
// because each of them reads what a fan-out does. Receipts that have to wait are told
// together, up to a hundred at once.
var defaultRates = map[string]limit.Rate{
	"send":           {PerSecond: 10, Burst: 100},
	"presence":       {PerSecond: 2, Burst: 100},
	"register":       {PerSecond: 1, Burst: 50},
	"receipts":       {PerSecond: 1, Burst: 60},
	"push-content":   {PerSecond: 1, Burst: 60},
	"self-test":      {PerSecond: 0.1, Burst: 10},
	"system-send":    {PerSecond: 1, Burst: 20},
	"group-create":   {PerSecond: 1, Burst: 50},
	"call-invite":    {PerSecond: 1, Burst: 20},
	"calling-invite": {PerSecond: 1, Burst: 20},
	AnyPath:          {PerSecond: 10, Burst: 100},
}

// Bounds of a rate.
const (
	maxPerSecond = 1000
	minPerSecond = 0.01
	maxBurst     = 10_000
)

// rates reads "path=perSecond/burst,…" over defaultRates, and "off" as no limits.
func (r *reader) rates(name string) map[string]limit.Rate {
	if r.text(name, "") == "off" {
		return nil
	}
	out := maps.Clone(defaultRates)
	for _, entry := range r.list(name) {
		path, rate, _ := strings.Cut(entry, "=")
		perSecond, burst, _ := strings.Cut(rate, "/")
		p, err1 := strconv.ParseFloat(perSecond, 64)
		b, err2 := strconv.Atoi(burst)
		// The bounds are asked so that NaN, which ParseFloat takes, is none.
		ok := err1 == nil && err2 == nil && path != "" && p >= minPerSecond && p <= maxPerSecond && b >= 1 && b <= maxBurst
		if !ok {
			r.fail("%s has %q: give path=perSecond/burst, such as send=10/100, * for all other paths; %v to %d a second, a burst of 1 to %d; or off alone", name, entry, minPerSecond, maxPerSecond, maxBurst)
			continue
		}
		out[path] = limit.Rate{PerSecond: p, Burst: b}
	}
	return out
}

// accounts checks a list of service accounts. People's addresses end otherwise:
// who may send as the system is to be a machine.
func (r *reader) accounts(name string, emails []string) {
	for _, email := range emails {
		if user, domain, _ := strings.Cut(email, "@"); user == "" || !strings.HasSuffix(domain, ".gserviceaccount.com") {
			r.fail("%s has %q: give service accounts by their email, such as robot@project.iam.gserviceaccount.com", name, email)
		}
	}
}

// tenant is a tenant's ID, empty: none.
func (r *reader) tenant(name string) string {
	id := r.text(name, "")
	if !tenantID.MatchString(id) {
		r.fail("%s is %q: give a tenant's ID as Identity Platform shows it, such as app-x1y2z, of at most 64 letters, digits and hyphens", name, id)
	}
	return id
}

// tenantID is what Terraform takes too, which writes it into the security rules.
var tenantID = regexp.MustCompile(`^[A-Za-z0-9-]{0,64}$`)

// userID is an ID that users have in Doorbell.
func (r *reader) userID(name, fallback string) string {
	id := r.text(name, fallback)
	if err := chat.CheckID("", id); err != nil {
		r.fail("%s is %q: %v", name, id, err)
	}
	return id
}

func (r *reader) appCheck(name string) AppCheck {
	switch mode := AppCheck(r.text(name, string(AppCheckOff))); mode {
	case AppCheckOff, AppCheckLog, AppCheckEnforce:
		return mode
	default:
		r.fail("%s is %q: give off, log or enforce", name, mode)
		return AppCheckEnforce
	}
}
