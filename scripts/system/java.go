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

// oldestJava is the oldest Java that the emulators of a current Google Cloud
// CLI run on.
const oldestJava = 11

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
	out, err := exec.CommandContext(ctx, java, "-version").CombinedOutput()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		return "", fmt.Errorf("%s does not run: %w", java, exec.ErrNotFound)
	}
	if v := javaVersion(string(out)); v < oldestJava {
		return "", fmt.Errorf("%s is Java %d; the emulators need %d or newer: %s", java, v, oldestJava, javaLine())
	}
	return java, nil
}

var javaVersionPattern = regexp.MustCompile(`version "(?:1\.)?(\d+)`)

// javaVersion reads the major version from the output of java -version.
func javaVersion(out string) int {
	m := javaVersionPattern.FindStringSubmatch(out)
	if m == nil {
		return 0
	}
	v, err := strconv.Atoi(m[1])
	if err != nil {
		return 0
	}
	return v
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
	missing := fmt.Errorf("the emulators need Java, and there is none: %s", javaLine())
	if errors.Is(err, ErrNoApt) {
		return missing
	}
	return fmt.Errorf("%w (%w)", missing, err)
}
