package chaos

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/store"
)

// database is Firestore as one process reaches it: the store in memory, with
// the weather of the way there, and the triggers on its documents.
//
// What it doesn't name itself is the store's own, which no weather reaches.
type database struct {
	*store.Memory
	p *process
}

var errContended = errors.New("contended: run again")

// contended reports whether the transaction under way has to run twice.
func (d database) contended(ctx context.Context, name string) bool {
	j, f := d.p.fateOf(ctx, "contention of "+name)
	return d.p.w.wild() && j.attempt <= lastFault && f.hits(isContended, d.p.w.weather.Contended)
}

// Change implements presence.Store.
func (d database) Change(ctx context.Context, f func(presence.Tx) error) error {
	return d.p.op(ctx, "change presence", func() error {
		if d.contended(ctx, "presence") {
			_ = d.Memory.Change(ctx, func(tx presence.Tx) error { _ = f(tx); return errContended })
		}
		return d.Memory.Change(ctx, f)
	})
}

// Users implements presence.Store and more.
func (d database) Users(ctx context.Context, userIDs []string) (out map[string]*presence.User, err error) {
	err = d.p.op(ctx, "read presence", func() error {
		out, err = d.Memory.Users(ctx, userIDs)
		return err
	})
	return out, err
}

// RemoveTarget implements dispatch.Bindings.
func (d database) RemoveTarget(ctx context.Context, userID, pushID string, dead device.Target) (bool, error) {
	return (&presence.Registry{Store: d}).RemoveTarget(ctx, userID, pushID, dead)
}

// AddMessage implements chat.Store. A message that is stored triggers on-message.
func (d database) AddMessage(ctx context.Context, m chat.Message) (out chat.Message, err error) {
	err = d.p.op(ctx, "store message", func() error {
		if out, err = d.Memory.AddMessage(ctx, m); err == nil {
			d.p.w.messageCreated(out)
		}
		return err
	})
	return out, err
}

// CreateCall implements call.Store. A call that is written triggers on-call.
func (d database) CreateCall(ctx context.Context, c call.Call) (out call.Call, err error) {
	err = d.p.op(ctx, "create call", func() error {
		w := d.p.w
		w.writes.Lock()
		defer w.writes.Unlock()
		old, _ := d.Memory.Call(ctx, c.CallID)
		if out, err = d.Memory.CreateCall(ctx, c); err == nil && old == nil {
			w.callWritten(nil, out)
		}
		return err
	})
	return out, err
}

// ChangeCall implements call.Store.
func (d database) ChangeCall(ctx context.Context, callID string, f func(*call.Call) (*call.Call, error)) error {
	return d.p.op(ctx, "change call "+callID, func() error {
		w := d.p.w
		w.writes.Lock()
		defer w.writes.Unlock()
		if d.contended(ctx, "call "+callID) {
			_ = d.Memory.ChangeCall(ctx, callID, func(c *call.Call) (*call.Call, error) { _, _ = f(c); return nil, errContended })
		}
		var before, after *call.Call
		err := d.Memory.ChangeCall(ctx, callID, func(c *call.Call) (*call.Call, error) {
			before = nil
			if c != nil {
				old := c.Clone()
				before = &old
			}
			next, err := f(c)
			after = next
			return next, err
		})
		if err == nil && after != nil {
			w.callWritten(before, after.Clone())
		}
		return err
	})
}

// Call implements dispatch.Calls.
func (d database) Call(ctx context.Context, callID string) (out *call.Call, err error) {
	err = d.p.op(ctx, "read call", func() error {
		out, err = d.Memory.Call(ctx, callID)
		return err
	})
	return out, err
}

// Calls implements call.Store.
func (d database) Calls(ctx context.Context, userID string, after *call.Cursor, limit int) (out []call.Call, err error) {
	err = d.p.op(ctx, "list calls", func() error {
		out, err = d.Memory.Calls(ctx, userID, after, limit)
		return err
	})
	return out, err
}

// CallsSince implements lapse.Calls.
func (d database) CallsSince(ctx context.Context, userID string, since int64, limit int) (out []call.Call, err error) {
	err = d.p.op(ctx, "list calls since", func() error {
		out, err = d.Memory.CallsSince(ctx, userID, since, limit)
		return err
	})
	return out, err
}

// RingingCalls implements inbox.Store and lapse.Calls.
func (d database) RingingCalls(ctx context.Context, userID string, limit int) (out []call.Call, err error) {
	err = d.p.op(ctx, "list ringing calls", func() error {
		out, err = d.Memory.RingingCalls(ctx, userID, limit)
		return err
	})
	return out, err
}

// DueCalls implements call.Store.
func (d database) DueCalls(ctx context.Context, shard int, after call.Due, until int64, limit int) (out []call.Due, err error) {
	err = d.p.op(ctx, "list due calls "+strconv.Itoa(shard), func() error {
		out, err = d.Memory.DueCalls(ctx, shard, after, until, limit)
		return err
	})
	return out, err
}

// Begin implements dispatch.Ledger.
func (d database) Begin(ctx context.Context, e delivery.Entry, wanted []string, now time.Time) (out delivery.Entry, err error) {
	err = d.p.op(ctx, "begin", func() error {
		out, err = d.Memory.Begin(ctx, e, wanted, now)
		return err
	})
	return out, err
}

// Finish implements dispatch.Ledger.
func (d database) Finish(ctx context.Context, e delivery.Entry) error {
	return d.p.op(ctx, "finish", func() error { return d.Memory.Finish(ctx, e) })
}

// Entries implements fanout.Rings.
func (d database) Entries(ctx context.Context, subjectID string) (out []delivery.Entry, err error) {
	err = d.p.op(ctx, "read ledger of "+subjectID, func() error {
		out, err = d.Memory.Entries(ctx, subjectID)
		return err
	})
	return out, err
}

// Roster implements fanout.Roster.
func (d database) Roster(ctx context.Context, cid string, n int) (out map[string]group.Entry, err error) {
	err = d.p.op(ctx, "read roster "+strconv.Itoa(n), func() error {
		out, err = d.Memory.Roster(ctx, cid, n)
		return err
	})
	return out, err
}

// ChangeGroup implements group.Store.
func (d database) ChangeGroup(ctx context.Context, cid string, userIDs []string, f func(*chat.Conversation, map[string]group.Member) (*group.Change, error)) error {
	return d.p.op(ctx, "change group", func() error {
		if d.contended(ctx, "group") {
			_ = d.Memory.ChangeGroup(ctx, cid, userIDs, func(c *chat.Conversation, m map[string]group.Member) (*group.Change, error) {
				_, _ = f(c, m)
				return nil, errContended
			})
		}
		return d.Memory.ChangeGroup(ctx, cid, userIDs, f)
	})
}

// ReadGroup implements group.Store and dispatch.Members.
func (d database) ReadGroup(ctx context.Context, cid string, userIDs []string) (c *chat.Conversation, members map[string]group.Member, err error) {
	err = d.p.op(ctx, "read group "+strings.Join(userIDs, " "), func() error {
		c, members, err = d.Memory.ReadGroup(ctx, cid, userIDs)
		return err
	})
	return c, members, err
}

// Pause implements dispatch.Pauses.
func (d database) Pause(ctx context.Context) (told delivery.Pause, err error) {
	err = d.p.op(ctx, "read pause", func() error {
		told, err = d.Memory.Pause(ctx)
		return err
	})
	return told, err
}

// TellPause implements dispatch.Pauses.
func (d database) TellPause(ctx context.Context, told delivery.Pause) error {
	return d.p.op(ctx, "tell pause", func() error { return d.Memory.TellPause(ctx, told) })
}

// LapsedUsers implements lapse.Lapses.
func (d database) LapsedUsers(ctx context.Context, shard int, until time.Time, after *presence.User, limit int) (out []*presence.User, err error) {
	err = d.p.op(ctx, "list lapsed users "+strconv.Itoa(shard), func() error {
		out, err = d.Memory.LapsedUsers(ctx, shard, until, after, limit)
		return err
	})
	return out, err
}

// Peers implements inbox.Store.
func (d database) Peers(ctx context.Context, userID string, since int64) (out []chat.Conversation, err error) {
	err = d.p.op(ctx, "list peers of "+userID, func() error {
		out, err = d.Memory.Peers(ctx, userID, since)
		return err
	})
	return out, err
}

// Rung implements dispatch.Ledger.
func (d database) Rung(ctx context.Context, userID, cid string, after, upTo int64, pushIDs []string, limit int) (e []delivery.Entry, err error) {
	err = d.p.op(ctx, "read what rang "+userID, func() error {
		e, err = d.Memory.Rung(ctx, userID, cid, after, upTo, pushIDs, limit)
		return err
	})
	return e, err
}

// SetRead implements inbox.Store.
func (d database) SetRead(ctx context.Context, t chat.ConversationType, cid, userID string, f func(*chat.Conversation, *group.Member) (int64, error)) error {
	return d.p.op(ctx, "set read", func() error { return d.Memory.SetRead(ctx, t, cid, userID, f) })
}
