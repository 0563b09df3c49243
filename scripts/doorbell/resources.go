package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"cloud.google.com/go/firestore"
	jsonv2 "github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"github.com/doorbell-push/doorbell/shared/resource"
	"github.com/doorbell-push/doorbell/shared/resource/files"
	"github.com/doorbell-push/doorbell/shared/store"
)

// resourcesFolder is where the repository keeps them.
const resourcesFolder = "terraform/resources"

func resourcesCommand(o *options) *cobra.Command {
	cmd := &cobra.Command{Use: "resources", Short: "How pushes look that name a resourcesID"}
	cmd.AddCommand(&cobra.Command{
		Use:   "apply [DIR]",
		Short: "Makes the files in DIR the resources there are",
		Long: `Makes the *.yaml files in DIR (` + resourcesFolder + ` if left out) the resources that there
are: each is the one that is called as its file. What DIR doesn't have is gone. Every
mistake is named, and then nothing is applied. They hold for what is pushed a minute
later at the latest. Cost: a read, and a write where something changed.`,
		Args: cobra.MaximumNArgs(1),
		RunE: o.withFiles(func(ctx context.Context, db resource.Store, set resource.Set, out io.Writer) error {
			encoded, err := set.Encode()
			if err != nil {
				return err
			}
			applied, changed, err := db.ApplyResources(ctx, encoded, time.Now().UTC())
			if err != nil {
				return err
			}
			if o.json {
				return json.NewEncoder(out).Encode(map[string]any{"version": applied.Version, "changed": changed})
			}
			if !changed {
				fmt.Fprintf(out, "nothing changed: version %d of %s\n", applied.Version, applied.At.Format(time.RFC3339))
				return nil
			}
			fmt.Fprintf(out, "version %d: %d resources, in use a minute from now at the latest\n", applied.Version, len(set))
			return nil
		}),
	}, &cobra.Command{
		Use:   "diff [DIR]",
		Short: "Says what apply would change",
		Args:  cobra.MaximumNArgs(1),
		RunE: o.withFiles(func(ctx context.Context, db resource.Store, set resource.Set, out io.Writer) error {
			applied, err := db.Resources(ctx)
			if err != nil {
				return err
			}
			changes, err := compare(applied, set)
			if err != nil {
				return err
			}
			if o.json {
				return json.NewEncoder(out).Encode(changes)
			}
			for _, id := range slices.Sorted(maps.Keys(changes)) {
				fmt.Fprintf(out, "%-8s %s\n", changes[id], id)
			}
			return nil
		}),
	}, &cobra.Command{
		Use:   "list",
		Short: "Lists the resources there are",
		Args:  cobra.NoArgs,
		RunE: o.connected(func(cmd *cobra.Command, _ []string) error {
			db, done, err := o.store(cmd.Context())
			if err != nil {
				return err
			}
			defer done()
			applied, err := db.Resources(cmd.Context())
			if err != nil {
				return err
			}
			return o.list(cmd.OutOrStdout(), applied)
		}),
	})
	return cmd
}

// store is the project's, and what closes it.
func (o *options) store(ctx context.Context) (*store.Firestore, func(), error) {
	client, err := firestore.NewClient(ctx, o.project)
	if err != nil {
		return nil, nil, err
	}
	return store.NewFirestore(client), func() { client.Close() }, nil
}

// withFiles is run with the store and the resources in the folder that is named.
// What is wrong with the files is found before anything is asked for.
func (o *options) withFiles(run func(context.Context, resource.Store, resource.Set, io.Writer) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		dir := resourcesFolder
		if len(args) > 0 {
			dir = args[0]
		}
		if _, err := os.Stat(dir); err != nil {
			return err
		}
		set, err := files.Read(dir)
		if err != nil {
			return err
		}
		return o.connected(func(cmd *cobra.Command, _ []string) error {
			db, done, err := o.store(cmd.Context())
			if err != nil {
				return err
			}
			defer done()
			progress := o.bar(cmd)
			progress.show(-1, fmt.Sprintf("%d resources of %s …", len(set), dir))
			var out bytes.Buffer
			err = run(cmd.Context(), db, set, &out)
			progress.end()
			_, printed := out.WriteTo(cmd.OutOrStdout())
			return errors.Join(err, printed)
		})(cmd, args)
	}
}

// each is the resources in an encoded set, encoded one by one. It takes them as
// they are, so that a version of another release can be looked at.
func each(set []byte) (map[string]json.RawMessage, error) {
	out := map[string]json.RawMessage{}
	if len(set) == 0 {
		return out, nil
	}
	return out, json.Unmarshal(set, &out)
}

// compare is what of the resources applying set would change.
func compare(applied resource.Applied, set resource.Set) (map[string]string, error) {
	encoded, err := set.Encode()
	if err != nil {
		return nil, err
	}
	after, err := each(encoded)
	if err != nil {
		return nil, err
	}
	before, err := each(applied.Set)
	changes := map[string]string{}
	for id := range before {
		if _, ok := after[id]; !ok {
			changes[id] = "removed"
		}
	}
	for id, now := range after {
		switch was, ok := before[id]; {
		case !ok:
			changes[id] = "added"
		case string(was) != string(now):
			changes[id] = "changed"
		}
	}
	return changes, err
}

func (o *options) list(w io.Writer, applied resource.Applied) error {
	all, err := each(applied.Set)
	if err != nil {
		return err
	}
	if o.json {
		out := json.NewEncoder(w)
		out.SetIndent("", "  ")
		return out.Encode(map[string]any{"version": applied.Version, "appliedAt": applied.At, "resources": all})
	}
	if applied.Version == 0 {
		fmt.Fprintln(w, "nothing was ever applied")
		return nil
	}
	fmt.Fprintf(w, "version %d of %s\n", applied.Version, applied.At.Format(time.RFC3339))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, id := range slices.Sorted(maps.Keys(all)) {
		var r resource.Resource
		if err := jsonv2.Unmarshal(all[id], &r); err != nil {
			fmt.Fprintf(table, "  %s\t%v\n", id, err)
			continue
		}
		fmt.Fprintf(table, "  %s\t%s\n", id, about(&r))
	}
	return table.Flush()
}

// about is what a resource is for, in a few words.
func about(r *resource.Resource) string {
	kind := "shows a notification"
	if r.Silent {
		kind = "silent"
	}
	if r.TTL > 0 {
		kind += fmt.Sprintf(", for %s", time.Duration(r.TTL)*time.Second)
	}
	if r.LocKeys != nil {
		kind += ", texts of the app"
	}
	if n := len(r.Texts); n > 0 {
		kind += fmt.Sprintf(", texts in %d languages", n)
	}
	return kind
}
