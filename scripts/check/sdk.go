package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// sdkFolder holds the browser SDK, an npm package of its own.
const sdkFolder = "functions/web"

// sdk checks the browser SDK: that what is served is what its source builds, its types, its tests.
func sdk(ctx context.Context, c *checker) error {
	if _, err := exec.LookPath("npm"); err != nil {
		return fmt.Errorf("the browser SDK's checks need Node.js 20 or newer with npm, and there is none; this installs them:\n  %s", nodeLine())
	}
	if folder := filepath.Join(c.root, sdkFolder); !npmInstalled(folder) {
		// Nothing we use needs an install script, so none gets to run.
		if err := c.command(ctx, "npm", "--prefix", folder, "ci", "--ignore-scripts", "--no-audit", "--no-fund"); err != nil {
			return err
		}
	}
	var failures []error
	for _, script := range []string{"check", "typecheck", "test"} {
		failures = append(failures, c.command(ctx, "npm", "--prefix", sdkFolder, "run", "--silent", script))
	}
	if _, err := exec.LookPath("kotlinc"); err != nil {
		fmt.Fprintln(c.out, "the API's types in Kotlin were NOT compiled, for there is no kotlinc; this installs it:\n  sudo apt-get install -y kotlin")
	}
	return errors.Join(failures...)
}

// npmInstalled reports whether the packages in the folder's lock file are installed: npm notes what it installed, and when.
func npmInstalled(folder string) bool {
	wanted, err := os.Stat(filepath.Join(folder, "package-lock.json"))
	if err != nil {
		return false
	}
	installed, err := os.Stat(filepath.Join(folder, "node_modules", ".package-lock.json"))
	return err == nil && !installed.ModTime().Before(wanted.ModTime())
}

// nodeLine is what to type to get Node.js and npm.
func nodeLine() string {
	if runtime.GOOS == "darwin" {
		return "brew install node"
	}
	return "sudo apt-get install -y nodejs npm (if that is older than 20: https://nodejs.org/en/download)"
}
