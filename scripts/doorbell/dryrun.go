package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"cloud.google.com/go/firestore"
	jsonv2 "github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/config"
	"github.com/doorbell-push/doorbell/shared/dryrun"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/push"
	"github.com/doorbell-push/doorbell/shared/store"
)

// maxBody is the longest request that is read, as of the endpoint.
const maxBody = 256 << 10

func dryRunCommand(o *options) *cobra.Command {
	var from string
	cmd := &cobra.Command{
		Use:   "dry-run FILE",
		Short: "Says what would happen if a message were sent: who is rung, who not, and the JSON for FCM",
		Long: `Says what would happen if --from sent the message in FILE now: for each device of
each receiver whether it would be pushed to and why not, and the JSON that FCM would
be given for each platform, without tokens. FILE holds the body of "send"; - is
standard input. Nothing is stored and nothing is sent. Settings (DOORBELL_…) are read
from the environment: give those of the deployment where they differ from the
defaults.`,
		Example: `  doorbell --local dry-run --from alice message.json`,
		Args:    cobra.ExactArgs(1),
		RunE: o.connected(func(cmd *cobra.Command, args []string) error {
			request, err := readRequest(cmd.InOrStdin(), args[0])
			if err != nil {
				return err
			}
			c, err := config.Read(o.getenv)
			if err != nil {
				return err
			}
			client, err := firestore.NewClient(cmd.Context(), o.project)
			if err != nil {
				return err
			}
			defer client.Close()
			slog.SetDefault(slog.New(slog.DiscardHandler)) // the plan logs what is printed below
			r := &dryrun.Runner{
				Store: store.NewFirestore(client), Rules: plan.Rules{Defaults: c.UserDefaults}, Renderer: push.Renderer{WebClickURL: c.WebClickURL},
				Now: time.Now, PushTTL: c.PushTTL, MaxText: c.MaxTextBytes,
			}
			result, err := r.Send(cmd.Context(), from, request)
			if err != nil {
				return err
			}
			if o.json {
				out := json.NewEncoder(cmd.OutOrStdout())
				out.SetIndent("", "  ")
				return out.Encode(result)
			}
			return printDryRun(cmd.OutOrStdout(), result)
		}),
	}
	cmd.Flags().StringVar(&from, "from", "", "the sender's user ID")
	if err := cmd.MarkFlagRequired("from"); err != nil {
		panic(err) // the flag is defined above
	}
	return cmd
}

// getenv is the environment, with the project that the flags say.
func (o *options) getenv(name string) string {
	if name == "GOOGLE_CLOUD_PROJECT" {
		return o.project
	}
	return os.Getenv(name)
}

// readRequest is a body of send, read as strictly as the endpoint does.
func readRequest(stdin io.Reader, file string) (*chat.SendRequest, error) {
	in := stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	body, err := io.ReadAll(io.LimitReader(in, maxBody+1))
	switch {
	case err != nil:
		return nil, err
	case len(body) > maxBody:
		return nil, fmt.Errorf("%s is larger than %d bytes", file, maxBody)
	}
	request := &chat.SendRequest{}
	if err := jsonv2.Unmarshal(body, request, jsonv2.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("%s is no body of send: %w", file, err)
	}
	return request, nil
}

func printDryRun(w io.Writer, r *dryrun.Result) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	user := ""
	for _, d := range r.Devices {
		if d.UserID != user {
			user = d.UserID
			fmt.Fprintf(table, "%s\n", user)
		}
		device := "no device"
		if d.DeviceID != "" {
			device = d.DeviceID + " (" + d.Platform + ")"
		} else if d.PushID == "" && d.Reason != plan.NoDevice {
			device = "all devices"
		}
		fmt.Fprintf(table, "  %s\t%s\n", device, d.Text)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, platform := range slices.Sorted(maps.Keys(r.Messages)) {
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, r.Messages[platform], "", "  "); err != nil {
			return err
		}
		fmt.Fprintf(w, "\nFCM, %s, %d bytes:\n%s\n", platform, len(r.Messages[platform]), pretty.Bytes())
	}
	return nil
}
