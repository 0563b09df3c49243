package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"cloud.google.com/go/auth/credentials"
	"cloud.google.com/go/firestore"
	"github.com/spf13/cobra"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/config"
	"github.com/doorbell-push/doorbell/shared/fcm"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/push"
	"github.com/doorbell-push/doorbell/shared/selftest"
	"github.com/doorbell-push/doorbell/shared/store"
)

// errBroken is what a self test ends with that found something.
var errBroken = errors.New("a step is broken: see above")

func selfTestCommand(o *options) *cobra.Command {
	var ring bool
	cmd := &cobra.Command{
		Use:   "self-test USER [DEVICE]",
		Short: "Walks every step of a push to a user's devices and says which is broken",
		Long: `Walks every step of a push to the devices of USER, or to the one with the app's ID
DEVICE: is it registered, would their rules let it ring, is there a token, does FCM
take it (another project's token, a missing APNs or web push key, an app that is
gone). FCM is only asked whether it would take the push; with --ring it delivers it.
Your own credentials ask FCM: they need the right to send (cloudmessaging.messages.create).`,
		Args: cobra.RangeArgs(1, 2),
		RunE: o.connected(func(cmd *cobra.Command, args []string) error {
			if err := chat.CheckID("USER", args[0]); err != nil {
				return err
			}
			deviceID := ""
			if len(args) > 1 {
				deviceID = args[1]
			}
			steps, err := o.selfTest(cmd.Context(), args[0], deviceID, ring)
			if err != nil {
				return err
			}
			return printSteps(cmd, steps, o.json)
		}),
	}
	cmd.Flags().BoolVar(&ring, "ring", false, "have FCM deliver the push")
	return cmd
}

func (o *options) selfTest(ctx context.Context, userID, deviceID string, ring bool) ([]selftest.Step, error) {
	c, err := config.Read(o.getenv)
	if err != nil {
		return nil, err
	}
	client, err := firestore.NewClient(ctx, o.project)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	sender, err := fcmClient(ctx, c)
	if err != nil {
		return nil, err
	}
	defer sender.Close()
	db := store.NewFirestore(client)
	users, err := db.Users(ctx, []string{userID})
	if err != nil {
		return nil, err
	}
	t := &selftest.Tester{
		Sender: sender, Pauses: db, Rules: plan.Rules{Defaults: c.UserDefaults}, Renderer: push.Renderer{WebClickURL: c.WebClickURL}, Now: time.Now, Ring: ring,
	}
	return t.Run(ctx, users[userID], deviceID), nil
}

// fcmClient is on FCM with the operator's own credentials, or on the stand-in.
func fcmClient(ctx context.Context, c *config.Config) (*fcm.Client, error) {
	options := fcm.Options{Project: c.ProjectID, Endpoint: c.FCMEndpoint, Connections: 1}
	if c.FCMEndpoint == "" {
		account, err := credentials.DetectDefault(&credentials.DetectOptions{Scopes: []string{fcm.Scope}})
		if err != nil {
			return nil, err
		}
		options.Tokens = account
		if options.QuotaProject, err = account.QuotaProjectID(ctx); err != nil {
			return nil, err
		}
	}
	return fcm.New(options)
}

func printSteps(cmd *cobra.Command, steps []selftest.Step, asJSON bool) error {
	broken := false
	table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	for _, s := range steps {
		mark := "ok"
		if !s.OK {
			mark, broken = "BROKEN", true
		}
		name := s.DeviceID
		if s.Platform != "" {
			name += " (" + s.Platform + ")"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", name, s.Name, mark, s.Text)
	}
	if asJSON {
		out := json.NewEncoder(cmd.OutOrStdout())
		out.SetIndent("", "  ")
		if err := out.Encode(steps); err != nil {
			return err
		}
	} else if err := table.Flush(); err != nil {
		return err
	}
	if broken {
		return errBroken
	}
	return nil
}
