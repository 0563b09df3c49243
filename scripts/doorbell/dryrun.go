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

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/config"
	"github.com/doorbell-push/doorbell/shared/dryrun"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/push"
	"github.com/doorbell-push/doorbell/shared/resource"
	"github.com/doorbell-push/doorbell/shared/store"
)

// maxBody is the longest request that is read, as of the endpoint.
const maxBody = 256 << 10

func dryRunCommand(o *options) *cobra.Command {
	var from string
	var locales []string
	var calls, validate bool
	cmd := &cobra.Command{
		Use:   "dry-run FILE",
		Short: "Says what would happen if a message were sent: who is rung, who not, what it shows, and the JSON for FCM",
		Long: `Says what would happen if --from sent the message in FILE now: for each device of
each receiver whether it would be pushed to and why not, what it would show, and the
JSON that FCM would be given for each platform, without tokens. FILE holds the body of
"send", with --call that of "call-invite"; - is standard input. With --validate FCM is
asked, with your own credentials, whether it would take each push (validate_only): it
delivers none. With --locale it also says what is shown in these languages. Nothing is stored and nothing is sent. Settings (DOORBELL_…) are read
from the environment: give those of the deployment where they differ from the
defaults.`,
		Example: `  doorbell --local dry-run --from alice message.json
  doorbell --local dry-run --from alice --locale de,fr message.json`,
		Args: cobra.ExactArgs(1),
		RunE: o.connected(func(cmd *cobra.Command, args []string) error {
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
			db := store.NewFirestore(client)
			r := &dryrun.Runner{
				Store: db, Resources: &resource.Cache{Store: db, Now: time.Now}, Rules: plan.Rules{Defaults: c.UserDefaults}, Renderer: push.Renderer{WebClickURL: c.WebClickURL},
				Now: time.Now, PushTTL: c.PushTTL, MaxText: c.MaxTextBytes, MaxInvitees: c.MaxCallInvitees,
			}
			if r.Locales, err = dryrun.Languages(locales); err != nil {
				return err
			}
			if validate {
				sender, err := fcmClient(cmd.Context(), c)
				if err != nil {
					return err
				}
				defer sender.Close()
				r.FCM = sender
			}
			result, err := rehearse(cmd, r, from, args[0], calls)
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
	cmd.Flags().BoolVar(&calls, "call", false, "FILE is the body of call-invite")
	cmd.Flags().StringSliceVar(&locales, "locale", nil, "also show the text in these languages (BCP 47), at most 20")
	cmd.Flags().BoolVar(&validate, "validate", false, "ask FCM whether it would take each push")
	if err := cmd.MarkFlagRequired("from"); err != nil {
		panic(err) // the flag is defined above
	}
	return cmd
}

// rehearse is what would happen with the request in a file.
func rehearse(cmd *cobra.Command, r *dryrun.Runner, from, file string, calls bool) (*dryrun.Result, error) {
	if calls {
		request, err := readRequest[call.InviteRequest](cmd.InOrStdin(), file)
		if err != nil {
			return nil, err
		}
		return r.Call(cmd.Context(), from, request)
	}
	request, err := readRequest[chat.SendRequest](cmd.InOrStdin(), file)
	if err != nil {
		return nil, err
	}
	return r.Send(cmd.Context(), from, request)
}

// getenv is the environment, with the project that the flags say.
func (o *options) getenv(name string) string {
	if name == "GOOGLE_CLOUD_PROJECT" {
		return o.project
	}
	return os.Getenv(name)
}

// readRequest is a request's body, read as strictly as the endpoint does.
func readRequest[T any](stdin io.Reader, file string) (*T, error) {
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
	request := new(T)
	if err := jsonv2.Unmarshal(body, request, jsonv2.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("%s is no such request: %w", file, err)
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
		fmt.Fprintf(table, "  %s\t%s\t%s\n", device, d.Text, d.FCMText)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	printTexts(w, r.Texts)
	for _, platform := range slices.Sorted(maps.Keys(r.Messages)) {
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, r.Messages[platform], "", "  "); err != nil {
			return err
		}
		if p, ok := r.Previews[platform]; ok {
			fmt.Fprintf(w, "\n%s shows: %s", platform, shows(p))
		} else {
			fmt.Fprintf(w, "\n%s shows nothing", platform)
		}
		fmt.Fprintf(w, "\nFCM, %s, %d bytes:\n%s\n", platform, len(r.Messages[platform]), pretty.Bytes())
	}
	return nil
}

// printTexts prints what is shown by language and platform.
func printTexts(w io.Writer, texts []dryrun.Text) {
	locale := ""
	for _, t := range texts {
		if t.Locale != locale {
			locale = t.Locale
			fmt.Fprintf(w, "\nin %s:\n", locale)
		}
		to := t.Platform
		if t.Privacy != "" {
			to += " (" + string(t.Privacy) + ")"
		}
		fmt.Fprintf(w, "  %s shows: %s\n", to, shows(t.Preview))
	}
}

// shows is a notification's text in a line.
func shows(p push.Preview) string {
	part := func(text, key string, args []string) string {
		if key == "" {
			return text
		}
		return fmt.Sprintf("the app's %s%q", key, args)
	}
	line := part(p.Title, p.TitleLocKey, p.TitleLocArgs) + ": " + part(p.Body, p.BodyLocKey, p.BodyLocArgs)
	for _, a := range p.Actions {
		line += " [" + a + "]"
	}
	return line
}
