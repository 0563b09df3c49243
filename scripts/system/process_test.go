package system

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/scripts/harness"
)

// shell starts a shell script as a child.
func shell(t *testing.T, script string) *process {
	t.Helper()
	p, err := startProcess("child", &bytes.Buffer{}, exec.Command("sh", "-c", script))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	return p
}

func TestKillEndsGrandchildren(t *testing.T) {
	p := shell(t, "sleep 60 & echo $!; wait")
	var grandchild int
	err := p.await(t.Context(), func(context.Context) (err error) {
		grandchild, err = strconv.Atoi(strings.Join(p.out.lines(), ""))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	p.kill()
	awaitGone(t, grandchild)
}

// awaitGone waits until a process is no more, or a zombie that init has yet to
// collect.
func awaitGone(t *testing.T, pid int) {
	t.Helper()
	err := harness.Poll(t.Context(), 5*time.Second, func(context.Context) error {
		if syscall.Kill(pid, 0) == nil && !zombie(pid) {
			return errors.New("process " + strconv.Itoa(pid) + " still runs")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func zombie(pid int) bool {
	out, _ := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return bytes.HasPrefix(bytes.TrimSpace(out), []byte("Z"))
}

func TestAwait(t *testing.T) {
	never := func(context.Context) error { return errors.New("not yet") }
	t.Run("tells of a child that dies, with its last words", func(t *testing.T) {
		err := shell(t, "echo no such rule; exit 3").await(t.Context(), never)
		if err == nil || !strings.Contains(err.Error(), "child ended by itself (exit status 3)") || !strings.Contains(err.Error(), "no such rule") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("ends with the context", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		err := shell(t, "echo busy; sleep 60").await(ctx, never)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "not yet") {
			t.Errorf("got %v", err)
		}
	})
}

func TestRunEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	err := run(ctx, "child", &bytes.Buffer{}, exec.Command("sh", "-c", "sleep 60 & wait"))
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 10*time.Second {
		t.Errorf("got %v after %v", err, time.Since(began))
	}
}

func TestOutput(t *testing.T) {
	var log bytes.Buffer
	o := newOutput("auth", &log)
	for _, s := range []string{"on", "e\ntwo\r\n", "\nrest"} {
		o.Write([]byte(s))
	}
	o.flush()
	if want := "auth       │ one\nauth       │ two\nauth       │ rest\n"; log.String() != want {
		t.Errorf("logged %q, want %q", log.String(), want)
	}
	for i := range 3 * keptLines {
		o.Write([]byte(strconv.Itoa(i) + "\n"))
	}
	if got := o.lines(); len(got) != keptLines || got[keptLines-1] != strconv.Itoa(3*keptLines-1) {
		t.Errorf("kept %d lines, %q", len(got), got)
	}
}
