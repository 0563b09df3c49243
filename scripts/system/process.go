package system

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"syscall"
	"time"

	"github.com/doorbell-push/doorbell/scripts/harness"
)

// readyWithin is generous: a loaded CI machine starts two JVMs and a build at once.
const readyWithin = 90 * time.Second

// A process is a child in a process group of its own, so that it ends with
// everything it started and a Ctrl-C in the terminal reaches only the runner,
// which then ends the children in order.
type process struct {
	name string
	cmd  *exec.Cmd
	out  *output
	done chan struct{} // closed when the child is gone
	err  error         // how it ended; valid once done is closed
}

// startProcess starts cmd and copies what it prints to log.
func startProcess(name string, log io.Writer, cmd *exec.Cmd) (*process, error) {
	p := &process{name: name, cmd: cmd, out: newOutput(name, log), done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.out, p.out
	cmd.SysProcAttr = ownGroup()
	cmd.WaitDelay = time.Second // a grandchild that holds the pipe must not hold Wait
	// The pipe closes when this process dies, however it dies: a child that
	// reads it (auth.js) learns that way.
	if _, err := cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		p.err = cmd.Wait()
		p.out.flush()
		close(p.done)
	}()
	return p, nil
}

// run runs cmd to its end, or ends it with the context.
func run(ctx context.Context, name string, log io.Writer, cmd *exec.Cmd) error {
	p, err := startProcess(name, log, cmd)
	if err != nil {
		return err
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		p.kill()
		return fmt.Errorf("%s: %w", name, ctx.Err())
	}
	if p.err != nil {
		return fmt.Errorf("%s: %w%s", name, p.err, p.out.quote())
	}
	return nil
}

// await polls until check passes. It fails when the child ends or time is up.
func (p *process) await(ctx context.Context, check func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-p.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	err := harness.Poll(ctx, readyWithin, check)
	if err == nil {
		return nil
	}
	select {
	case <-p.done:
		return p.died()
	default:
		return fmt.Errorf("%s is not ready: %w%s", p.name, err, p.out.quote())
	}
}

// died describes the end of a child that should be running.
func (p *process) died() error {
	how := "exit status 0"
	if p.err != nil {
		how = p.err.Error()
	}
	return fmt.Errorf("%s ended by itself (%s)%s", p.name, how, p.out.quote())
}

// kill ends the child and all it started, at once. Nothing here has anything to
// save, so there is no gentler way.
func (p *process) kill() {
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.done
}
