package system

import "syscall"

// ownGroup puts a child in a group of its own and has the kernel kill it when
// the runner dies, even by SIGKILL. (The kernel watches the thread that started
// the child; Go ends a thread only with a goroutine that is locked to it, and
// nothing here locks one.)
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
