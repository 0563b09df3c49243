package system

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// FunctionsPeakMemory is the most memory, in bytes, that the functions' process
// has had resident (VmHWM, see proc_pid_status(5)).
func (s *System) FunctionsPeakMemory() (int64, error) {
	status, err := s.functionsProc("status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(status) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return kb << 10, err
		}
	}
	return 0, errors.New("the kernel doesn't tell the peak of memory")
}

// tick is the unit in which the kernel tells CPU time (USER_HZ).
const tick = 10 * time.Millisecond

// FunctionsCPU is the CPU time, user and system, that the functions' process has
// had since it was started, in steps of 10 ms (see proc_pid_stat(5)).
func (s *System) FunctionsCPU() (time.Duration, error) {
	stat, err := s.functionsProc("stat")
	if err != nil {
		return 0, err
	}
	// The program's name, in parentheses, may hold anything; the state comes after it.
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("the kernel tells %q of the functions", stat)
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * tick, errors.Join(err1, err2)
}

// functionsProc is one of the files that the kernel has about the functions' process.
func (s *System) functionsProc(name string) (string, error) {
	s.mu.Lock()
	p := s.children["functions"]
	s.mu.Unlock()
	if p == nil {
		return "", errors.New("the functions don't run")
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.cmd.Process.Pid, name))
	return string(b), err
}
