// Package store keeps what the domain packages need kept: in Firestore, and in
// memory for simulations. One contract test holds both to the same behaviour.
package store

import (
	"context"
	"errors"

	"cloud.google.com/go/firestore"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The collections; see Firestore for what each holds.
const (
	presenceCollection      = "presence"
	tokensCollection        = "tokens"
	conversationsCollection = "conversations"
	messagesCollection      = "messages"
	membersCollection       = "members"
	rosterCollection        = "roster"
	deliveriesCollection    = "deliveries"
)

// Firestore is the store in production. This is its schema:
//
//	presence/{userID}                     presence.User: devices with targets and leases, what was read last, mutes, levels, settings, blacklist, what quiet hours hold back and the summary of it, bursts. Server only.
//	tokens/{hash of kind and value}       presence.Owner: whose an FCM target is. Server only.
//	conversations/{cid}                   chat.Conversation. Its members may read it, everyone a room. TTL: expireAt, of rooms only.
//	conversations/{cid}/members/{userID}  group.Member. Everyone may read their own.
//	conversations/{cid}/roster/{n}        members: group.Entry by user ID, at most group.MaxChunk. Server only.
//	conversations/{cid}/messages/{mid}    chat.Message. Who may read the conversation may read it. TTL: expireAt.
//	deliveries/{batch}                    delivery.Entry: the ledger. Server only. TTL: expireAt.
//	receipts/{receipt.DocID}              receiptDoc: what the devices of a shard told of a message or call. Server only. TTL: expireAt.
//	pauses/{name}                         delivery.Pause: "fcm" is how long FCM wants to hear nothing of the project. Server only.
//	resources/{name}                      resourcesDoc: "applied" is how pushes look that name a resourcesID. Server only.
//	secrets/{name}                        secretDoc: random bytes that the functions made for themselves. Server only.
//
// A dismissed group's conversation stays, so that nobody takes its ID; nobody
// may read it any more. A cid, mid and batch ID are hashes (package docid). Only
// what is queried is indexed; terraform/ exempts the rest, and all of roster's
// members. A user's groups are found by members.userID, indexed with
// collection-group scope. LapsedUsers needs the composite index of presence on
// shard, sweepAt; by itself sweepAt grows with the clock, and the maps devices,
// reads, mutes, levels, settings, held, summary, bursts and blacklist hold what nobody queries: exempt.
// Rung needs that of deliveries on to, cid, seq; Taken finds them by took alone. Of tokens only day is queried. Clients query a conversation's messages by changedAt.
type Firestore struct {
	client *firestore.Client
	turns  turns
}

// NewFirestore is a store on client, which stays its caller's to close.
func NewFirestore(client *firestore.Client) *Firestore {
	return &Firestore{client: client, turns: newTurns()}
}

func (s *Firestore) doc(collection, id string) *firestore.DocumentRef {
	return s.client.Collection(collection).Doc(id)
}

// read decodes the document at ref into out, within tx where there is one. It
// reports false for a document that doesn't exist.
func read(ctx context.Context, tx *firestore.Transaction, ref *firestore.DocumentRef, out any) (*firestore.DocumentSnapshot, bool, error) {
	var doc *firestore.DocumentSnapshot
	var err error
	if tx != nil {
		doc, err = tx.Get(ref)
	} else {
		doc, err = ref.Get(ctx)
	}
	if status.Code(err) == codes.NotFound {
		return doc, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	return doc, true, doc.DataTo(out)
}

// isExists and isPrecondition look through the wrapping a transaction adds.
func isExists(err error) bool { return code(err) == codes.AlreadyExists }

func isPrecondition(err error) bool {
	c := code(err)
	return c == codes.FailedPrecondition || c == codes.Aborted || c == codes.NotFound
}

func code(err error) codes.Code {
	var s interface{ GRPCStatus() *status.Status }
	if errors.As(err, &s) {
		return s.GRPCStatus().Code()
	}
	return status.Code(err)
}
