package resource

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/doorbell-push/doorbell/shared/fault"
)

// Store keeps what was applied.
type Store interface {
	// Resources is what was applied last, the zero Applied where nothing was.
	Resources(ctx context.Context) (Applied, error)
	// ApplyResources stores a set, and counts it as a version, unless it is what is
	// stored already. It returns what is stored then. It may be repeated.
	ApplyResources(ctx context.Context, set []byte, at time.Time) (_ Applied, changed bool, err error)
}

// MaxAge is how old what a process knows of resources may be: for so long after
// they were applied, pushes may still look as before.
const MaxAge = time.Minute

// Cache is a process's copy of the resources. They are read when somebody first
// names one, and again when that is MaxAge ago: nobody who names none causes a
// read. It is safe for concurrent use.
type Cache struct {
	Store Store
	Now   func() time.Time

	mu      sync.Mutex
	set     Set // nil: never read
	version int
	until   time.Time // when it is too old
}

// retryAfter is how long an old copy is used on where it can't be read anew, and
// rereadTimeout for how long that is tried while others wait.
const (
	retryAfter    = 5 * time.Second
	rereadTimeout = 2 * time.Second
)

// Find is the resource of an ID, nil for an ID that none has, the empty one among
// them. It fails where the resources were never read and can't be now.
func (c *Cache) Find(ctx context.Context, id string) (_ *Resource, err error) {
	if id == "" {
		return nil, nil
	}
	defer fault.Wrap(&err, "find resource")
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.Now()
	if c.set != nil && now.Before(c.until) {
		return c.set[id], nil
	}
	if err := c.read(ctx, now); err != nil {
		if c.set == nil {
			return nil, err
		}
		slog.WarnContext(ctx, "resources not read again: those known stay in use", "version", c.version, "error", err)
		c.until = now.Add(retryAfter)
	}
	return c.set[id], nil
}

func (c *Cache) read(ctx context.Context, now time.Time) error {
	if c.set != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, rereadTimeout)
		defer cancel()
	}
	a, err := c.Store.Resources(ctx)
	if err != nil {
		return err
	}
	if c.set == nil || a.Version != c.version {
		set, err := Read(a.Set)
		if err != nil {
			// Who names it is pushed to plainly, rather than not at all.
			slog.ErrorContext(ctx, "resource not understood: apply the resources again", "version", a.Version, "error", err)
		}
		c.set, c.version = set, a.Version
	}
	c.until = now.Add(MaxAge)
	return nil
}
