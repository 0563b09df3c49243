// Command doorbell is for those who run Doorbell:
//
//	go run ./scripts/doorbell trace MESSAGE_ID [USER]   why was, or wasn't, somebody rung?
//	go run ./scripts/doorbell dead-letter list          what could not be delivered, and why
//	go run ./scripts/doorbell dead-letter replay        sends it again
//	go run ./scripts/doorbell dry-run --from USER FILE  what would happen if this were sent?
//	go run ./scripts/doorbell self-test USER [DEVICE]   which step to a user's devices is broken?
//	go run ./scripts/doorbell tokens audit              how many tokens are there, and of what?
//	go run ./scripts/doorbell resources apply           how do pushes look that name a resourcesID?
//	go run ./scripts/doorbell cost --dau N --messages N  what would a month cost?
//	go run ./scripts/doorbell local                     runs Doorbell on this machine
//	go run ./scripts/doorbell load --to USER            how long do answers take at a rate?
//	go run ./scripts/doorbell version                   which version is this?
//	go run ./scripts/doorbell help                      everything else
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// options are the flags that every command has.
type options struct {
	project string
	local   bool
	json    bool

	terminal func(io.Writer) bool // whether a person looks at it
}

// command is the whole program.
func command() *cobra.Command { return commandFor(isTerminal) }

// commandFor is the whole program, with the given idea of a terminal.
func commandFor(terminal func(io.Writer) bool) *cobra.Command {
	o := options{terminal: terminal}
	root := &cobra.Command{
		Use:           "doorbell",
		Short:         "Looks into a running Doorbell and helps it along",
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version(),
	}
	flags := root.PersistentFlags()
	flags.StringVar(&o.project, "project", "", "Google Cloud project (default $GOOGLE_CLOUD_PROJECT)")
	flags.BoolVar(&o.local, "local", false, "the local system that \"go run ./scripts/local\" runs, on its usual ports")
	flags.BoolVar(&o.json, "json", false, "print JSON")
	root.AddCommand(traceCommand(&o), deadLetterCommand(&o), costCommand(&o), dryRunCommand(&o), selfTestCommand(&o), loadCommand(&o), localCommand(), tokensCommand(&o), resourcesCommand(&o), versionCommand(&o))
	return root
}

// settle decides which system is meant.
func (o *options) settle() error {
	if o.local {
		for name, value := range map[string]string{
			"FIRESTORE_EMULATOR_HOST": "127.0.0.1:8091", "PUBSUB_EMULATOR_HOST": "127.0.0.1:8092", "GOOGLE_CLOUD_PROJECT": "doorbell-local",
			"DOORBELL_FCM_ENDPOINT": "http://127.0.0.1:8095/v1",
		} {
			if err := os.Setenv(name, value); err != nil {
				return err
			}
		}
	}
	if o.project == "" {
		o.project = os.Getenv("GOOGLE_CLOUD_PROJECT")
	}
	if o.project == "" {
		return errors.New("which project? give --project, set GOOGLE_CLOUD_PROJECT, or give --local for the local system")
	}
	return nil
}

// connected is run, for a command that needs to know which system is meant.
func (o *options) connected(run func(*cobra.Command, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := o.settle(); err != nil {
			return err
		}
		return run(cmd, args)
	}
}

// versionCommand is --version, also as JSON.
func versionCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Says which version this is",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.json {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]string{"version": version(), "go": runtime.Version()})
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "doorbell %s, %s\n", version(), runtime.Version())
			return err
		},
	}
}

// version is the module's, or the commit it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return info.Main.Version
}
