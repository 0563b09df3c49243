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
	peer := func(to string) func(*cpuWorld, context.Context, int) error {
		return func(w *cpuWorld, ctx context.Context, n int) error {
			return w.message(ctx, w.clients[n%cpuUsers], chat.Peer, fmt.Sprintf("%s%05d", to, n%cpuUsers), n)
		}
	}
	to := func(id string) func(*cpuWorld, context.Context, int) error {
		return func(w *cpuWorld, ctx context.Context, n int) error { return w.message(ctx, w.owner, chat.Group, id, n) }
	}
	return []cpuCase{
		{"message to one person, online", cost.PeerMessage(0), &r.PeerOnline, 300, 4, peer("online"), nil},
		{"message to one person, away", cost.PeerMessage(1), &r.PeerAway, 300, 4, peer("away"), nil},
		{"message to a group of 100, 60 away", cost.GroupMessage(cost.SmallMembers, cost.SmallAway/(cost.SmallMembers-1.0)), &r.SmallGroup, 25, 1, to("small"), nil},
		{"message to a group of 10,000, all online", cost.GroupMessage(cost.LargeMembers, 0), &r.LargeOnline, 1, 1, to("large"), nil},
		{"message to a group of 10,000, 8,000 away", cost.GroupMessage(cost.LargeMembers, cost.LargeAway/(cost.LargeMembers-1.0)), &r.LargeAway, 1, 1, to("large"), (*cpuWorld).leave},
		{"call to 9 people, all away", cost.CallInvitation(cost.Invitees), &r.Call, 30, 2, (*cpuWorld).invite, nil},
	}
}

// cpuAccounts are what people do beside them.
func cpuAccounts(r *cost.CPU) []cpuCase {
	return []cpuCase{
		{"a conversation is read", cost.Read(), &r.Read, cpuUsers, 4, (*cpuWorld).read, (*cpuWorld).unread},
		{"a sync that finds nothing new", cost.Sync(), &r.Sync, 300, 4, (*cpuWorld).sync, (*cpuWorld).synced},
		{"a device that registers again", cost.Register(), &r.Register, 300, 4, (*cpuWorld).register, nil},
		{"a heartbeat", cost.Heartbeat(), &r.Heartbeat, 300, 4, (*cpuWorld).heartbeat, nil},
		{"a receipt", cost.Receipt(), &r.Receipt, 300, 4, (*cpuWorld).receipt, nil},
	}
}

func (w *cpuWorld) message(ctx context.Context, from harness.Client, t chat.ConversationType, to string, n int) error {
	return post(ctx, from, "/send", map[string]any{
		"message": map[string]any{"type": chat.Text, "message": "See you at the wall at seven"}, "toConversationID": to, "conversationType": t, "localMessageID": fmt.Sprint(n),
		"config": map[string]any{"priority": chat.Medium, "pushConfig": map[string]any{"title": "Alice", "content": "See you at the wall at seven", "payload": "{}"}},
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

// unread has each user get a message from the next.
func (w *cpuWorld) unread(ctx context.Context) error {
	return w.happen(ctx, cpuCase{operations: cost.PeerMessage(1), atOnce: 4, do: func(w *cpuWorld, ctx context.Context, n int) error {
		return w.message(ctx, w.clients[(n+1)%cpuUsers], chat.Peer, fmt.Sprint("sender", n%cpuUsers), n)
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
