//go:build integration

package system

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/scripts/harness"
)

// runnerEnv makes the test binary a runner for TestRunnerKilled to kill.
const runnerEnv = "DOORBELL_TEST_RUNNER"

func TestMain(m *testing.M) {
	if os.Getenv(runnerEnv) == "" {
		os.Exit(m.Run())
	}
	s, err := Start(context.Background(), Options{})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for _, p := range s.children {
		fmt.Println("child", p.cmd.Process.Pid)
	}
	fmt.Println("ready", s.dir)
	select {}
}

// start starts a system for a test.
func start(t *testing.T, opts Options) *System {
	t.Helper()
	began := time.Now()
	s, err := Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	t.Logf("started in %v", time.Since(began).Round(time.Millisecond))
	return s
}

func TestSystem(t *testing.T) {
	s := start(t, Options{DeadLetterAfter: 5, Env: []string{"DOORBELL_RECORD_SKIPS=all"}})

	t.Run("users sign in", func(t *testing.T) {
		token, err := s.SignIn(t.Context(), "ann@home")
		if err != nil {
			t.Fatal(err)
		}
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
		var claims struct{ Sub, Aud string }
		if err := errors.Join(err, json.Unmarshal(payload, &claims)); err != nil || claims.Sub != "ann@home" || claims.Aud != s.ProjectID {
			t.Errorf("got %+v, %v", claims, err)
		}
		client := harness.Client{TB: t, BaseURL: s.FunctionsURL(), Token: token}
		if status, answer := client.Do(http.MethodPost, "/presence", map[string]any{"deviceID": "d", "platform": "web", "state": "online"}); status != http.StatusOK {
			t.Errorf("presence answered %d %s", status, answer)
		}
	})

	t.Run("a browser has all it needs on one host", func(t *testing.T) {
		web := harness.Client{TB: t, BaseURL: s.WebURL()}
		if status, answer := web.Do(http.MethodGet, "/", nil); status != http.StatusOK || !bytes.Contains(answer, []byte("<title>")) {
			t.Errorf("the demo answered %d %.100s", status, answer)
		}
		if status, answer := web.Do(http.MethodGet, "/standin/stats", nil); status != http.StatusOK {
			t.Errorf("the stand-in answered %d %s", status, answer)
		}
		if status, answer := web.Do(http.MethodPost, "/local/session", map[string]any{"userID": ""}); status != http.StatusBadRequest {
			t.Errorf("a session of nobody answered %d %s", status, answer)
		}
		status, answer := web.Do(http.MethodPost, "/local/session", map[string]any{"userID": "ben"})
		var session struct{ IDToken, CustomToken string }
		if err := json.Unmarshal(answer, &session); err != nil || status != http.StatusOK || session.CustomToken == "" {
			t.Fatalf("a session answered %d %s", status, answer)
		}
		web.Token = session.IDToken
		web.Do(http.MethodPost, "/presence", map[string]any{"deviceID": "d", "platform": "web", "state": "online"})
		if status, answer := web.Do(http.MethodGet, "/local/presence?user=ben", nil); status != http.StatusOK || !bytes.Contains(answer, []byte(`":true}`)) {
			t.Errorf("ben's presence answered %d %s", status, answer)
		}
		sent := map[string]any{
			"message": map[string]any{"type": 1, "message": "hi"}, "toConversationID": "nobody", "conversationType": 0, "localMessageID": "1",
			"config": map[string]any{"priority": 2, "pushConfig": map[string]any{"title": "t", "content": "c"}},
		}
		status, answer = web.Do(http.MethodPost, "/send", sent)
		var message struct{ Message struct{ MessageID string } }
		if err := json.Unmarshal(answer, &message); err != nil || status != http.StatusOK {
			t.Fatalf("send answered %d %s", status, answer)
		}
		var why struct{ Outcomes []outcome }
		err := harness.Poll(t.Context(), 10*time.Second, func(context.Context) error {
			_, answer = web.Do(http.MethodGet, "/local/why?message="+message.Message.MessageID, nil)
			if err := json.Unmarshal(answer, &why); err != nil || len(why.Outcomes) == 0 {
				return fmt.Errorf("%s, %v", answer, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := why.Outcomes[0]; len(why.Outcomes) != 1 || got.Kind != "message" || got.UserID != "nobody" || got.Status != "skipped" || got.Detail != "no_device" || !strings.Contains(got.Words, "no device bound") || got.At == "" {
			t.Errorf("why says %+v", why)
		}
	})

	t.Run("security rules are on", func(t *testing.T) {
		anonymous := harness.Client{TB: t, BaseURL: s.documents()}
		if status, answer := anonymous.Do(http.MethodGet, "/presence/ann", nil); status != http.StatusForbidden {
			t.Errorf("Firestore answered %d %s", status, answer)
		}
	})

	t.Run("a document's creation calls on-message", func(t *testing.T) {
		s.Gate.Reset()
		create(t, s, "m1")
		if err := s.Gate.WaitDelivered(t.Context(), "on-message", 1); err != nil {
			t.Error(err)
		}
	})

	t.Run("also when the functions are dead at the time", func(t *testing.T) {
		s.Gate.Reset()
		s.KillFunctions()
		create(t, s, "m2")
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := s.Gate.Wait(ctx, "on-message", func(c harness.GateCounts) bool { return c.Failed > 0 }); err != nil {
			t.Fatal(err)
		}
		if err := s.StartFunctions(ctx); err != nil {
			t.Fatal(err)
		}
		if err := s.Gate.WaitDelivered(ctx, "on-message", 1); err != nil {
			t.Error(err)
		}
		if c := s.Gate.Counts("on-message"); c.Delivered != 1 {
			t.Errorf("counts %+v", c)
		}
	})

	t.Run("what dispatch keeps failing on becomes a dead letter", func(t *testing.T) {
		s.Gate.Reset()
		publish(t, s, "push", "no batch")
		if got := pull(t, s, "push-dead"); got != "no batch" {
			t.Errorf("the dead letter is %q", got)
		}
		if c := s.Gate.Counts("dispatch"); c.Failed != 5 {
			t.Errorf("counts %+v, want 5 deliveries", c)
		}
	})

	t.Run("a part's end is told", func(t *testing.T) {
		s.mu.Lock()
		auth := s.children["auth"]
		s.mu.Unlock()
		auth.kill()
		select {
		case err := <-s.Failed:
			if !strings.Contains(err.Error(), "auth ended by itself") {
				t.Errorf("got %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Error("nothing told")
		}
	})

	t.Run("Stop leaves nothing", func(t *testing.T) {
		pids := map[string]int{}
		for name, p := range s.children {
			pids[name] = p.cmd.Process.Pid
		}
		if len(pids) != 3 {
			t.Errorf("children %v", pids)
		}
		began := time.Now()
		s.Stop()
		t.Logf("stopped in %v", time.Since(began))
		for _, pid := range pids {
			awaitGone(t, pid)
		}
		if _, err := os.Stat(s.dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("temporary folder: %v", err)
		}
		ports := s.ports
		if err := ports.settle(); err != nil {
			t.Error(err)
		}
		if err := s.StartFunctions(t.Context()); err == nil {
			t.Error("the functions started again")
		}
	})
}

func TestStartFails(t *testing.T) {
	rules := filepath.Join(t.TempDir(), "firestore.rules")
	if err := os.WriteFile(rules, []byte("service cloud.firestore { match nonsense }"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		opts Options
		want []string
	}{
		{"rules that don't compile", Options{RulesFile: rules}, []string{rules, "Unexpected 'nonsense'"}},
		{"no rules", Options{RulesFile: rules + ".not"}, []string{"security rules", "no such file"}},
		{"functions that don't start", Options{Env: []string{"PORT=99999"}}, []string{"functions ended by itself", "invalid port"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := Start(t.Context(), test.opts)
			if err == nil {
				s.Stop()
				t.Fatal("it started")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q in it", err, want)
				}
			}
			leavesNothing(t)
		})
	}
	t.Run("interrupted", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
		defer cancel()
		s, err := Start(ctx, Options{})
		if err == nil {
			s.Stop()
			t.Fatal("it started")
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		leavesNothing(t)
	})
}

// leavesNothing checks that this process has no children and no temporary folder.
func leavesNothing(t *testing.T) {
	t.Helper()
	if out, _ := exec.Command("pgrep", "-P", fmt.Sprint(os.Getpid()), "java|node|functions").Output(); len(out) > 0 {
		t.Errorf("children are left: %s", out)
	}
	if dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), fmt.Sprintf("%s%d-*", tempPrefix, os.Getpid()))); len(dirs) > 0 {
		t.Errorf("folders are left: %v", dirs)
	}
}

// TestRunnerKilled kills a runner as nothing can prepare for.
func TestRunnerKilled(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), runnerEnv+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	var pids []int
	var dir string
	for lines := bufio.NewScanner(out); dir == "" && lines.Scan(); {
		var pid int
		if _, err := fmt.Sscanf(lines.Text(), "child %d", &pid); err == nil {
			pids = append(pids, pid)
		} else if _, err := fmt.Sscanf(lines.Text(), "ready %s", &dir); err != nil {
			t.Fatal(lines.Text())
		}
	}
	if len(pids) != 4 {
		t.Fatalf("the runner has %d children", len(pids))
	}
	cmd.Process.Kill()
	cmd.Wait()
	if runtime.GOOS == "linux" { // elsewhere nothing tells the JVMs
		for _, pid := range pids {
			awaitGone(t, pid)
		}
	}
	removeOrphans() // the next runner's first act
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("temporary folder: %v", err)
	}
}

// create creates a message's document as the functions would.
func create(t *testing.T, s *System, id string) {
	t.Helper()
	field := map[string]any{"fields": map[string]any{"messageID": map[string]string{"stringValue": id}}}
	err := call(t.Context(), http.MethodPost, s.documents()+"/conversations/c/messages?documentId="+id, field, nil)
	if err != nil {
		t.Fatal(err)
	}
}

func publish(t *testing.T, s *System, topic, data string) {
	t.Helper()
	message := map[string]any{"messages": []any{map[string]any{"data": []byte(data)}}}
	if err := call(t.Context(), http.MethodPost, "http://"+s.PubSubHost()+"/v1/"+s.resource("topics", topic)+":publish", message, nil); err != nil {
		t.Fatal(err)
	}
}

// pull waits for a subscription's next message.
func pull(t *testing.T, s *System, subscription string) string {
	t.Helper()
	var answer struct {
		ReceivedMessages []struct{ Message struct{ Data []byte } }
	}
	err := harness.Poll(t.Context(), 30*time.Second, func(ctx context.Context) error {
		err := call(ctx, http.MethodPost, "http://"+s.PubSubHost()+"/v1/"+s.resource("subscriptions", subscription)+":pull",
			map[string]any{"maxMessages": 1, "returnImmediately": true}, &answer)
		if err == nil && len(answer.ReceivedMessages) == 0 {
			err = errors.New("no message")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSpace(answer.ReceivedMessages[0].Message.Data))
}

// The Java that is here refuses a class of one to come in words that tooOld reads.
func TestJavaTooOldForReal(t *testing.T) {
	java, err := findJava(t.Context(), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, 0o644, "\xca\xfe\xba\xbe\x00\x00\x03\xe7", dir, "Main.class") // of version 999
	err = run(t.Context(), "main", t.Output(), exec.Command(java, "-cp", dir, "Main"))
	if err = tooOld(err, "it", java); err == nil || !strings.HasPrefix(err.Error(), "it needs Java 955 or newer, and "+java+" is older: ") {
		t.Errorf("got %v", err)
	}
}
