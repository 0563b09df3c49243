package system

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// FunctionsPeakMemory is the most memory, in bytes, that the functions' process
// has had resident (VmHWM, see proc_pid_status(5)).
func (s *System) FunctionsPeakMemory() (int64, error) {
	s.mu.Lock()
	p := s.children["functions"]
	s.mu.Unlock()
	if p == nil {
		return 0, errors.New("the functions don't run")
	}
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return kb << 10, err
		}
	}
	return 0, errors.New("the kernel doesn't tell the peak of memory")
}
