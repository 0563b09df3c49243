package system

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// ErrNoApt says that a package can't be installed without asking somebody.
var ErrNoApt = errors.New("apt-get is not here, or needs a password")

// AptInstall installs a Debian package where that needs no question: as root,
// or with a sudo that asks for no password. It says so in log first.
func AptInstall(ctx context.Context, log io.Writer, name string) error {
	apt, err := exec.LookPath("apt-get")
	if err != nil {
		return ErrNoApt
	}
	command := []string{apt}
	if os.Geteuid() != 0 {
		if exec.CommandContext(ctx, "sudo", "-n", "true").Run() != nil {
			return ErrNoApt
		}
		command = []string{"sudo", "-n", apt}
	}
	fmt.Fprintf(log, "Installing %s with apt-get, which is missing here\n", name)
	// The package lists of a new machine may be absent or old; if they can't be
	// fetched, the install says better what is wrong.
	for _, args := range [][]string{{"update"}, {"install", "-y", "--no-install-recommends", name}} {
		args = append(append([]string(nil), command[1:]...), args...)
		cmd := exec.Command(command[0], args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		err = run(ctx, "apt-get", log, cmd)
	}
	return err
}
