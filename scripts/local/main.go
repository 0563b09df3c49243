// Command local runs all of Doorbell on this machine and shows it at work:
//
//	go run ./scripts/local            starts everything, plays a first push, serves until Ctrl-C
//	go run ./scripts/local -once      exits after the push, with status 1 if it did not arrive
//	go run ./scripts/local -demo=false
//	go run ./scripts/local -token bob prints an ID token of bob, signed in at a system that runs
//	go run ./scripts/local -backend-token  prints one of the operator's backend, for system-send
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/doorbell-push/doorbell/scripts/system"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	// A second Ctrl-C ends this process at once, and the kernel its children.
	context.AfterFunc(ctx, stop)
	err := run(ctx)
	switch {
	case err == nil:
	case errors.Is(err, context.Canceled):
		os.Exit(130) // as a shell says it: ended by Ctrl-C
	default:
		fmt.Fprintln(os.Stderr, "\n"+terminal(os.Stderr).red("error:"), err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var opts system.Options
	flag.StringVar(&opts.ProjectID, "project", "doorbell-local", "project ID to run under")
	flag.IntVar(&opts.Ports.Functions, "functions-port", 8090, "port of the functions; 0 picks a free one")
	flag.IntVar(&opts.Ports.Firestore, "firestore-port", 8091, "port of the Firestore emulator")
	flag.IntVar(&opts.Ports.PubSub, "pubsub-port", 8092, "port of the Pub/Sub emulator")
	flag.IntVar(&opts.Ports.Auth, "auth-port", 8093, "port of the Auth emulator")
	flag.IntVar(&opts.Ports.FCM, "fcm-port", 8095, "port of the FCM stand-in")
	flag.IntVar(&opts.Ports.Web, "web-port", 8094, "port of the demo")
	play := flag.Bool("demo", true, "play a first push")
	once := flag.Bool("once", false, "exit after the demo; ports that are not given are free ones")
	user := flag.String("token", "", "print an ID token for this user of the system that is running, and exit")
	backend := flag.Bool("backend-token", false, "print an ID token of the operator's backend, for /system-send, and exit")
	verbose := flag.Bool("v", false, "show what the parts print")
	flag.Parse()
	if flag.NArg() > 0 {
		return fmt.Errorf("%q is not a flag: see -help", flag.Arg(0))
	}
	if *user != "" {
		token, err := system.SignIn(ctx, net.JoinHostPort("127.0.0.1", strconv.Itoa(opts.Ports.Auth)), *user)
		if err != nil {
			return fmt.Errorf("is \"go run ./scripts/local\" running? %w", err)
		}
		fmt.Println(token)
		return nil
	}
	if *backend {
		token, err := system.BackendToken()
		if err == nil {
			fmt.Println(token)
		}
		return err
	}
	if *once {
		given := map[string]bool{}
		flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
		flag.VisitAll(func(f *flag.Flag) {
			if strings.HasSuffix(f.Name, "-port") && !given[f.Name] {
				f.Value.Set("0")
			}
		})
	}
	opts.Log = notices{os.Stderr, *verbose}
	opts.Env = []string{"DOORBELL_RECORD_SKIPS=all"} // the demo shows why somebody was not rung

	ctx, cancel := endWithGoRun(ctx)
	defer cancel()
	out := terminal(os.Stdout)
	fmt.Println("Starting Doorbell on this machine …")
	began := time.Now()
	sys, err := system.Start(ctx, opts)
	if err != nil {
		return err
	}
	defer sys.Stop()
	if err := sys.ApplyResources(ctx); err != nil {
		return err
	}
	printParts(out, sys, time.Since(began))

	if *play {
		d := demo{sys: sys, out: out}
		if err := d.play(ctx); err != nil {
			if ctx.Err() == nil {
				d.explain()
			}
			return err
		}
	}
	if *once {
		return nil
	}
	fmt.Printf("\nTry it yourself:  %s\n\nServing; Ctrl-C ends it.\n", out.bold(sys.WebURL()))
	select {
	case <-ctx.Done():
		fmt.Println("\nStopping.")
		return nil
	case err := <-sys.Failed:
		return err
	}
}

func printParts(out palette, sys *system.System, took time.Duration) {
	fmt.Printf("Ready after %.1f s, project %s:\n\n", took.Seconds(), sys.ProjectID)
	for _, part := range [][3]string{
		{"functions", sys.FunctionsURL(), "register, presence, send; on-message, dispatch"},
		{"Firestore", "http://" + sys.FirestoreHost(), "Google's emulator, with terraform/firestore.rules"},
		{"Pub/Sub", "http://" + sys.PubSubHost(), "Google's emulator; dead letters in the subscription push-dead"},
		{"Auth", "http://" + sys.AuthHost(), "Firebase's emulator; any user may sign in"},
		{"FCM", "http://" + sys.FCMHost(), "our stand-in; what each device got is under /standin/"},
	} {
		fmt.Printf("  %-10s %-24s %s\n", part[0], part[1], out.dim(part[2]))
	}
	fmt.Println()
}

// endWithGoRun ends the context when "go run" dies: killed with anything but
// Ctrl-C, it leaves its program running.
func endWithGoRun(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	program, err := os.Executable()
	if err != nil || !strings.Contains(program, string(filepath.Separator)+"go-build") {
		return ctx, cancel // not started by go run
	}
	parent := os.Getppid()
	go func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for os.Getppid() == parent {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
		cancel()
	}()
	return ctx, cancel
}
