package functions

import (
	"context"
	"net/http"
	"strconv"

	calling "github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
)

// Limits of one request, ZIM's.
const (
	maxBlacklistUsers = 20 // added or removed
	maxBlacklistPage  = 100
)

// blacklistUsers is the body of blacklist-add and blacklist-remove.
type blacklistUsers struct {
	UserIDs []string `json:"userIDs"`
}

func (b *blacklistUsers) check(self string) error {
	if n := len(b.UserIDs); n < 1 || n > maxBlacklistUsers {
		return fault.Invalid("userIDs", "names %d users: 1 to %d", n, maxBlacklistUsers)
	}
	for i, id := range b.UserIDs {
		field := "userIDs." + strconv.Itoa(i)
		if err := chat.CheckID(field, id); err != nil {
			return err
		}
		if id == self {
			return fault.Invalid(field, "names you: one can't block oneself")
		}
	}
	return nil
}

// blacklistPage is the body of blacklist-query.
type blacklistPage struct {
	NextFlag int64 `json:"nextFlag"` // 0 for the first page, then the last answer's
	Count    int   `json:"count"`
}

// blacklistUser is the body of blacklist-check.
type blacklistUser struct {
	UserID string `json:"userID"`
}

// The answers, ZIM's: those who could not be added or removed; a page; whether
// a user is in the list.
type (
	blacklistChanged struct {
		ErrorUserList []calling.UserError `json:"errorUserList"`
	}
	blacklistQueried struct {
		Blacklist []blacklistUser `json:"blacklist"`
		NextFlag  int64           `json:"nextFlag"` // 0 on the last page
	}
	blacklistChecked struct {
		IsUserInBlacklist bool `json:"isUserInBlacklist"`
	}
)

// addToBlacklist is ZIM's addUsersToBlacklist. Whether the users exist isn't
// asked, so that it can't be found out here. Safe to repeat: who is in the list
// stays in it.
func addToBlacklist(ctx context.Context, userID string, r *http.Request) (any, error) {
	body, err := decode[blacklistUsers](r)
	if err != nil {
		return nil, err
	}
	if err := body.check(userID); err != nil {
		return nil, err
	}
	reg, err := registry()
	if err != nil {
		return nil, err
	}
	full, err := reg.AddToBlacklist(ctx, userID, body.UserIDs)
	if err != nil {
		return nil, err
	}
	out := blacklistChanged{ErrorUserList: []calling.UserError{}}
	for _, id := range full {
		out.ErrorUserList = append(out.ErrorUserList, calling.UserError{UserID: id, Reason: fault.BlacklistLimit})
	}
	return out, nil
}

// removeFromBlacklist is ZIM's removeUsersFromBlacklist. Safe to repeat: who
// isn't in the list stays out of it.
func removeFromBlacklist(ctx context.Context, userID string, r *http.Request) (any, error) {
	body, err := decode[blacklistUsers](r)
	if err != nil {
		return nil, err
	}
	if err := body.check(userID); err != nil {
		return nil, err
	}
	reg, err := registry()
	if err != nil {
		return nil, err
	}
	return blacklistChanged{ErrorUserList: []calling.UserError{}}, reg.RemoveFromBlacklist(ctx, userID, body.UserIDs)
}

// queryBlacklist is ZIM's queryBlacklist: a page of the caller's own.
func queryBlacklist(ctx context.Context, userID string, r *http.Request) (any, error) {
	body, err := decode[blacklistPage](r)
	switch {
	case err != nil:
		return nil, err
	case body.NextFlag < 0:
		return nil, fault.Invalid("nextFlag", "is %d: give 0, or the nextFlag of the page before", body.NextFlag)
	case body.Count < 1 || body.Count > maxBlacklistPage:
		return nil, fault.Invalid("count", "is %d: 1 to %d", body.Count, maxBlacklistPage)
	}
	reg, err := registry()
	if err != nil {
		return nil, err
	}
	ids, next, err := reg.Blacklist(ctx, userID, body.NextFlag, body.Count)
	if err != nil {
		return nil, err
	}
	out := blacklistQueried{Blacklist: []blacklistUser{}, NextFlag: next}
	for _, id := range ids {
		out.Blacklist = append(out.Blacklist, blacklistUser{id})
	}
	return out, nil
}

// checkBlacklist is ZIM's checkUserIsInBlacklist, of the caller's own: whose
// list the caller is in, nobody tells.
func checkBlacklist(ctx context.Context, userID string, r *http.Request) (any, error) {
	body, err := decode[blacklistUser](r)
	if err != nil {
		return nil, err
	}
	if err := chat.CheckID("userID", body.UserID); err != nil {
		return nil, err
	}
	reg, err := registry()
	if err != nil {
		return nil, err
	}
	blocked, err := reg.InBlacklist(ctx, userID, body.UserID)
	if err != nil {
		return nil, err
	}
	return blacklistChecked{IsUserInBlacklist: blocked}, nil
}
