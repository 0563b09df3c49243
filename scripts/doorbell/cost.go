package main

import (
	"encoding/json"
	"fmt"
	"io"
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
function calls, by counts that are tested against the emulators; and the CPU time
of the functions, as it was measured on the machine that is named. Cloud Run bills
the time in which an instance has a request, computing or waiting: how long it
waits for one call alone is assumed (--wait-ms). It asks nobody: no project is needed.
Not in it: storage, network and its encryption, clients' own reads of Firestore, logs,
and instances kept ready (min_instances).`,
		Example: "  doorbell cost --dau 10000 --messages 30\n  doorbell cost --dau 10000 --messages 30 --group-messages 5 --group-size 200",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := u.Check(); err != nil {
				return err
			}
			return printMonth(cmd.OutOrStdout(), u, o.json)
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
	f.Float64Var(&u.Dismissed, "dismissed", 0.2, "share of what is read that another device of the person's shows and is told to take away, 0 to 1")
	f.Float64Var(&u.Badge, "badge", 0, "share of pushes with enableBadge whose number the server counts, as it does again when they are taken away, 0 to 1")
	f.IntVar(&u.Peers, "peers", 20, "people that a person has written with; only the badge asks")
	f.IntVar(&u.Groups, "groups", 5, "groups that a person is in and has not muted; only the badge asks")
	f.Float64Var(&u.Receipts, "receipts", 1, "times that a device tells of a push: a browser once when it shows it, once when it is clicked; 0 where receipts are off")
	f.Float64Var(&u.WaitMS, "wait-ms", 10, "ms that an instance waits in a call while it serves no other (an assumption, not measured)")
	for _, name := range []string{"dau", "messages"} {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // the flag is defined above
		}
	}
	return cmd
}

func printMonth(w io.Writer, u cost.Use, asJSON bool) error {
	prices, cpu := cost.USCentral1, cost.Measured()
	lines := u.Month(prices, cpu)
	if asJSON {
		out := json.NewEncoder(w)
		out.SetIndent("", "  ")
		return out.Encode(map[string]any{"prices": prices, "cpu": cpu, "use": u, "month": lines})
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "a month\ttimes\treads\twrites\tdeletes\tPub/Sub\tcalls\tCPU s\tUSD\tof it CPU\twaiting\t")
	for _, l := range lines {
		p := l.Operations
		fmt.Fprintf(table, "%s\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%.2f\t%.2f\t%.2f\t\n",
			l.What, l.Times, p.Reads, p.Writes, p.Deletes, p.Published, p.Invocations, l.CPUSeconds, l.USD, l.CPUUSD, l.WaitUSD)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "list prices of %s in %s, without free tiers\n", prices.As, prices.Region)
	fmt.Fprintf(w, "CPU time as measured on %s\n", cpu.Measured)
	_, err := fmt.Fprintf(w, "waiting as assumed: %v ms a call in which an instance serves no other\n", u.WaitMS)
	return err
}
