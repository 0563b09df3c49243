package functions

import (
	"fmt"
	"math"
	"time"

	"github.com/doorbell-push/doorbell/shared/config"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/limit"
)

// maxCallers is how many pairs of a caller and a path an instance counts requests
// of: some 10 MB. An instance that serves more of them within a burst's time
// forgets those who asked longest ago.
const maxCallers = 20_000

// limits counts requests. Rates for paths that don't exist are a mistake in the
// configuration, which would leave what was meant unlimited.
var limits = configured(func(c *config.Config) (*limit.Limiter, error) {
	for path := range c.RateLimits {
		if path != config.AnyPath && !isPath(path) {
			return nil, fmt.Errorf("configuration: DOORBELL_RATE_LIMITS has %q, which is no path", path)
		}
	}
	return limit.New(maxCallers, time.Now), nil
})

func isPath(segment string) bool {
	for _, table := range clientFunctions {
		if _, ok := table[segment]; ok {
			return true
		}
	}
	return false
}

// checkRate refuses a request that is one too many of the caller at the path.
func checkRate(c *config.Config, path, callerID string) error {
	rate, ok := c.RateLimits[path]
	if !ok {
		rate, ok = c.RateLimits[config.AnyPath]
	}
	if !ok {
		return nil
	}
	l, err := limits()
	if err != nil {
		return err
	}
	wait := l.Take(path+"\x00"+callerID, rate)
	if wait == 0 {
		return nil
	}
	e := fault.New(fault.ResourceExhausted, fault.ServerFrequencyLimit, "too many requests to /%s: retry in %d s, and ask at most %v times a second",
		path, int(math.Ceil(wait.Seconds())), rate.PerSecond)
	e.RetryAfter = wait
	return e
}
