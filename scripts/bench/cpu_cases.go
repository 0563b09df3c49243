package main

import (
	"context"
	"fmt"
	"time"

	"github.com/doorbell-push/doorbell/scripts/cost"
	"github.com/doorbell-push/doorbell/scripts/harness"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/docid"
)

// cpuMessages are messages and calls.
func cpuMessages(r *cost.CPU) []cpuCase {
	peer := func(to string, badge bool) func(*cpuWorld, context.Context, int) error {
		return func(w *cpuWorld, ctx context.Context, n int) error {
			return w.message(ctx, w.clients[n%cpuUsers], chat.Peer, fmt.Sprintf("%s%05d", to, n%cpuUsers), n, badge)
		}
	}
	to := func(id string) func(*cpuWorld, context.Context, int) error {
		return func(w *cpuWorld, ctx context.Context, n int) error {
			return w.message(ctx, w.owner, chat.Group, id, n, false)
		}
	}
	return []cpuCase{
		{what: "message to one person, online", operations: cost.PeerMessage(0), result: &r.PeerOnline, times: 300, atOnce: 4, do: peer("online", false)},
		{what: "message to one person, away", operations: cost.PeerMessage(1), result: &r.PeerAway, times: 300, atOnce: 4, do: peer("away", false)},
		{what: "message to one person, away, with a badge that is counted", operations: cost.PeerMessage(1).Plus(cost.Badge(1, 0, 0)), result: &r.PeerBadge, times: 300, atOnce: 4, do: peer("away", true)},
		{what: "message to a group of 100, 60 away", operations: cost.GroupMessage(cost.SmallMembers, cost.SmallAway/(cost.SmallMembers-1.0)), result: &r.SmallGroup, times: 25, atOnce: 1, do: to("small")},
		{what: "message to a group of 10,000, all online", operations: cost.GroupMessage(cost.LargeMembers, 0), result: &r.LargeOnline, times: 1, atOnce: 1, do: to("large"), large: true},
		{what: "message to a group of 10,000, 8,000 away", operations: cost.GroupMessage(cost.LargeMembers, cost.LargeAway/(cost.LargeMembers-1.0)), result: &r.LargeAway, times: 1, atOnce: 1, do: to("large"), prepare: (*cpuWorld).leave, large: true},
		{what: "call to 9 people, all away", operations: cost.CallInvitation(cost.Invitees), result: &r.Call, times: 30, atOnce: 2, do: (*cpuWorld).invite},
	}
}

// cpuAccounts are what people do beside them.
func cpuAccounts(r *cost.CPU) []cpuCase {
	return []cpuCase{
		{what: "a conversation is read", operations: cost.Read(), result: &r.Read, times: cpuUsers, atOnce: 4, do: (*cpuWorld).read, prepare: (*cpuWorld).unreadAtHand},
		{what: "a conversation is read, and another device shows it", operations: cost.Read().Plus(cost.Dismissal()), result: &r.Dismissed, times: cpuUsers, atOnce: 4, do: (*cpuWorld).read, prepare: (*cpuWorld).unread},
		{what: "a sync that finds nothing new", operations: cost.Sync(), result: &r.Sync, times: 300, atOnce: 4, do: (*cpuWorld).sync, prepare: (*cpuWorld).synced},
		{what: "a device that registers again", operations: cost.Register(), result: &r.Register, times: 300, atOnce: 4, do: (*cpuWorld).register},
		{what: "a heartbeat", operations: cost.Heartbeat(), result: &r.Heartbeat, times: 300, atOnce: 4, do: (*cpuWorld).heartbeat},
		{what: "a receipt", operations: cost.Receipt(), result: &r.Receipt, times: 300, atOnce: 4, do: (*cpuWorld).receipt},
	}
}

func (w *cpuWorld) message(ctx context.Context, from harness.Client, t chat.ConversationType, to string, n int, badge bool) error {
	return post(ctx, from, "/send", map[string]any{
		"message": map[string]any{"type": chat.Text, "message": "See you at the wall at seven"}, "toConversationID": to, "conversationType": t, "localMessageID": fmt.Sprint(n),
		"config": map[string]any{"priority": chat.Medium, "pushConfig": map[string]any{"title": "Alice", "content": "See you at the wall at seven", "payload": "{}", "enableBadge": badge}},
	}, &struct{}{})
}

// leave has 8,000 of the large group go.
func (w *cpuWorld) leave(ctx context.Context) error {
	_, err := w.people(ctx, "large", cost.LargeMembers-1, func(i int) bool { return i%5 == 0 && i > 0 })
	return err
}

func (w *cpuWorld) invite(ctx context.Context, n int) error {
	var invitees []string
	for i := range cost.Invitees {
		invitees = append(invitees, fmt.Sprintf("callee%05d", n%callers*cost.Invitees+i))
	}
	return post(ctx, w.clients[n%cpuUsers], "/call-invite", map[string]any{
		"invitees": invitees, "config": map[string]any{"timeout": 90, "pushConfig": map[string]any{"title": "Alice", "content": "Video call", "payload": "{}"}},
	}, &struct{}{})
}

// unreadAtHand is unread, after which all are online with their only device.
func (w *cpuWorld) unreadAtHand(ctx context.Context) error {
	if err := w.unread(ctx); err != nil {
		return err
	}
	return w.all(ctx, "online")
}

// all has each user's device be online, or away.
func (w *cpuWorld) all(ctx context.Context, state string) error {
	for _, c := range w.clients {
		if err := post(ctx, c, "/presence", map[string]any{"deviceID": "phone", "state": state}, &struct{}{}); err != nil {
			return err
		}
	}
	return nil
}

// unread has each user, with their device away, get a message from the next, which is
// all that they have not read.
func (w *cpuWorld) unread(ctx context.Context) error {
	if err := w.all(ctx, "online"); err != nil {
		return err
	}
	if w.written {
		for n := range cpuUsers {
			if err := w.read(ctx, n); err != nil {
				return err
			}
		}
	}
	w.written = true
	if err := w.all(ctx, "offline"); err != nil {
		return err
	}
	return w.happen(ctx, cpuCase{operations: cost.PeerMessage(1), atOnce: 4, do: func(w *cpuWorld, ctx context.Context, n int) error {
		return w.message(ctx, w.clients[(n+1)%cpuUsers], chat.Peer, fmt.Sprint("sender", n%cpuUsers), n, false)
	}}, cpuUsers)
}

func (w *cpuWorld) read(ctx context.Context, n int) error {
	other := fmt.Sprint("sender", (n+1)%cpuUsers)
	return post(ctx, w.clients[n%cpuUsers], "/read", map[string]any{"conversationID": other, "conversationType": chat.Peer}, &struct{}{})
}

// synced has each user know all there is.
func (w *cpuWorld) synced(ctx context.Context) error {
	for n := range cpuUsers {
		if err := w.sync(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

func (w *cpuWorld) sync(ctx context.Context, n int) error {
	i := n % cpuUsers
	body := map[string]any{"count": 100}
	if w.cursors[i] != nil {
		body["cursor"] = w.cursors[i]
	}
	var answer struct{ Cursor any }
	err := post(ctx, w.clients[i], "/sync", body, &answer)
	w.cursors[i] = answer.Cursor
	return err
}

func (w *cpuWorld) register(ctx context.Context, n int) error {
	i := n % cpuUsers
	return post(ctx, w.clients[i], "/register", map[string]any{"token": w.tokens[i], "platform": "android", "deviceID": "phone"}, &struct{}{})
}

func (w *cpuWorld) heartbeat(ctx context.Context, n int) error {
	return post(ctx, w.clients[n%cpuUsers], "/presence", map[string]any{"deviceID": "phone", "state": "online"}, &struct{}{})
}

func (w *cpuWorld) receipt(ctx context.Context, n int) error {
	return post(ctx, w.receipts[n%cpuUsers], "/receipts", map[string]any{"receipts": []any{
		map[string]any{"id": docid.New("bench", fmt.Sprint(n)), "kind": "message", "event": "arrived", "at": time.Now().UnixMilli()},
	}}, &struct{}{})
}
