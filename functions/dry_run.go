package functions

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	calling "github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/dryrun"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/push"
)

// dryRunRequest is the body of POST dry-run: one of Send and Call.
type dryRunRequest struct {
	// FromUserID is who would send it.
	FromUserID string `json:"fromUserID"`
	// Send is the body of send.
	Send *chat.SendRequest `json:"send"`
	// Call is the body of call-invite.
	Call *calling.InviteRequest `json:"call"`
	// Locales is the languages (BCP 47) to show the text in, at most 20.
	Locales []string `json:"locales"`
}

// dryRunAnswer is its answer: dryrun.Result without what a schema can't say.
type dryRunAnswer struct {
	Devices []dryrun.Device `json:"devices"`
	// Messages is what FCM would be given, by platform.
	Messages []dryRunMessage `json:"messages"`
	// Texts is what would be shown, by locale and platform.
	Texts []dryrun.Text `json:"texts"`
}

// dryRunMessage is what FCM would be given for a platform.
type dryRunMessage struct {
	Platform string         `json:"platform"`
	Privacy  device.Privacy `json:"privacy,omitempty"` // of devices that are told less
	// Request is the JSON of messages:send, as a text, without the device's token.
	Request string `json:"request"`
	// Shows is the notification's text; a push that shows nothing has none.
	Shows *push.Preview `json:"shows,omitempty"`
}

// dryRun is what would happen if somebody sent a message or began a call now, for
// operators: it tells who is online and what they have set. It shows no token. Safe
// to repeat: it only reads.
func dryRun(ctx context.Context, _ string, r *http.Request) (any, error) {
	if err := operator(ctx, r); err != nil {
		return nil, err
	}
	body, err := decode[dryRunRequest](r)
	if err != nil {
		return nil, err
	}
	if err := chat.CheckID("fromUserID", body.FromUserID); err != nil {
		return nil, err
	}
	if (body.Send == nil) == (body.Call == nil) {
		return nil, fault.Invalid("send", "give send or call: what would be sent")
	}
	rehearsals, err := dryRuns()
	if err != nil {
		return nil, err
	}
	runner := *rehearsals
	if runner.Locales, err = dryrun.Languages(body.Locales); err != nil {
		return nil, err
	}
	if body.Call != nil {
		result, err := runner.Call(ctx, body.FromUserID, body.Call)
		return dryRunOf(result), within("call", err)
	}
	result, err := runner.Send(ctx, body.FromUserID, body.Send)
	return dryRunOf(result), within("send", err)
}

// dryRunOf is the answer that tells r, nil for what was refused.
func dryRunOf(r *dryrun.Result) *dryRunAnswer {
	if r == nil {
		return nil
	}
	out := &dryRunAnswer{Devices: r.Devices, Texts: r.Texts}
	for _, name := range slices.Sorted(maps.Keys(r.Messages)) {
		platform, privacy, _ := strings.Cut(strings.TrimSuffix(name, ")"), " (")
		m := dryRunMessage{Platform: platform, Privacy: device.Privacy(privacy), Request: string(r.Messages[name])}
		if p, ok := r.Previews[name]; ok {
			m.Shows = &p
		}
		out.Messages = append(out.Messages, m)
	}
	return out
}

// within is err, of a request that stands in a field of another.
func within(field string, err error) error {
	var e *fault.Error
	if !errors.As(err, &e) || e.Field == "" {
		return err
	}
	inner := *e
	inner.Field = field + "." + e.Field
	return &inner
}
