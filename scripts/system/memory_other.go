//go:build !linux

package system

import "errors"

// FunctionsPeakMemory is told by Linux only.
func (s *System) FunctionsPeakMemory() (int64, error) {
	return 0, errors.New("the peak of memory is told by Linux only")
}
