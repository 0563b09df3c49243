package inbox_test

import (
	"testing"

	"github.com/doorbell-push/doorbell/shared/call"
)

func TestRingingCalls(t *testing.T) {
	w := newWorld(t)
	ms := w.now.UnixMilli()
	for id, c := range map[string]call.Call{
		"late":    {State: call.Started, CreateTime: ms - 10_000, Users: map[string]call.User{"me": {State: call.Inviting, ExpiresAt: ms + 1, Gen: 1, Inviter: "ann"}, "ann": {State: call.Accepted}}, DueAt: ms + 1},
		"first":   {State: call.Started, CreateTime: ms - 20_000, Timeout: 30, Users: map[string]call.User{"me": {State: call.Inviting, ExpiresAt: ms + 9000, Gen: 1}, "ann": {State: call.Accepted}}, DueAt: ms + 9000},
		"overdue": {State: call.Started, CreateTime: ms - 30_000, Users: map[string]call.User{"me": {State: call.Inviting, ExpiresAt: ms, Gen: 1}, "ann": {State: call.Accepted}}, DueAt: ms},
	} {
		c.CallID, c.Caller, c.Ringing, c.Members = id, "ann", []string{"me"}, []string{"ann", "me"}
		if _, err := w.CreateCall(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	got := w.sync("me", "", 1).CallList
	if len(got) != 2 || got[0].CallID != "first" || got[0].ExpiresAt != ms+9000 || got[0].Timeout != 30 || got[1].CallID != "late" || got[1].Caller != "ann" {
		t.Errorf("ringing: %+v", got)
	}
	if none := w.sync("ann", "", 1).CallList; len(none) != 0 {
		t.Errorf("for the caller rings %+v", none)
	}
}
