package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"cloud.google.com/go/firestore"
	"github.com/spf13/cobra"

	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/store"
)

// auditPage is how many tokens are read at a time, and then their owners.
const auditPage = 300

func tokensCommand(o *options) *cobra.Command {
	cmd := &cobra.Command{Use: "tokens", Short: "Looks after the devices' FCM tokens"}
	cmd.AddCommand(&cobra.Command{
		Use:   "audit",
		Short: "Counts the tokens by platform and age, and those that belong to no device",
		Long: `Goes through all FCM tokens: how many there are by platform, how many are older than
30 and 270 days, and how many have an owner who has no such device or another token
on it. It changes nothing, and shows no token. Cost: a read for each token and one
for each owner.`,
		Args: cobra.NoArgs,
		RunE: o.connected(func(cmd *cobra.Command, _ []string) error {
			client, err := firestore.NewClient(cmd.Context(), o.project)
			if err != nil {
				return err
			}
			defer client.Close()
			progress := o.bar(cmd)
			a, err := auditTokens(cmd.Context(), store.NewFirestore(client), time.Now(), func(tokens int, hash string) {
				progress.show(place(hash), fmt.Sprintf("%d tokens", tokens))
			})
			progress.end()
			if err != nil {
				return err
			}
			if o.json {
				out := json.NewEncoder(cmd.OutOrStdout())
				out.SetIndent("", "  ")
				return out.Encode(a)
			}
			return a.print(cmd.OutOrStdout())
		}),
	})
	return cmd
}

// audit is what was found.
type audit struct {
	Tokens    int            `json:"tokens"`
	Platforms map[string]int `json:"platforms"` // of those that a device has
	Over30    int            `json:"olderThan30Days"`
	Over270   int            `json:"olderThan270Days"`
	Orphans   int            `json:"ofNoDevice"`
}

// owners is what an audit reads.
type owners interface {
	Owners(ctx context.Context, after string, limit int) (map[string]presence.Owner, error)
	Users(ctx context.Context, userIDs []string) (map[string]*presence.User, error)
}

// auditTokens goes through all tokens by their hashes. After each page it tells how
// many there were so far, and the last one's hash.
func auditTokens(ctx context.Context, db owners, now time.Time, tell func(tokens int, hash string)) (audit, error) {
	a := audit{Platforms: map[string]int{}}
	for after := ""; ; {
		page, err := db.Owners(ctx, after, auditPage)
		if err != nil || len(page) == 0 {
			return a, err
		}
		ids := map[string]bool{}
		for _, o := range page {
			ids[o.UserID] = true
		}
		users, err := db.Users(ctx, slices.Sorted(maps.Keys(ids)))
		if err != nil {
			return a, err
		}
		for hash, o := range page {
			a.add(hash, o, users[o.UserID], now)
			after = max(after, hash)
		}
		tell(a.Tokens, after)
	}
}

func (a *audit) add(hash string, o presence.Owner, u *presence.User, now time.Time) {
	const day = 24 * time.Hour
	a.Tokens++
	switch age := now.Sub(o.At); {
	case age > 270*day:
		a.Over270++
		a.Over30++
	case age > 30*day:
		a.Over30++
	}
	d, ok := u.Device(o.PushID)
	if !ok || d.Target.IsZero() || d.Target.Hash() != hash {
		a.Orphans++
		return
	}
	a.Platforms[d.Platform.String()]++
}

func (a audit) print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "tokens\t%d\n", a.Tokens)
	for _, platform := range slices.Sorted(maps.Keys(a.Platforms)) {
		fmt.Fprintf(table, "  on %s\t%d\n", platform, a.Platforms[platform])
	}
	fmt.Fprintf(table, "  of no device\t%d\n", a.Orphans)
	fmt.Fprintf(table, "older than 30 days\t%d\n", a.Over30)
	fmt.Fprintf(table, "older than 270 days\t%d\n", a.Over270)
	return table.Flush()
}

// hashLetters are what a hash is made of, in their order.
const hashLetters = "234567abcdefghijklmnopqrstuvwxyz"

// place is the share of all hashes, 0 to 1, that come before one: they are spread
// evenly, so that is how far an audit has come, and nobody has to count the tokens.
func place(hash string) (share float64) {
	unit := 1.0
	for _, letter := range hash[:min(len(hash), 3)] {
		unit /= float64(len(hashLetters))
		share += unit * float64(max(strings.IndexRune(hashLetters, letter), 0))
	}
	return share
}
