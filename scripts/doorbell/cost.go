package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/doorbell-push/doorbell/scripts/cost"
)

func costCommand(o *options) *cobra.Command {
	u := cost.Use{}
	cmd := &cobra.Command{
		Use:   "cost",
		Short: "Says what a month costs, by what people do",
		Long: `Says what a month of 30 days costs at Google's list prices in us-central1, without
free tiers: the documents read, written and deleted, the Pub/Sub messages and the
function calls, by counts that are tested against the emulators. It asks nobody:
no project is needed. Not in it: storage, network, clients' own reads of Firestore,
logs, and instances kept ready (min_instances).`,
		Example: "  doorbell cost --dau 10000 --messages 30\n  doorbell cost --dau 10000 --messages 30 --group-messages 5 --group-size 200",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := u.Check(); err != nil {
				return err
			}
			lines := u.Month(cost.USCentral1)
			if o.json {
				out := json.NewEncoder(cmd.OutOrStdout())
				out.SetIndent("", "  ")
				return out.Encode(map[string]any{"prices": cost.USCentral1, "use": u, "month": lines})
			}
			table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', tabwriter.AlignRight)
			fmt.Fprintln(table, "a month\ttimes\treads\twrites\tdeletes\tPub/Sub\tcalls\tUSD\t")
			for _, l := range lines {
				p := l.Operations
				fmt.Fprintf(table, "%s\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%.2f\t\n", l.What, l.Times, p.Reads, p.Writes, p.Deletes, p.Published, p.Invocations, l.USD)
			}
			if err := table.Flush(); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "list prices of %s in %s, without free tiers\n", cost.USCentral1.As, cost.USCentral1.Region)
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVar(&u.DAU, "dau", 0, "people who use it on a day")
	f.Float64Var(&u.Messages, "messages", 0, "messages a person sends to another, a day")
	f.Float64Var(&u.GroupSent, "group-messages", 0, "messages a person sends to a group, a day")
	f.IntVar(&u.GroupSize, "group-size", 20, "members of a group")
	f.Float64Var(&u.OnlineHours, "online-hours", 1, "hours a day that a person's app is open")
	f.Float64Var(&u.Offline, "offline", 0.8, "share of receivers who are away, 0 to 1")
	f.IntVar(&u.Beat, "heartbeat", 60, "seconds between heartbeats")
	f.Float64Var(&u.Starts, "starts", 5, "times a day that a person's app starts: it registers and syncs")
	f.Float64Var(&u.Read, "read", 10, "conversations a person reads, a day")
	f.Float64Var(&u.Receipts, "receipts", 1, "times that a device tells of a push: a browser once when it shows it, once when it is clicked; 0 where receipts are off")
	f.Float64Var(&u.InstanceMS, "instance-ms", 10, "ms that an instance is busy for one call alone (an assumption, not measured)")
	for _, name := range []string{"dau", "messages"} {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // the flag is defined above
		}
	}
	return cmd
}
