package presence

import (
	"context"
	"maps"
	"slices"

	"github.com/doorbell-push/doorbell/shared/fault"
)

// MaxBlacklist is how many users one user can have blocked, ZIM's default: at
// most some 140 kB of a document that every heartbeat writes.
const MaxBlacklist = 1000

// Blocks reports whether u has other on their blacklist. A nil user has nobody.
func (u *User) Blocks(other string) bool {
	if u == nil {
		return false
	}
	_, blocked := u.Blacklist[other]
	return blocked
}

// AddToBlacklist blocks others, and returns those for whom there was no room.
// Who is on the list already keeps their place, so repeating it changes nothing;
// then nothing is written either.
func (r *Registry) AddToBlacklist(ctx context.Context, userID string, others []string) (full []string, err error) {
	defer fault.Wrap(&err, "add to the blacklist of %q", userID)
	err = r.Store.Change(ctx, func(tx Tx) error {
		full = nil
		user, err := tx.User(userID)
		if err != nil {
			return err
		}
		var last int64
		for _, n := range user.Blacklist {
			last = max(last, n)
		}
		before := len(user.Blacklist)
		for _, id := range others {
			switch {
			case user.Blocks(id):
			case len(user.Blacklist) >= MaxBlacklist:
				full = append(full, id)
			default:
				last++
				if user.Blacklist == nil {
					user.Blacklist = map[string]int64{}
				}
				user.Blacklist[id] = last
			}
		}
		if len(user.Blacklist) == before {
			return nil
		}
		return write(tx, user)
	})
	return full, err
}

// RemoveFromBlacklist unblocks others. Who isn't on the list needs nothing, so
// repeating it changes nothing; then nothing is written either.
func (r *Registry) RemoveFromBlacklist(ctx context.Context, userID string, others []string) (err error) {
	defer fault.Wrap(&err, "remove from the blacklist of %q", userID)
	return r.Store.Change(ctx, func(tx Tx) error {
		user, err := tx.User(userID)
		if err != nil {
			return err
		}
		before := len(user.Blacklist)
		for _, id := range others {
			delete(user.Blacklist, id)
		}
		if len(user.Blacklist) == before {
			return nil
		}
		return write(tx, user)
	})
}

// Blacklist is a page of count users that the user has blocked, those blocked
// longest ago first, from the one behind next on; next is 0 for the first page
// and after the last. Users that are added or removed between two pages move
// nobody else out of them.
func (r *Registry) Blacklist(ctx context.Context, userID string, after int64, count int) (ids []string, next int64, err error) {
	defer fault.Wrap(&err, "read the blacklist of %q", userID)
	u, err := r.user(ctx, userID)
	if err != nil || u == nil {
		return nil, 0, err
	}
	ids = slices.DeleteFunc(slices.Collect(maps.Keys(u.Blacklist)), func(id string) bool { return u.Blacklist[id] <= after })
	slices.SortFunc(ids, func(a, b string) int { return int(u.Blacklist[a] - u.Blacklist[b]) })
	if len(ids) > count {
		ids = ids[:count]
		next = u.Blacklist[ids[count-1]]
	}
	return ids, next, nil
}

// InBlacklist reports whether the user has blocked other.
func (r *Registry) InBlacklist(ctx context.Context, userID, other string) (_ bool, err error) {
	defer fault.Wrap(&err, "read the blacklist of %q", userID)
	u, err := r.user(ctx, userID)
	return u.Blocks(other), err
}

// user is a user as they are now, nil where there is no document.
func (r *Registry) user(ctx context.Context, userID string) (*User, error) {
	users, err := r.Store.Users(ctx, []string{userID})
	return users[userID], err
}
