package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

// terraform checks what needs no provider; terraform's own tests hold the rest of the configuration to the code.
func terraform(ctx context.Context, c *checker) error {
	if err := c.needTerraform(); err != nil {
		return err
	}
	return c.command(ctx, "terraform", "fmt", "-check", "-diff", "-recursive", "terraform")
}

// terraformPlugins names a folder with the providers, for a machine that the registry can't be reached from.
const terraformPlugins = "DOORBELL_TERRAFORM_PLUGINS"

// terraformTest validates the configuration and runs its tests against the real providers.
func terraformTest(ctx context.Context, c *checker) error {
	if err := c.needTerraform(); err != nil {
		return err
	}
	// In a copy, which keeps what terraform writes out of the repository.
	dir, err := os.MkdirTemp("", "doorbell-terraform-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(c.root, "terraform"))); err != nil {
		return err
	}
	environments, err := filepath.Glob(filepath.Join(dir, "environments", "*.tfvars"))
	if err != nil {
		return err
	}
	commands := [][]string{{"validate", "-no-color"}, {"test", "-no-color"}}
	for _, file := range environments {
		commands = append(commands, []string{"test", "-no-color", "-test-directory=environments", "-var-file=" + file})
	}
	if err := c.terraformInit(ctx, dir); err != nil {
		return err
	}
	var failures []error
	for _, args := range commands {
		fmt.Fprintf(c.out, "terraform %s\n", strings.Join(args, " "))
		failures = append(failures, c.command(ctx, "terraform", append([]string{"-chdir=" + dir}, args...)...))
	}
	return errors.Join(failures...)
}

// terraformInit fetches the providers: from the registry, whose packages have to be those of the lock file; or from the folder that
// terraformPlugins names, which is trusted as it is, since somebody may have built what is in it.
func (c *checker) terraformInit(ctx context.Context, dir string) error {
	args := []string{"-chdir=" + dir, "init", "-no-color", "-input=false", "-backend=false"}
	if plugins := os.Getenv(terraformPlugins); plugins != "" {
		if err := os.Remove(filepath.Join(dir, ".terraform.lock.hcl")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		args = append(args, "-plugin-dir="+plugins)
		fmt.Fprintf(c.out, "providers from %s, not compared with the lock file\n", plugins)
	}
	var output bytes.Buffer
	err := c.commandTo(ctx, io.MultiWriter(c.out, &output), "terraform", args...)
	return initialized(output.String(), err, os.Getenv("CI") != "")
}

// download is what Terraform says about a provider that it didn't get, and unreachable why, where the network is to blame: the
// registry, or the host it sends on to. Nothing of it is about a package that is there and isn't what the lock file says.
var (
	download    = regexp.MustCompile(`(?i)failed to query available provider packages|failed to install provider|could not retrieve the list of available versions`)
	unreachable = regexp.MustCompile(`(?i)could not connect to|the request failed|unsuccessful request|failed to retrieve|dial tcp|proxyconnect|no such host|` +
		`connection (?:refused|reset)|timeout|deadline exceeded|(?:40[37]|50[0-9]) [A-Z]|tls: |x509: `)
	otherPackage = regexp.MustCompile(`(?i)match(?:es)? any of the checksums`)
)

// initialized tells a registry that can't be reached, or its packages, from a broken configuration. On CI it leaves the step out,
// since the machine is as it is.
func initialized(output string, err error, ci bool) error {
	if err == nil {
		return nil
	}
	output = strings.Join(strings.Fields(strings.ReplaceAll(output, "│", " ")), " ")
	if !download.MatchString(output) || !unreachable.MatchString(output) || otherPackage.MatchString(output) {
		return err
	}
	if ci {
		return skipped("the provider registry, or the host of its packages, can't be reached, so terraform validate and terraform test were NOT run")
	}
	return fmt.Errorf("the provider registry, or the host of its packages, can't be reached, so nothing was validated; "+
		"where they can, `terraform -chdir=terraform providers mirror DIR` fills a folder; then set %s=DIR", terraformPlugins)
}

// needTerraform reports why there is nothing to do, or what to install.
func (c *checker) needTerraform() error {
	found := false
	err := filepath.WalkDir(filepath.Join(c.root, "terraform"), func(path string, _ fs.DirEntry, err error) error {
		found = found || filepath.Ext(path) == ".tf"
		return err
	})
	if errors.Is(err, fs.ErrNotExist) || err == nil && !found {
		return skipped("no .tf files")
	}
	if err != nil {
		return err
	}
	if _, err := exec.LookPath("terraform"); err != nil {
		archive := fmt.Sprintf("https://releases.hashicorp.com/terraform/%[1]s/terraform_%[1]s_%[2]s_%[3]s.zip",
			terraformVersion, runtime.GOOS, runtime.GOARCH)
		return fmt.Errorf("terraform is not installed; this installs it:\n"+
			"  curl -fsSLo /tmp/terraform.zip %s && sudo unzip -o /tmp/terraform.zip terraform -d /usr/local/bin", archive)
	}
	return nil
}

// terraformVersion is only what a machine without terraform is told to install.
const terraformVersion = "1.11.4"
