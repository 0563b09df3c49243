// Package call is call invitations and their whole life: who may do what to a
// call in which state, what follows from it, and when it is over.
package call

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/docid"
)

// Mode is ZIM's ZIMCallInvitationMode.
type Mode int

// The modes. A General call is an invitation that is over once everyone has
// answered; an Advanced one lasts while people are in it.
const (
	General  Mode = 0
	Advanced Mode = 1
)

func (m Mode) String() string {
	switch m {
	case General:
		return "General"
	case Advanced:
		return "Advanced"
	}
	return fmt.Sprintf("mode(%d)", int(m))
}

// State is ZIM's ZIMCallState.
type State int

// The states of a call.
const (
	Started State = 1
	Ended   State = 2
)

// UserState is ZIM's ZIMCallUserState.
type UserState int

// The states of a user in a call. Offline is only ever answered, for somebody
// who could not be invited.
const (
	Inviting    UserState = 0
	Accepted    UserState = 1 // the caller's from the start
	Rejected    UserState = 2
	Cancelled   UserState = 3 // the caller, who cancelled everybody
	Offline     UserState = 4
	Timeout     UserState = 6 // the caller's too, where nobody answered
	Quit        UserState = 7
	Finished    UserState = 8 // ZIM's Ended: was in the call at its end
	BeCancelled UserState = 10
)

var userStateNames = map[UserState]string{
	Inviting: "Inviting", Accepted: "Accepted", Rejected: "Rejected", Cancelled: "Cancelled", Offline: "Offline",
	Timeout: "Timeout", Quit: "Quit", Finished: "Ended", BeCancelled: "BeCancelled",
}

func (s UserState) String() string {
	if name, ok := userStateNames[s]; ok {
		return name
	}
	return fmt.Sprintf("state(%d)", int(s))
}

// Call is the document calls/{ID(callID)} with ZIM's field names. Times are
// the server's clock in milliseconds since 1970.
type Call struct {
	CallID       string `firestore:"callID" json:"callID"`
	Caller       string `firestore:"caller" json:"caller"`
	Mode         Mode   `firestore:"mode" json:"mode"`
	State        State  `firestore:"state" json:"state"`
	CreateTime   int64  `firestore:"createTime" json:"createTime"`
	Timeout      int    `firestore:"timeout" json:"timeout"` // seconds that each invitation rings
	ExtendedData string `firestore:"extendedData,omitempty" json:"extendedData,omitempty"`
	// AcceptTime is when the first invitee accepted, zero until then.
	AcceptTime int64 `firestore:"acceptTime,omitempty" json:"acceptTime,omitempty"`
	// EndTime is zero until the call has ended. Of a call that ends by time-out
	// it is when the last invitation ran out, whenever that is noticed.
	EndTime int64 `firestore:"endTime,omitempty" json:"endTime,omitempty"`
	// EndedBy is ZIM's operatedUserID: whose action ended the call, empty for a
	// time-out.
	EndedBy string `firestore:"endedBy,omitempty" json:"endedBy,omitempty"`
	// Users are the caller and all who were ever invited, by user ID.
	Users map[string]User `firestore:"users" json:"users"`
	// Pushes are the pushConfigs that Users name, each under a number.
	Pushes map[string]chat.PushConfig `firestore:"pushes,omitempty" json:"pushes,omitempty"`
	// Rev counts the document's writes from 1: events arrive in any order and
	// more than once, and the one with the larger Rev is the newer.
	Rev int64 `firestore:"rev" json:"rev"`
	// Traceparent is the trace of the request that wrote it last (package tracing).
	Traceparent string `firestore:"traceparent,omitempty" json:"traceparent,omitempty"`

	// What follows is derived from the above, for queries and rules.

	// Members are all of Users, sorted.
	Members []string `firestore:"members" json:"members"`
	// Ringing are the users that are Inviting, sorted.
	Ringing []string `firestore:"ringing" json:"ringing"`
	// DueAt is the earliest ExpiresAt of Ringing, zero (and absent from the
	// document, hence from its index) where nobody is.
	DueAt int64 `firestore:"dueAt,omitempty" json:"dueAt,omitempty"`
	// DueShard spreads the index on DueAt, which grows with the clock.
	DueShard int `firestore:"dueShard" json:"dueShard"`
	// ExpireAt is when Firestore's TTL policy removes the call.
	ExpireAt time.Time `firestore:"expireAt" json:"expireAt"`
}

// User is one person's part in a Call.
type User struct {
	State UserState `firestore:"state" json:"state"`
	// ExtendedData is what came with the user's last action.
	ExtendedData string `firestore:"extendedData,omitempty" json:"extendedData,omitempty"`
	Inviter      string `firestore:"inviter,omitempty" json:"inviter,omitempty"` // empty for the caller
	// Gen counts the user's invitations to this call, zero for the caller: an
	// invitation is named by callID, user and Gen.
	Gen       int   `firestore:"gen,omitempty" json:"gen,omitempty"`
	ExpiresAt int64 `firestore:"expiresAt,omitempty" json:"expiresAt,omitempty"` // when the last invitation stops ringing
	At        int64 `firestore:"at" json:"at"`                                   // when State last changed
	// AnsweredBy is the PushID of the device that accepted, rejected or joined.
	AnsweredBy string `firestore:"answeredBy,omitempty" json:"answeredBy,omitempty"`
	// Push names in the call's Pushes what the last invitation rings with; empty
	// where it came without a pushConfig, and rings nobody.
	Push string `firestore:"push,omitempty" json:"push,omitempty"`
	// EndPush names what the cancel, quit or end that took the invitation back
	// has told instead; empty where it brought no pushConfig.
	EndPush string `firestore:"endPush,omitempty" json:"endPush,omitempty"`
}

// ID is the document ID of a call.
func ID(callID string) string { return docid.New("call", callID) }

// DueShards is how many ways the index on DueAt is spread: at 500 writes a
// second each, 2,000 invitations a second.
const DueShards = 4

// DueShard is the shard that callID belongs to, 0 to DueShards-1.
func DueShard(callID string) int {
	h := fnv.New32a()
	h.Write([]byte(callID))
	return int(h.Sum32() % DueShards)
}

// start is the call that i starts at now, with the invitees who can be invited.
func start(i Invitation, invitees []string, now time.Time, retention time.Duration) Call {
	ms := now.UnixMilli()
	c := Call{
		CallID: i.CallID, Caller: i.Caller, Mode: i.Mode, State: Started, CreateTime: ms, Timeout: i.Timeout,
		ExtendedData: i.ExtendedData, Rev: 1, DueShard: DueShard(i.CallID), ExpireAt: now.Add(retention).UTC(),
		Users: map[string]User{i.Caller: {State: Accepted, At: ms}},
	}
	with := c.keep(i.Push)
	for _, id := range invitees {
		c.invite(id, i.Caller, with, ms)
	}
	c.derive()
	return c
}

// invite has userID ring from ms on, with what with names in Pushes.
func (c *Call) invite(userID, inviter, with string, ms int64) {
	c.Users[userID] = User{State: Inviting, Inviter: inviter, Push: with, Gen: c.Users[userID].Gen + 1, At: ms, ExpiresAt: ms + int64(c.Timeout)*1000}
}

// keep puts p, if there is one, among Pushes and returns its name there. derive
// drops it again where no user names it.
func (c *Call) keep(p *chat.PushConfig) string {
	if p == nil {
		return ""
	}
	if c.Pushes == nil {
		c.Pushes = map[string]chat.PushConfig{}
	}
	for n := 1; ; n++ {
		name := strconv.Itoa(n)
		if _, taken := c.Pushes[name]; !taken {
			c.Pushes[name] = *p
			return name
		}
	}
}

// PushFor is the pushConfig of userID's last invitation, nil where it came
// without one: nothing rings, so nothing has to be dismissed either.
func (c *Call) PushFor(userID string) *chat.PushConfig { return c.push(c.Users[userID].Push) }

// EndPushFor is the pushConfig of what took userID's last invitation back, nil
// where it brought none, or where the invitation ended otherwise.
func (c *Call) EndPushFor(userID string) *chat.PushConfig {
	if u := c.Users[userID]; u.State == BeCancelled {
		return c.push(u.EndPush)
	}
	return nil
}

func (c *Call) push(name string) *chat.PushConfig {
	if p, ok := c.Pushes[name]; ok {
		return &p
	}
	return nil
}

// set puts a user into a state.
func (c *Call) set(userID string, s UserState, ms int64) {
	u := c.Users[userID]
	u.State, u.At = s, ms
	c.Users[userID] = u
}

// all is the users in any of some states, sorted.
func (c *Call) all(states ...UserState) []string {
	out := []string{}
	for id, u := range c.Users {
		if slices.Contains(states, u.State) {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// derive brings the derived fields up to date.
func (c *Call) derive() {
	c.Members = slices.Sorted(maps.Keys(c.Users))
	c.Ringing = c.all(Inviting)
	c.DueAt = 0
	for _, id := range c.Ringing {
		if at := c.Users[id].ExpiresAt; c.DueAt == 0 || at < c.DueAt {
			c.DueAt = at
		}
	}
	named := map[string]bool{}
	for _, u := range c.Users {
		named[u.Push], named[u.EndPush] = true, true
	}
	maps.DeleteFunc(c.Pushes, func(name string, _ chat.PushConfig) bool { return !named[name] })
	if len(c.Pushes) == 0 {
		c.Pushes = nil
	}
}

// Clone is a copy that shares nothing which is ever written to.
func (c Call) Clone() Call {
	c.Users, c.Pushes = maps.Clone(c.Users), maps.Clone(c.Pushes)
	c.Members, c.Ringing = slices.Clone(c.Members), slices.Clone(c.Ringing)
	return c
}

// Overdue reports whether an invitation of c has run out at now, so that c is
// not as Settle has it.
func (c *Call) Overdue(now time.Time) bool { return c.DueAt != 0 && c.DueAt <= now.UnixMilli() }

// RingsFor reports whether userID is being rung at now.
func (c *Call) RingsFor(userID string, now time.Time) bool {
	u, in := c.Users[userID]
	return in && c.State == Started && u.State == Inviting && now.UnixMilli() < u.ExpiresAt
}

// Cursor is a place in a user's list of calls, newest first.
type Cursor struct {
	CreateTime int64
	CallID     string
}

// Compare orders calls newest first, those of one millisecond by document ID.
func Compare(a, b Cursor) int {
	return cmp.Or(cmp.Compare(b.CreateTime, a.CreateTime), cmp.Compare(ID(b.CallID), ID(a.CallID)))
}

// Cursor is c's place in a list.
func (c *Call) Cursor() Cursor { return Cursor{CreateTime: c.CreateTime, CallID: c.CallID} }

// Invited is the users that a change of a call invited, sorted. before is nil
// for a new call.
func Invited(before, after *Call) []string {
	return slices.DeleteFunc(after.all(Inviting), func(id string) bool {
		return before != nil && before.Users[id].State == Inviting && before.Users[id].Gen == after.Users[id].Gen
	})
}

// Stopped is the users whose invitation a change of a call ended, sorted.
func Stopped(before, after *Call) []string {
	if before == nil {
		return nil
	}
	return slices.DeleteFunc(before.all(Inviting), func(id string) bool { return after.Users[id].State == Inviting })
}
