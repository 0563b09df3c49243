package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"cloud.google.com/go/firestore"
	"github.com/spf13/cobra"

	"github.com/doorbell-push/doorbell/shared/store"
	"github.com/doorbell-push/doorbell/shared/trace"
)

func traceCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "trace ID [USER]",
		Short: "Says who was rung for a message or call, who wasn't, and why",
		Long: `Says for each device of a message or call what was decided and when, what FCM
answered to each try, what the device told became of it, and whether it was taken
away since: as it was read elsewhere, or revoked. ID is a messageID as "send" answers,
or a callID. With USER it tells of that user only. It makes three requests, and one
more for each 30 people who were rung for a message, up to 100.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: o.connected(func(cmd *cobra.Command, args []string) error {
			client, err := firestore.NewClient(cmd.Context(), o.project)
			if err != nil {
				return err
			}
			defer client.Close()
			userID := ""
			if len(args) > 1 {
				userID = args[1]
			}
			s, err := trace.Read(cmd.Context(), store.NewFirestore(client), args[0], userID)
			if err != nil {
				return err
			}
			if o.json {
				out := json.NewEncoder(cmd.OutOrStdout())
				out.SetIndent("", "  ")
				return out.Encode(s)
			}
			return printStory(cmd.OutOrStdout(), o.project, s, userID)
		}),
	}
}

func printStory(w io.Writer, project string, s *trace.Story, userID string) error {
	fmt.Fprintf(w, "%s %s from %s to %s, stored %s\n", s.Kind, s.ID, s.From, s.To, s.At.UTC().Format(time.RFC3339Nano))
	if !s.Asked {
		fmt.Fprintln(w, "  nobody is rung: the sender asked for no push")
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range s.Receivers {
		fmt.Fprintf(table, "  %s\n", r.UserID)
		for _, d := range r.Devices {
			for _, e := range d.Events {
				fmt.Fprintf(table, "    %s\t%s\t+%d ms\t%s\n", name(d), e.What, e.At.Sub(s.At).Milliseconds(), e.Text)
			}
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if n := s.Receipts; n.Arrived > 0 {
		fmt.Fprintf(w, "  told by devices: %d arrived, %d shown, %d clicked, %d dropped\n", n.Arrived, n.Shown, n.Clicked, n.Dropped)
	}
	if len(s.Receivers) == 0 && s.Asked {
		fmt.Fprintf(w, "  nothing is recorded%s: they were online and got it directly, or it is not for them, or it is still on its way.\n", of(userID))
	}
	if os.Getenv("FIRESTORE_EMULATOR_HOST") == "" {
		fmt.Fprintln(w, logHint(project, s))
	}
	return nil
}

// logHint is how to find what isn't in the ledger: by default, which devices were
// online.
func logHint(project string, s *trace.Story) string {
	return fmt.Sprintf("  Who was online stands in the log, unless DOORBELL_RECORD_SKIPS is \"all\":\n"+
		"  gcloud logging read --project %s 'jsonPayload.subjectID=%q AND jsonPayload.message=\"planned\"'", project, s.SubjectID)
}

func of(userID string) string {
	if userID == "" {
		return ""
	}
	return " for " + userID
}

func name(d trace.Device) string {
	switch {
	case d.DeviceID != "":
		return d.DeviceID + " (" + d.Platform + ")"
	case d.PushID != "":
		return "a device since unregistered"
	}
	return "no device"
}
