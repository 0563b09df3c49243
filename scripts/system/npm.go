package system

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed package.json
var packageJSON []byte

//go:embed package-lock.json
var packageLock []byte

// oldestNode is the oldest Node.js that the pinned Firebase CLI runs on.
const oldestNode = 20

// npmLock keeps parts that start together from installing twice.
var npmLock sync.Mutex

// npmPackages returns the node_modules folder that holds the pinned packages,
// installing them if this user's cache lacks them. The folder is named after
// the lock file's content, so every clone with the same one shares it.
func npmPackages(ctx context.Context, log io.Writer) (string, error) {
	npmLock.Lock()
	defer npmLock.Unlock()
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(append(append([]byte(nil), packageJSON...), packageLock...))
	dir := filepath.Join(cache, fmt.Sprintf("npm-%x", sum[:8]))
	modules := filepath.Join(dir, "node_modules")
	if _, err := os.Stat(modules); err == nil {
		return modules, nil
	}
	removeStale(dir + unfinished + "*")
	if err := installNPM(ctx, log, dir); err != nil {
		return "", err
	}
	return modules, nil
}

// cacheDir is where this user's clones keep what is slow to make.
func cacheDir() (string, error) {
	cache, err := os.UserCacheDir()
	if err == nil {
		cache = filepath.Join(cache, "doorbell")
		err = os.MkdirAll(cache, 0o755)
	}
	if err != nil {
		return "", fmt.Errorf("find a folder to cache in: %w", err)
	}
	return cache, nil
}

const unfinished = ".unfinished-"

// installNPM installs into a folder beside dir and renames it when it is whole:
// dir either doesn't exist or is complete, also after a crash half-way.
func installNPM(ctx context.Context, log io.Writer, dir string) error {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return fmt.Errorf("the Auth emulator comes with npm, and there is none: %s", nodeLine())
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), filepath.Base(dir)+unfinished)
	if err != nil {
		return fmt.Errorf("install npm packages: %w", err)
	}
	defer os.RemoveAll(tmp)
	for name, content := range map[string][]byte{"package.json": packageJSON, "package-lock.json": packageLock} {
		if err := os.WriteFile(filepath.Join(tmp, name), content, 0o644); err != nil {
			return fmt.Errorf("install npm packages: %w", err)
		}
	}
	fmt.Fprintf(log, "Installing the Firebase CLI from npm into %s (once, about half a minute)\n", dir)
	// Nothing we use needs an install script, so none gets to run.
	cmd := exec.Command(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = tmp
	if err := run(ctx, "npm", log, cmd); err != nil {
		return fmt.Errorf("install npm packages: %w", err)
	}
	err = os.Rename(tmp, dir)
	if _, statErr := os.Stat(dir); err != nil && statErr != nil {
		return fmt.Errorf("install npm packages: %w", err)
	}
	return nil // also when another process was first: its folder is as good
}

// removeStale removes what installs that were killed left behind. One that is
// younger may still be running.
func removeStale(pattern string) {
	dirs, _ := filepath.Glob(pattern)
	for _, d := range dirs {
		if info, err := os.Stat(d); err == nil && time.Since(info.ModTime()) > time.Hour {
			os.RemoveAll(d)
		}
	}
}

// findNode returns the node command.
func findNode(ctx context.Context) (string, error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return "", fmt.Errorf("the Auth emulator needs Node.js, and there is none: %s", nodeLine())
	}
	out, err := exec.CommandContext(ctx, node, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("%s --version: %w", node, errors.Join(ctx.Err(), err))
	}
	if v := nodeVersion(string(out)); v < oldestNode {
		return "", fmt.Errorf("%s is version %s; the Auth emulator needs %d or newer: %s", node, strings.TrimSpace(string(out)), oldestNode, nodeLine())
	}
	return node, nil
}

// nodeVersion reads the major version from the output of node --version.
func nodeVersion(out string) int {
	major, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(out), "v"), ".")
	v, err := strconv.Atoi(major)
	if err != nil {
		return 0
	}
	return v
}

// nodeLine is what to type to get Node.js and npm.
func nodeLine() string {
	if runtime.GOOS == "darwin" {
		return "brew install node"
	}
	return fmt.Sprintf("sudo apt-get install -y nodejs npm (if that is older than %d: https://nodejs.org/en/download)", oldestNode)
}
