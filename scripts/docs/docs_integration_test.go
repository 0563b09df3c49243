//go:build integration

package docs

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/scripts/harness"
	"github.com/doorbell-push/doorbell/scripts/system"
)

// within is how long what must happen may take.
const within = 60 * time.Second

// block is the one of a file that has a text.
func block(t *testing.T, file, part string) string {
	t.Helper()
	blocks, _ := read(t, file)
	i := slices.IndexFunc(blocks, func(b Block) bool { return strings.Contains(b.Text, part) })
	if i < 0 {
		t.Fatalf("%s: no block has %q", file, part)
	}
	return blocks[i].Text
}

// bash types a script, and stops where a command fails.
func bash(t *testing.T, script string, env ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func port(t *testing.T, address string) string {
	t.Helper()
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		address = u.Host
	}
	_, p, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The README's first push, typed as it stands there but for the ports: Bob's
// phone shows it, and one command says why he was rung, and Carol wasn't.
func TestFirstPush(t *testing.T) {
	s, err := system.Start(t.Context(), system.Options{NoClock: true, Env: []string{"DOORBELL_RECORD_SKIPS=all"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	if out, err := bash(t, "go run ./scripts/local -auth-port "+port(t, s.AuthHost())+" -backend-token"); err != nil || strings.Count(out, ".") != 2 {
		t.Errorf("the token of a backend: %v: %s", err, out)
	}
	mine := strings.NewReplacer(
		"localhost:8090", "localhost:"+port(t, s.FunctionsURL()), "localhost:8095", "localhost:"+port(t, s.FCMHost()),
		"./scripts/local -token", "./scripts/local -auth-port "+port(t, s.AuthHost())+" -token", "--local", "--project "+s.ProjectID,
	)
	first := mine.Replace(block(t, "README.md", "TOKEN=$(curl"))
	out, err := bash(t, first+"\necho; echo \"THE TOKEN $TOKEN\"")
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	id := regexp.MustCompile(`"messageID":"([a-z2-7]{26})"`).FindStringSubmatch(out)
	token := regexp.MustCompile(`THE TOKEN (\S+)`).FindStringSubmatch(out)
	if id == nil || token == nil {
		t.Fatalf("no messageID or token in\n%s", out)
	}
	look := first[strings.LastIndex(first, "curl "):]
	err = harness.Poll(t.Context(), within, func(context.Context) error {
		if shown, err := bash(t, "TOKEN="+token[1]+"\n"+look); err != nil || !strings.Contains(shown, `"title":"Alice"`) {
			return fmt.Errorf("the phone shows %s, %v", shown, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	why := mine.Replace(block(t, "README.md", "scripts/doorbell --local") + block(t, "scripts/README.md", "scripts/doorbell --local trace"))
	why = regexp.MustCompile(`MESSAGE_ID|\b[a-z2-7]{26}\b`).ReplaceAllString(why, id[1])
	err = harness.Poll(t.Context(), within, func(context.Context) error {
		told, err := bash(t, why, "FIRESTORE_EMULATOR_HOST="+s.FirestoreHost())
		if err != nil || !strings.Contains(told, "bobs-phone (android)") || strings.Count(told, "pushed: FCM took it") < 2 || !strings.Contains(told, "nothing is recorded for carol") {
			return fmt.Errorf("%v: %s", err, told)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// The stand-in's commands, typed one after the other.
func TestStandInCommands(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	program := t.TempDir() + "/fcm"
	if out, err := bash(t, "go build -o "+program+" ./scripts/fcm"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	start := strings.NewReplacer("127.0.0.1:8095", address, "go run ./scripts/fcm", "exec "+program).
		Replace(block(t, "scripts/fcm/README.md", "go run ./scripts/fcm -addr"))
	ctx, stop := context.WithCancel(t.Context())
	server := exec.CommandContext(ctx, "bash", "-c", start)
	server.Dir = root
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); server.Wait() }) // it was killed: what Wait says is no news

	script := strings.ReplaceAll(block(t, "scripts/fcm/README.md", "$B/healthz"), "127.0.0.1:8095", address)
	script = strings.ReplaceAll(script, "curl -sN ", "timeout 1 curl -sN ")
	script = strings.ReplaceAll(script, "T=…", `T=$(curl -sf $B/standin/devices -d '{"platform":"web"}' | grep -o '"token":"[^"]*' | cut -d'"' -f4)`)
	script = regexp.MustCompile(`curl -s( |$)`).ReplaceAllString(script, "curl -sf$1")
	script = regexp.MustCompile(`(?m)^(timeout 1 curl .*?)(\s+#.*)?$`).ReplaceAllString(script, "$1 || [ $? = 124 ]") // a stream has no end
	var out string
	err = harness.Poll(t.Context(), within, func(context.Context) error {
		if c, err := net.Dial("tcp", address); err != nil {
			return err
		} else {
			return c.Close()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if out, err = bash(t, "set -x\n"+script); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
	if !strings.Contains(out, `"name"`) {
		t.Errorf("no push was taken:\n%s", out)
	}
}

// Every command of ours that stands in a text has the flags that it is given there;
// what takes no time and needs nothing is typed.
func TestInlineCommands(t *testing.T) {
	help := map[string]string{}
	for _, c := range inlineCommands(t) {
		words := strings.Fields(c)
		if inlineHow[c] == t.Name() {
			if out, err := bash(t, c); err != nil || out == "" {
				t.Errorf("%s: %v: %s", c, err, out)
			}
		}
		if words[0] != "go" || words[1] != "run" {
			continue
		}
		ask := strings.Join(words[:3], " ")
		if words[2] == "./scripts/doorbell" {
			for _, w := range words[3:] {
				if !strings.HasPrefix(w, "-") && w == strings.ToLower(w) {
					ask += " " + w
				}
			}
		}
		if _, ok := help[ask]; !ok {
			out, _ := bash(t, ask+" -h") // package flag ends with a status, having printed it
			help[ask] = out
		}
		if help[ask] == "" {
			t.Errorf("%s -h says nothing", ask)
		}
		for _, w := range words[3:] {
			if flag := strings.Trim(w, "-"); strings.HasPrefix(w, "-") && !strings.Contains(help[ask], "-"+flag) {
				t.Errorf("%s: there is no flag %s:\n%s", c, w, help[ask])
			}
			if words[2] == "./scripts/bench" && !strings.HasPrefix(w, "-") && w != "all" && !strings.Contains(help[ask], "\n  "+w+" ") {
				t.Errorf("%s: there is no benchmark %s:\n%s", c, w, help[ask])
			}
		}
	}
	if len(help) < 5 {
		t.Errorf("%d commands", len(help))
	}
}
