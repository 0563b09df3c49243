package dispatch

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/resource"
)

// known is resources that count how often they are asked for, or none where they
// can't be had.
type known struct {
	set   resource.Set
	asked int
}

func (k *known) Find(_ context.Context, id string) (*resource.Resource, error) {
	k.asked++
	if k.set == nil {
		return nil, errors.New("down")
	}
	return k.set[id], nil
}

// What was edited before it left looks as the edit says.
func TestResourceOfAnEdit(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.d.Resources = &known{set: resource.Set{"loud": {Style: resource.Style{Channel: "calls"}}}}
		b.d.Messages = &looked{m: &chat.Message{Push: &chat.PushConfig{Title: "t", Content: "c", ResourcesID: "loud"}}}
		batch := b.batch("m", "A")
		b.mark(batch)
		b.dispatch(batch, false)
		if all := b.fcm.of("A"); len(all) != 1 || !strings.Contains(string(all[0].body), `"channel_id":"calls"`) {
			t.Errorf("FCM was asked %+v", all)
		}
	})
}

// A batch looks as its resource says, plainly where there is none, and is worth no
// more than the resource's time. Where that can't be known nothing is sent, and
// nothing begun; who names none asks for none.
func TestResources(t *testing.T) {
	loud := resource.Set{"loud": {Style: resource.Style{Channel: "calls"}, TTL: 60}}
	for name, tc := range map[string]struct {
		known *known
		id    string
		after time.Duration
		want  string // of the outcome; empty: an error
		style bool
	}{
		"named":          {&known{set: loud}, "loud", 0, "sent", true},
		"unknown":        {&known{set: loud}, "other", 0, "sent", false},
		"too late":       {&known{set: loud}, "loud", time.Minute, "skipped expired", false},
		"not too late":   {&known{set: loud}, "other", time.Minute, "sent", false},
		"none is named":  {&known{}, "", 0, "sent", false},
		"down":           {&known{}, "loud", 0, "", false},
		"there are none": {nil, "loud", 0, "sent", false},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				if tc.known != nil {
					b.d.Resources = tc.known
				}
				batch := b.batch("m", "A")
				batch.Announcement.Push.ResourcesID = tc.id
				time.Sleep(tc.after)
				b.dispatch(batch, tc.want == "")
				if tc.want == "" {
					if e, begun := b.db.Deliveries()[batch.ID]; begun {
						t.Errorf("begun: %+v", e)
					}
					b.wantRequests()
					return
				}
				b.want(batch, true, "A", tc.want)
				for _, r := range b.fcm.of("A") {
					if got := strings.Contains(string(r.body), `"channel_id":"calls"`); got != tc.style {
						t.Errorf("styled: %t in %s", got, r.body)
					}
				}
				if tc.id == "" && tc.known.asked > 0 {
					t.Error("asked for the resource of none")
				}
			})
		})
	}
}
