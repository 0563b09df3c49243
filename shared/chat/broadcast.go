package chat

import (
	"context"
	"errors"
	"log/slog"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/tracing"
)

// MaxReceivers is how many users one broadcast goes to at most: as many messages
// are stored, well within a request's time.
const MaxReceivers = 1000

// broadcastsAtOnce is how many messages of one broadcast are being stored at a
// time: at some 50 ms each, a thousand take two seconds.
const broadcastsAtOnce = 32

// BroadcastRequest is the body of `system-send`: a message to users, each of whom
// gets one of their own, or to a group.
type BroadcastRequest struct {
	Message   *Content    `json:"message"`
	ToUserIDs []string    `json:"toUserIDs"`
	ToGroupID string      `json:"toGroupID"`
	Config    *SendConfig `json:"config"`
	// LocalMessageID is the backend's own ID of the message, the same on every
	// retry: with each receiver it names one message.
	LocalMessageID string `json:"localMessageID"`
}

// Broadcast is what became of a broadcast.
type Broadcast struct {
	MessageList   []Stored  `json:"messageList"`
	ErrorUserList []NotSent `json:"errorUserList"`
	// Warnings are what was done, and yet may not be what the caller meant.
	Warnings []fault.Warning `json:"warnings,omitempty"`
}

// Stored names a message that is stored.
type Stored struct {
	ConversationID   string           `json:"conversationID"` // the user or the group
	ConversationType ConversationType `json:"conversationType"`
	MessageID        string           `json:"messageID"`
	OrderKey         int64            `json:"orderKey"`
	Timestamp        int64            `json:"timestamp"` // ms since 1970
}

// NotSent is a user to whom nothing was stored.
type NotSent struct {
	UserID string     `json:"userID"`
	Reason fault.Code `json:"reason"`
}

// check checks who is to get the message; the rest is checked as of one that a
// client sends.
func (r *BroadcastRequest) check(system string) error {
	switch {
	case r.ToGroupID != "" && len(r.ToUserIDs) > 0:
		return fault.Invalid("toGroupID", "is given with toUserIDs: give one of them")
	case r.ToGroupID != "":
		return CheckID("toGroupID", r.ToGroupID)
	case len(r.ToUserIDs) == 0:
		return fault.Invalid("toUserIDs", "is required: 1 to %d users, or toGroupID", MaxReceivers)
	case len(r.ToUserIDs) > MaxReceivers:
		return fault.Invalid("toUserIDs", "names %d users: at most %d a request", len(r.ToUserIDs), MaxReceivers)
	}
	seen := make(map[string]struct{}, len(r.ToUserIDs))
	for i, id := range r.ToUserIDs {
		field := "toUserIDs." + strconv.Itoa(i)
		if err := CheckID(field, id); err != nil {
			return err
		}
		if id == system {
			return fault.Invalid(field, "is the system itself")
		}
		if _, twice := seen[id]; twice {
			return fault.Invalid(field, "is named twice")
		}
		seen[id] = struct{}{}
	}
	return nil
}

// to is the request to send to one conversation.
func (r *BroadcastRequest) to(t ConversationType, id string) *SendRequest {
	return &SendRequest{Message: r.Message, ToConversationID: id, ConversationType: &t, Config: r.Config, LocalMessageID: r.LocalMessageID}
}

// Broadcast stores r's message for each receiver, sent by the user system. What
// can't be stored for a user is told of in the answer and keeps nobody else from
// theirs; a group's is an error, and so is a failure that meets everybody.
//
// It is safe to repeat, also after dying half-way: each receiver's message has an
// ID of its own, derived from them and the backend's localMessageID, so that who
// has it already keeps that one, and is rung once.
func (s *Sender) Broadcast(ctx context.Context, system string, r *BroadcastRequest) (_ Broadcast, err error) {
	defer fault.Wrap(&err, "broadcast")
	if err := r.check(system); err != nil {
		return Broadcast{}, err
	}
	kind, to := Peer, r.ToUserIDs
	if r.ToGroupID != "" {
		kind, to = Group, []string{r.ToGroupID}
	}
	// One stands for all: what differs is whom they are to, which no device is told.
	first := r.to(kind, to[0])
	if err := first.Check(system, s.MaxText); err != nil {
		return Broadcast{}, err
	}
	if r.Config.PushConfig != nil {
		// Settled once, for every receiver's.
		if err := r.Config.PushConfig.Settle(ctx, s.Resources); err != nil {
			return Broadcast{}, err
		}
	}
	if m := s.message(system, first); m.Push != nil {
		if err := s.CheckPush(m); err != nil {
			return Broadcast{}, err
		}
	}
	blocking, err := s.blocking(ctx, system, kind, to)
	if err != nil {
		return Broadcast{}, err
	}

	stored, failed := make([]Message, len(to)), make([]error, len(to))
	var group errgroup.Group
	group.SetLimit(broadcastsAtOnce)
	for i, id := range to {
		if blocking[id] {
			failed[i] = fault.New(fault.PermissionDenied, fault.SenderInBlacklist, "the receiver has blocked the system")
			continue
		}
		group.Go(func() error {
			m := s.message(system, r.to(kind, id))
			m.System, m.Traceparent = true, tracing.Traceparent(ctx)
			stored[i], failed[i] = s.Store.AddMessage(ctx, m)
			return nil
		})
	}
	_ = group.Wait() // each failure stands in failed
	return outcome(ctx, kind, to, stored, failed)
}

// blocking is the users who have blocked the system; those of a group, its plan
// asks. See checkBlacklist for why that isn't part of a transaction.
func (s *Sender) blocking(ctx context.Context, system string, kind ConversationType, to []string) (map[string]bool, error) {
	out := map[string]bool{}
	if kind != Peer {
		return out, nil
	}
	err := s.slots.Each(ctx, to, s.Store.Users, func(ids []string, users map[string]*presence.User) {
		for _, id := range ids {
			out[id] = users[id].Blocks(system)
		}
	})
	return out, err
}

// outcome is the answer: who has the message and who hasn't.
func outcome(ctx context.Context, kind ConversationType, to []string, stored []Message, failed []error) (Broadcast, error) {
	out := Broadcast{MessageList: []Stored{}, ErrorUserList: []NotSent{}}
	var broken error // the last that is our fault
	for i, err := range failed {
		if err == nil {
			m := stored[i]
			out.MessageList = append(out.MessageList, Stored{m.ConversationID, m.ConversationType, m.MessageID, m.OrderKey, m.Timestamp})
			continue
		}
		var own *fault.Error
		if !errors.As(err, &own) {
			broken = err
		}
		out.ErrorUserList = append(out.ErrorUserList, NotSent{to[i], fault.From(err).Code})
	}
	switch {
	case kind == Group && failed[0] != nil:
		return Broadcast{}, failed[0]
	case broken != nil && len(out.MessageList) == 0:
		return Broadcast{}, broken
	case broken != nil:
		slog.ErrorContext(ctx, "broadcast in part", "sent", len(out.MessageList), "failed", len(out.ErrorUserList), "error", broken)
	}
	return out, nil
}
