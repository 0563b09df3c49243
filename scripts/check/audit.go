package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// npmAudit looks up known vulnerabilities of the SDK's packages, as its lock file has them.
func npmAudit(ctx context.Context, c *checker) error {
	if _, err := exec.LookPath("npm"); err != nil {
		return fmt.Errorf("npm audit needs npm, and there is none; this installs it:\n  %s", nodeLine())
	}
	cmd := exec.CommandContext(ctx, "npm", "audit", "--json", "--package-lock-only")
	cmd.Dir, cmd.Stderr = filepath.Join(c.root, sdkFolder), c.out
	answer, err := cmd.Output()
	looked, err := audited(answer, err)
	if err == nil {
		fmt.Fprintf(c.out, "no known vulnerability in %d packages of %s\n", looked, sdkFolder)
	}
	return err
}

// audited tells a registry that answers no audit from a finding, and a report from anything else that npm may print: only a report
// on packages says that there is nothing. looked is how many it is on.
func audited(answer []byte, failed error) (looked int, err error) {
	var report struct {
		Version         int    `json:"auditReportVersion"`
		Message         string `json:"message"` // of an error
		Vulnerabilities map[string]struct {
			Severity string `json:"severity"`
		} `json:"vulnerabilities"`
		Metadata struct {
			Dependencies struct {
				Total int `json:"total"`
			} `json:"dependencies"`
		} `json:"metadata"`
	}
	err = json.Unmarshal(answer, &report)
	looked = report.Metadata.Dependencies.Total
	if err != nil || report.Version == 0 || looked == 0 || report.Message != "" {
		reason := report.Message
		if reason == "" {
			reason = fmt.Sprintf("%v: %.200s", failed, answer)
		}
		return 0, skipped("the registry answers no audit, so known vulnerabilities of npm packages were NOT looked for: " + reason)
	}
	var found []string
	for _, name := range slices.Sorted(maps.Keys(report.Vulnerabilities)) {
		found = append(found, name+" ("+report.Vulnerabilities[name].Severity+")")
	}
	if len(found) > 0 {
		return looked, errors.New("known vulnerabilities in " + strings.Join(found, ", "))
	}
	return looked, failed
}
