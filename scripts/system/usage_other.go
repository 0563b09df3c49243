//go:build !linux

package system

import (
	"errors"
	"time"
)

var errLinux = errors.New("what the functions' process takes is told by Linux only")

// FunctionsPeakMemory is told by Linux only.
func (s *System) FunctionsPeakMemory() (int64, error) { return 0, errLinux }

// FunctionsCPU is told by Linux only.
func (s *System) FunctionsCPU() (time.Duration, error) { return 0, errLinux }
