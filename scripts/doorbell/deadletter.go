package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/spf13/cobra"
)

// queues are the topics whose dead letters are looked at; those of a topic are in
// the subscription with "-dead" after its name. A sweep that was given up isn't
// missed: the next came a minute later.
var queues = []string{"push", "urgent", "fanout"}

func deadLetterCommand(o *options) *cobra.Command {
	var which []string
	var reason string
	var most int
	// each runs do for each queue's dead letters, until most have been seen.
	each := func(cmd *cobra.Command, do func(d *deadLetters, letters []letter) error) error {
		client, err := pubsub.NewClient(cmd.Context(), o.project)
		if err != nil {
			return err
		}
		defer client.Close()
		left := most
		for _, queue := range which {
			if !slices.Contains(queues, queue) {
				return fmt.Errorf("no queue %q; there are: %s", queue, strings.Join(queues, ", "))
			}
			d := &deadLetters{client: client, project: o.project, queue: queue, reason: reason, most: left}
			letters, err := d.take(cmd.Context())
			if err == nil {
				err = do(d, letters)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", d.name(), err)
			}
			left -= len(letters)
		}
		return nil
	}
	list := &cobra.Command{
		Use:   "list",
		Short: "Lists them, and leaves them where they are",
		Args:  cobra.NoArgs,
		RunE: o.connected(func(cmd *cobra.Command, _ []string) error {
			var all []letter
			err := each(cmd, func(d *deadLetters, letters []letter) error {
				all = append(all, letters...)
				return d.giveBack(cmd.Context(), letters)
			})
			if err != nil {
				return err
			}
			return printLetters(cmd.OutOrStdout(), all, o.json)
		}),
	}
	replay := &cobra.Command{
		Use:   "replay",
		Short: "Sends them again, once",
		Long: `Publishes each to the topic it came from and takes it out of the dead letters. What is
over or was sent by now is not sent: the dispatcher looks again. Should this be ended half-way,
run it again: a letter that is published twice is sent once.`,
		Args: cobra.NoArgs,
		RunE: o.connected(func(cmd *cobra.Command, _ []string) error {
			var done, found int
			progress := o.bar(cmd)
			err := each(cmd, func(d *deadLetters, letters []letter) error {
				n, err := d.replay(cmd.Context(), letters, func(n int) {
					progress.show(float64(n)/float64(len(letters)), fmt.Sprintf("%d of %d of %s sent again", n, len(letters), d.queue))
				})
				done, found = done+n, found+len(letters)
				return err
			})
			progress.end()
			if o.json {
				return errors.Join(err, json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]int{"sentAgain": done, "found": found}))
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d of %d sent again\n", done, found)
			return err
		}),
	}
	group := &cobra.Command{Use: "dead-letter", Short: "What could not be delivered"}
	group.PersistentFlags().StringSliceVar(&which, "queue", queues, "those of these topics")
	group.PersistentFlags().StringVar(&reason, "reason", "", "only those with this reason, such as credentials")
	group.PersistentFlags().IntVar(&most, "most", 1000, "at most so many")
	group.AddCommand(list, replay)
	return group
}

// deadLetters are those of a queue.
type deadLetters struct {
	client                 *pubsub.Client
	project, queue, reason string
	most                   int
}

// letter is one of them. What Pub/Sub itself gave up has no Reason.
type letter struct {
	Queue     string    `json:"queue"`
	Batch     string    `json:"batch"`
	Kind      string    `json:"kind"`
	Subject   string    `json:"subjectID"`
	Reason    string    `json:"reason"`
	Targets   int       `json:"targets"`
	Published time.Time `json:"published"`

	ack string
	raw *pubsubpb.PubsubMessage
}

func (d *deadLetters) name() string {
	return fmt.Sprintf("projects/%s/subscriptions/%s-dead", d.project, d.queue)
}

// holdSeconds is how long what was taken is kept from others.
const holdSeconds = 600

// take takes letters out for a while; what it doesn't want it gives back.
func (d *deadLetters) take(ctx context.Context) (letters []letter, err error) {
	var unwanted []letter
	seen := map[string]bool{}
	for len(letters) < d.most {
		got, err := d.client.SubscriptionAdminClient.Pull(ctx, &pubsubpb.PullRequest{
			Subscription: d.name(), MaxMessages: int32(min(d.most-len(letters), 100)),
			//lint:ignore SA1019 a list that is empty is to be said so at once
			ReturnImmediately: true,
		})
		if err != nil {
			return nil, err
		}
		news := false
		for _, m := range got.GetReceivedMessages() {
			l := read(m)
			l.Queue = d.queue
			news = news || !seen[l.raw.GetMessageId()]
			seen[l.raw.GetMessageId()] = true
			if d.reason != "" && l.Reason != d.reason {
				unwanted = append(unwanted, l)
			} else {
				letters = append(letters, l)
			}
		}
		if !news {
			break
		}
		if err := d.deadline(ctx, append(unwanted, letters...), holdSeconds); err != nil {
			return nil, err
		}
	}
	return letters, d.giveBack(ctx, unwanted)
}

func read(m *pubsubpb.ReceivedMessage) letter {
	attributes := m.GetMessage().GetAttributes()
	l := letter{
		Batch: attributes["batch"], Kind: attributes["kind"], Subject: attributes["subjectID"], Reason: attributes["reason"],
		Published: m.GetMessage().GetPublishTime().AsTime(), ack: m.GetAckId(), raw: m.GetMessage(),
	}
	var body struct{ Targets []json.RawMessage }
	if json.Unmarshal(m.GetMessage().GetData(), &body) == nil {
		l.Targets = len(body.Targets)
	}
	return l
}

// deadline sets for how long letters are kept from others; 0 gives them back.
func (d *deadLetters) deadline(ctx context.Context, letters []letter, seconds int32) error {
	if len(letters) == 0 {
		return nil
	}
	ids := make([]string, len(letters))
	for i, l := range letters {
		ids[i] = l.ack
	}
	return d.client.SubscriptionAdminClient.ModifyAckDeadline(ctx, &pubsubpb.ModifyAckDeadlineRequest{
		Subscription: d.name(), AckIds: ids, AckDeadlineSeconds: seconds,
	})
}

func (d *deadLetters) giveBack(ctx context.Context, letters []letter) error {
	return d.deadline(ctx, letters, 0)
}

// replay publishes each letter and only then removes it, and tells how many are done.
func (d *deadLetters) replay(ctx context.Context, letters []letter, tell func(int)) (done int, err error) {
	publisher := d.client.Publisher(d.queue)
	defer publisher.Stop()
	for _, l := range letters {
		m := &pubsub.Message{Data: l.raw.GetData(), Attributes: l.raw.GetAttributes()}
		if _, err := publisher.Publish(ctx, m).Get(ctx); err != nil {
			return done, err
		}
		err := d.client.SubscriptionAdminClient.Acknowledge(ctx, &pubsubpb.AcknowledgeRequest{Subscription: d.name(), AckIds: []string{l.ack}})
		if err != nil {
			return done, err
		}
		done++
		tell(done)
	}
	return done, nil
}

func printLetters(w io.Writer, letters []letter, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(append([]letter{}, letters...))
	}
	if len(letters) == 0 {
		fmt.Fprintln(w, "no dead letters")
	}
	for _, l := range letters {
		reason := l.Reason
		if reason == "" {
			reason = "given up by Pub/Sub"
		}
		fmt.Fprintf(w, "%s  %s %s  %d devices  %s\n", l.Published.UTC().Format(time.DateTime), l.Kind, l.Subject, l.Targets, reason)
	}
	return nil
}
