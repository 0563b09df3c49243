package terraform_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every resource has its reason in the README's table, and the table tells of
// none that isn't there.
func TestReadmeExplainsEveryResource(t *testing.T) {
	found := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^resource "(\w+)" "(\w+)"`).FindAllStringSubmatch(configuration(t), -1) {
		found[m[1]+"."+m[2]] = true
	}
	var told []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(google_\\w+\\.\\w+)` \\| .{5,} \\|$").FindAllStringSubmatch(read(t, "README.md"), -1) {
		told = append(told, m[1])
	}
	for name := range found {
		if !slices.Contains(told, name) {
			t.Errorf("the README doesn't say why there is a %s", name)
		}
	}
	for _, name := range told {
		if !found[name] {
			t.Errorf("the README explains %s, which isn't there", name)
		}
	}
}

// The README's table of roles is what the functions get.
func TestReadmeRoles(t *testing.T) {
	readme := read(t, "README.md")
	for name, f := range readFunctions(t) {
		row := regexp.MustCompile("(?m)^\\| `" + name + "` \\| (.*?) \\| (.*?) \\| .+ \\|$").FindStringSubmatch(readme)
		if row == nil {
			t.Errorf("the README has no row for the roles of %s", name)
			continue
		}
		access := f.firestore
		if access == "" {
			access = "–"
		}
		if strings.Contains(read(t, "function_"+strings.ReplaceAll(name, "-", "_")+".tf"), "local.planner_access") {
			access = "write"
		}
		if row[1] != access {
			t.Errorf("the README says %s has the database to %q, it has it to %q", name, row[1], access)
		}
		var topics []string
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[2], -1) {
			topics = append(topics, m[1])
		}
		slices.Sort(topics)
		if want := slices.Sorted(slices.Values(f.publishes)); !slices.Equal(topics, want) {
			t.Errorf("the README says %s publishes to %q, it may to %q", name, topics, want)
		}
	}
}

// No role is one that may do anything, and each is told of.
func TestRolesAreNarrow(t *testing.T) {
	readme := read(t, "README.md")
	roles := map[string]bool{}
	for _, m := range regexp.MustCompile(`"(roles/[^"]+)"`).FindAllStringSubmatch(configuration(t), -1) {
		roles[m[1]] = true
	}
	if len(roles) < 5 {
		t.Fatalf("found only %v", roles)
	}
	for role := range roles {
		if regexp.MustCompile(`^roles/(owner|editor|viewer|browser)$|[aA]dmin$|\.owner$`).MatchString(role) {
			t.Errorf("%s may do more than any part of Doorbell needs", role)
		}
		if !strings.Contains(readme, "`"+role+"`") {
			t.Errorf("the README doesn't tell of %s", role)
		}
	}
}

// The lock file pins the versions that versions.tf asks for, with the checksums
// of the packages for every platform (the registry's zip archives) and, of those
// known, their contents.
func TestLockFile(t *testing.T) {
	versions, lock := read(t, "versions.tf"), read(t, ".terraform.lock.hcl")
	asked := regexp.MustCompile(`source\s*= "(hashicorp/[\w-]+)"\s*version = "([\d.]+)"`).FindAllStringSubmatch(versions, -1)
	if len(asked) != 3 {
		t.Fatalf("versions.tf asks for %q", asked)
	}
	for _, m := range asked {
		block := regexp.MustCompile(`(?s)provider "registry\.terraform\.io/` + m[1] + `" \{.*?\n\}`).FindString(lock)
		if !strings.Contains(block, `version     = "`+m[2]+`"`) || !strings.Contains(block, `constraints = "`+m[2]+`"`) {
			t.Errorf("%s %s is not what the lock file pins:\n%s", m[1], m[2], block)
		}
		// 11 platforms and the manifest.
		if n := len(regexp.MustCompile(`"zh:[0-9a-f]{64}"`).FindAllString(block, -1)); n != 12 {
			t.Errorf("%s: %d checksums of archives, want 12", m[1], n)
		}
		if !regexp.MustCompile(`"h1:[A-Za-z0-9+/]{43}="`).MatchString(block) {
			t.Errorf("%s: no checksum of a package's content", m[1])
		}
	}
}
