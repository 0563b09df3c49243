package chat

import "time"

// Conversation is conversations/{cid}. Its LastSeq hands out OrderKeys, so
// unread counts are a subtraction and paging has no gaps.
type Conversation struct {
	Type ConversationType `firestore:"type"`
	// Members are the two users of a Peer conversation. Groups keep their
	// members in documents of their own.
	Members []string `firestore:"members,omitempty"`
	ID      string   `firestore:"id,omitempty"` // the group's or room's ID

	// LastSeq, LastAt and LastMessageID are of the last message. Of a group
	// without one LastAt is when it was created.
	LastSeq       int64     `firestore:"lastSeq"`
	LastAt        time.Time `firestore:"lastAt"`
	LastMessageID string    `firestore:"lastMessageID,omitempty"`
	// Read is the OrderKey up to which each user of a Peer conversation has
	// read. A group has that in its members' documents, and here only how far
	// sending has moved it since, of the MaxRecentSenders who sent last.
	Read map[string]int64 `firestore:"read,omitempty"`

	// ChangedAt, of a Peer conversation, is when one of its messages was revoked or
	// edited last, in ms since 1970: who listens to the conversation looks for it then.
	// Of a group clients listen to the messages themselves.
	ChangedAt int64 `firestore:"changedAt,omitempty"`

	// ExpireAt, of a Room only, is when Firestore's TTL policy removes it: its last
	// message has gone then.
	ExpireAt time.Time `firestore:"expireAt,omitempty"`

	GroupFields
}

// roomSlack is for how long a room outlasts its last message: the policy may take
// a day for either, and OrderKeys mustn't begin anew beside messages that have
// one.
const roomSlack = 48 * time.Hour

// MaxRecentSenders is how many senders' positions a group's Read keeps. Who
// drops out has their own messages counted as unread until they read again.
const MaxRecentSenders = 16

// ReadSeq is the OrderKey up to which userID has read c, where membership is
// what their document in a group says, and 0 of a Peer conversation.
func (c *Conversation) ReadSeq(userID string, membership int64) int64 {
	return max(c.Read[userID], membership)
}

// Append makes m the last message of c, and fills in what m is to know of c.
// It is part of the transaction that stores both, which gives a conversation
// what paging rests on: OrderKeys without gaps, and times that strictly grow
// with them, whatever the clocks of the instances that send. For membership see
// ReadSeq, of the sender.
//
// Who had read everything has then read their own message too. Who had not
// keeps their position, and has what they sent counted with the rest until
// they read: a count that is too high, where the other way something unread
// would be taken for read.
func (c *Conversation) Append(m *Message, membership int64) {
	upToDate := c.ReadSeq(m.SenderUserID, membership) >= c.LastSeq
	c.LastSeq++
	m.OrderKey = c.LastSeq
	m.Timestamp = max(m.Timestamp, c.LastAt.UnixMilli()+1)
	c.LastAt = time.UnixMilli(m.Timestamp).UTC()
	c.LastMessageID = m.MessageID
	if until := m.ExpireAt.Add(roomSlack); c.Type == Room && until.After(c.ExpireAt) {
		c.ExpireAt = until
	}
	if c.Type == Group {
		m.Fanout = &Fanout{Chunks: len(c.Chunks), Members: c.MemberCount}
	}
	if upToDate && c.Type != Room {
		c.setRead(m.SenderUserID, m.OrderKey)
	}
}

func (c *Conversation) setRead(userID string, seq int64) {
	if c.Read == nil {
		c.Read = map[string]int64{}
	}
	c.Read[userID] = seq
	for c.Type == Group && len(c.Read) > MaxRecentSenders {
		oldest := userID
		for id, at := range c.Read {
			if at < c.Read[oldest] {
				oldest = id
			}
		}
		delete(c.Read, oldest)
	}
}
