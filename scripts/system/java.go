package system

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
)

// currentJava is the oldest Java that Google's current emulators run on: those of
// the pinned Firebase CLI, and of the Google Cloud CLI after 528.0.0 (both CLIs' own
// checks say so; the emulators of 528.0.0 run on 11). It is for who has none: one
// that is there is tried, see tooOld.
const currentJava = 21

// findJava returns the java command, after installing it where that needs no
// question: as root, or with a sudo that asks for no password, on a system with apt.
func findJava(ctx context.Context, log io.Writer) (string, error) {
	java, err := lookJava(ctx)
	if err == nil {
		return java, nil
	}
	if errors.Is(err, exec.ErrNotFound) {
		if err := installJava(ctx, log); err != nil {
			return "", err
		}
		return lookJava(ctx)
	}
	return "", err
}

// lookJava finds a java that runs. macOS has a java in the path even when no
// Java is installed, so it has to be run to know.
func lookJava(ctx context.Context) (string, error) {
	var java string
	var err error
	if home := os.Getenv("JAVA_HOME"); home != "" {
		java, err = exec.LookPath(filepath.Join(home, "bin", "java"))
	}
	if java == "" || err != nil {
		java, err = exec.LookPath("java")
	}
	if err != nil {
		return "", fmt.Errorf("java: %w", exec.ErrNotFound)
	}
	err = exec.CommandContext(ctx, java, "-version").Run()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		return "", fmt.Errorf("%s does not run: %w", java, exec.ErrNotFound)
	}
	return java, nil
}

// classVersion is what Java says of a class that is too new for it. It counts the
// versions of the class file's format, of which Java 8's is 52.
var classVersion = regexp.MustCompile(`UnsupportedClassVersionError[^\n]*\(class file version (\d+)`)

// tooOld turns what a program failed with, if that is that it needs a newer Java,
// into what to do. Which one it needs nobody has to keep a list of.
func tooOld(err error, program, java string) error {
	if err == nil {
		return nil
	}
	m := classVersion.FindStringSubmatch(err.Error())
	if m == nil {
		return err
	}
	format, _ := strconv.Atoi(m[1]) // digits
	return fmt.Errorf("%s needs Java %d or newer, and %s is older: install one, and set JAVA_HOME to its folder\n%w", program, format-44, java, err)
}

// javaLine is what to type to get Java.
func javaLine() string {
	if runtime.GOOS == "darwin" {
		return "brew install openjdk (and follow its note about the symlink)"
	}
	if _, err := exec.LookPath("apt-get"); err == nil {
		return "sudo apt-get install -y default-jre-headless"
	}
	return "install a Java runtime (a headless JRE is enough) with your system's package manager"
}

func installJava(ctx context.Context, log io.Writer) error {
	err := AptInstall(ctx, log, "default-jre-headless")
	if err == nil {
		return nil
	}
	missing := fmt.Errorf("the emulators need Java %d or newer, and there is none: %s", currentJava, javaLine())
	if errors.Is(err, ErrNoApt) {
		return missing
	}
	return fmt.Errorf("%w (%w)", missing, err)
}
