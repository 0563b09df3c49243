package functions

import (
	"context"
	"net/http"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/presence"
)

// setConversationStatus sets whether the caller is rung for a conversation's
// messages, and for which: of a group in their membership, of a peer beside
// their devices.
// Safe to repeat: it sets a state, in one transaction.
func setConversationStatus(ctx context.Context, userID string, r *http.Request) (any, error) {
	body, err := decode[group.StatusRequest](r)
	if err != nil {
		return nil, err
	}
	if err := body.Check(userID); err != nil {
		return nil, err
	}
	if *body.ConversationType == chat.Group {
		s, err := groups()
		if err != nil {
			return nil, err
		}
		return s.SetStatus(ctx, userID, body)
	}
	reg, err := registry()
	if err != nil {
		return nil, err
	}
	var mute *presence.Mute
	if body.Status == group.DoNotDisturb {
		mute = &presence.Mute{MutedUntil: body.MutedUntil}
	}
	if err := reg.SetPeer(ctx, userID, chat.CID(chat.Peer, userID, body.ConversationID), mute, body.Level); err != nil {
		return nil, err
	}
	return group.StatusSet{ConversationID: body.ConversationID, ConversationType: chat.Peer}, nil
}
