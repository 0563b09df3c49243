package chaos

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var broken = flag.Bool("broken", false, "run the simulation against each broken variant of the code: some minutes")

// variant is the product with a piece broken on purpose.
type variant struct {
	name, file string
	old, new   string   // each occurrence is replaced; there is at least one
	caught     string   // what the simulation must say: a pattern
	and        *variant // what is broken as well
}

var noPardon = variant{
	"a new target isn't tried where the old one turned out dead", "dispatch/dispatch.go",
	"!bound || now.Target.IsZero() || now.Target == t.Device() {", "true || bound && now.Target.IsZero() {", "lost|ringing after its end", nil,
}

var variants = []variant{
	{
		"the ledger's outcomes are not looked at", "dispatch/run.go",
		"r.entry.Final(t.PushID)", "false", "without a crash repeat another", nil,
	},
	{
		"a retry sends the whole batch", "dispatch/dispatch.go",
		"run.outcomes()", "map[string]delivery.Outcome(nil)", "without a crash repeat another", nil,
	},
	{
		"no lease: two workers have a batch at once", "store/memory.go",
		"case !stored.Done && now.Before(stored.LeaseUntil):", "case false:", "without a crash repeat another|ringing after its end", nil,
	},
	{
		"a dead target is removed although another is stored", "presence/registry.go",
		"if !ok || d.Target != dead {", "if !ok {", "lost", &noPardon,
	},
	noPardon,
	{
		"a call rings whatever became of it", "plan/call.go",
		"case a.Kind == push.KindCall && (!ringing || again):", "case false:", "ringing after its end", nil,
	},
	{
		"nothing looks whether what it announces is over", "dispatch/send.go",
		".Expired(now) {", ".Expired(time.Time{}) {", "ringing after its end", &variant{
			"", "dispatch/dispatch.go", ".Expired(now) {", ".Expired(time.Time{}) {", "", &variant{
				"", "plan/plan.go", ".Expired(now):", ".Expired(time.Time{}):", "", &variant{
					"", "call/call.go", "u.State == Inviting && now.UnixMilli() < u.ExpiresAt", "u.State == Inviting", "", nil,
				},
			},
		},
	},
	{
		"a call's end is told to nobody", "fanout/call.go",
		"return f.dismiss(ctx, after, call.Stopped(before, &after))", "return nil", "ringing after its end", nil,
	},
	{
		"presence isn't looked at again before a push leaves", "dispatch/dispatch.go",
		"if receivers == 0 || (receivers > 1 && fresh) {", "if true {", "wrong recipient|lost", nil,
	},
	{
		"a phone that changes hands keeps its old owner", "presence/registry.go",
		"if err := r.release(tx, user, d, owner); err != nil {", "if err := error(nil); err != nil && owner != nil {", "wrong recipient", nil,
	},
	{
		"a device that is online is rung", "plan/plan.go",
		"case d.OnlineAt(now):", "case false:", "shown though it isn't new", nil,
	},
	{
		"nobody looks what a device missed whose lease ran out", "lapse/message.go",
		"if m.Message.Push == nil || m.Message.Revoked() || m.Read {", "if true {", "lost", nil,
	},
	{
		"nobody looks what a device missed that left", "presence/registry.go",
		"d = d.Leave(now, time.Duration(overdue*float64(lease)))", "d = d.Settled()", "lost", nil,
	},
	{
		"nobody looks for calls that a dead device missed", "lapse/lapse.go",
		"rings, err := s.calls(ctx, g)", "rings, err := false, error(nil)", "lost", nil,
	},
	{
		"a dead device isn't told of a call that is over", "lapse/call.go",
		"decisions = s.Rules.MissedCall(a, r, g.now)", "decisions = nil", "isn't told", nil,
	},
	{
		"a fan-out that is made again rings whom others have told", "fanout/fanout.go",
		"if f.Now().Sub(time.UnixMilli(a.CreatedAt)) < repeated {", "if true {", "without a crash repeat another", nil,
	},
	{
		"a batch that Pub/Sub doesn't take is forgotten", "fanout/fanout.go",
		"if err := f.Publisher.Publish(ctx, b); err != nil {", "if err := f.Publisher.Publish(ctx, b); false {\n_ = err", "lost|ringing after its end", nil,
	},
	{
		"muted groups ring", "plan/plan.go",
		"case r.Member.silent(now) && !r.Insisted:", "case false:", "wrong recipient", nil,
	},
	{
		"the sender is rung too", "plan/plan.go",
		"case r.UserID == a.SenderUserID && !a.Kind.Ends():", "case false:", "wrong recipient", nil,
	},
	{
		"what FCM refuses is dropped", "dispatch/dispatch.go",
		"if err := d.DeadLetters.PublishDead(ctx, b, class); err != nil {", "if err := error(nil); err != nil {", "lost", nil,
	},
	{
		"a repeated request sends another message", "chat/send.go",
		`sender, r.LocalMessageID)`, `sender, r.LocalMessageID, now.String())`, "a request is refused that must not be", nil,
	},
}

// apply is v's files as they are broken, by path.
func (v variant) apply(t *testing.T) map[string]string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "shared", filepath.FromSlash(v.file)))
	if err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(code), v.old) {
		t.Fatalf("%s: %s has no %q any more: break it in another way", v.name, v.file, v.old)
	}
	out := map[string]string{}
	if v.and != nil {
		out = v.and.apply(t)
	}
	out[path] = strings.ReplaceAll(string(code), v.old, v.new)
	return out
}

// Each broken variant can still be made of the code. What the simulation says of
// it takes a build each: see TestBrokenVariants.
func TestVariantsApply(t *testing.T) {
	for _, v := range variants {
		v.apply(t)
	}
}

// The harness notices when the product is broken. Without -broken it is skipped.
func TestBrokenVariants(t *testing.T) {
	if !*broken {
		t.Skip("without -broken")
	}
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			out := simulate(t, v.apply(t))
			if !regexp.MustCompile(v.caught).MatchString(out) || strings.Contains(out, "[build failed]") {
				t.Errorf("not caught as %q:\n%.3000s", v.caught, out)
			}
		})
	}
}

// simulate runs the simulation with files of the code replaced, and returns what
// it says.
func simulate(t *testing.T, files map[string]string) string {
	t.Helper()
	dir, replace := t.TempDir(), map[string]string{}
	for path, text := range files {
		replace[path] = filepath.Join(dir, filepath.Base(path))
		if err := os.WriteFile(replace[path], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	data, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, data, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "go", "test", "-vet=off", "-overlay", overlay, "-run", "^TestEverything$", ".", "-seeds", "64").CombinedOutput()
	if err == nil {
		t.Errorf("nothing is noticed:\n%s", out)
	}
	return string(out)
}
