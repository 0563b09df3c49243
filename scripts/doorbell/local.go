package main

import (
	"os/exec"
	"time"

	"github.com/spf13/cobra"
)

// localProgram is the program that runs Doorbell on this machine.
const localProgram = "github.com/doorbell-push/doorbell/scripts/local"

// localCommand is scripts/local, which reads its own flags.
func localCommand() *cobra.Command {
	return &cobra.Command{
		Use:                "local [FLAGS]",
		Short:              "Runs Doorbell on this machine; local -help lists its flags",
		Long:               "Runs Doorbell on this machine: the same as \"go run ./scripts/local\", which reads the flags. -help lists them.",
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			run := exec.CommandContext(ctx, "go", append([]string{"run", localProgram}, args...)...)
			run.Stdin, run.Stdout, run.Stderr = cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
			// Ctrl-C reaches it from the terminal, and a second one would cut it short.
			// Where only this process is ended, it ends when "go run" is.
			run.Cancel = func() error { return nil }
			run.WaitDelay = 15 * time.Second
			if err := run.Run(); err != nil && ctx.Err() == nil {
				return err
			}
			return nil
		},
	}
}
