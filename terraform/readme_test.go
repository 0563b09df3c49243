package terraform_test

import (
	"math"
	"regexp"
	"slices"
	"strconv"
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

// The README's table of sizes is what the functions get, and its prices follow
// from them.
func TestReadmeSizes(t *testing.T) {
	readme := read(t, "README.md")
	number := func(text, expression string) string {
		m := regexp.MustCompile(expression).FindStringSubmatch(text)
		if m == nil {
			return ""
		}
		return m[1]
	}
	// sized is memory, concurrency, instances and time-out, empty where text doesn't say.
	sized := func(text string) []string {
		return []string{
			number(text, `memory\s*= "(\d+)Mi"`), number(text, `concurrency\s*= (\d+)`),
			number(text, `max_instances\s*= (\d+)`), number(text, `timeout\s*= (\d+)`),
		}
	}
	row := func(name string) (told []string, price float64) {
		cells := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(name) + ` \|(.*?)\|(.*?)\|(.*?)\|(.*?)\| \$([\d.]+) \| (.{20,}) \|$`).FindStringSubmatch(readme)
		if cells == nil {
			return nil, 0
		}
		for i, unit := range []string{` MiB`, ``, ``, ` s`} {
			cell := strings.TrimPrefix(strings.TrimSpace(cells[i+1]), "≤ ")
			told = append(told, strings.TrimSuffix(cell, unit))
		}
		price, err := strconv.ParseFloat(cells[5], 64)
		if err != nil {
			t.Fatal(err)
		}
		return told, price
	}
	priced := func(name string, size []string, price float64) {
		memory, _ := strconv.ParseFloat(size[0], 64)
		instances, _ := strconv.ParseFloat(size[2], 64)
		if want := instances * (0.0864 + 0.009*memory/1024); math.Abs(price-want) > 0.006 {
			t.Errorf("the README says %s costs $%v an hour, want $%.2f", name, price, want)
		}
	}

	defaults := sized(regexp.MustCompile(`(?s)\n  defaults = \{.*?\n  \}`).FindString(read(t, "function/main.tf")))
	told, price := row("(default)")
	if !slices.Equal(told, defaults) {
		t.Fatalf("the README says the defaults are %q, they are %q", told, defaults)
	}
	priced("the default", defaults, price)
	for name := range readFunctions(t) {
		text := read(t, "function_"+strings.ReplaceAll(name, "-", "_")+".tf")
		text = strings.ReplaceAll(text, "local.fcm_instances."+name, number(read(t, "function_dispatch.tf"), `fcm_instances = \{.*\b`+name+` = (\d+)`))
		size := sized(regexp.MustCompile(`(?m)^  sizing\s*= \{.*\}$`).FindString(text))
		told, price := row("`" + name + "`")
		if strings.Join(size, "") == "" {
			if told != nil {
				t.Errorf("the README has a size of %s, which has the default", name)
			}
			continue
		}
		if !slices.Equal(told, size) {
			t.Errorf("the README says the size of %s is %q, it is %q", name, told, size)
			continue
		}
		for i := range size {
			if size[i] == "" {
				size[i] = defaults[i]
			}
		}
		priced(name, size, price)
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

// The table of settings says of each how Terraform sets it.
func TestReadmeSettings(t *testing.T) {
	block := regexp.MustCompile(`(?s)variable "settings" \{.*?\n  \}\)`).FindString(read(t, "variables.tf"))
	rows := regexp.MustCompile("(?m)^\\| `DOORBELL_(\\w+)` \\|.*\\| ([^|]+) \\|$").FindAllStringSubmatch(read(t, "../functions/README.md"), -1)
	for _, m := range rows {
		name, how := m[1], m[2]
		assigned := regexp.MustCompile(`(?m)^      DOORBELL_` + name + `\s*= (.+)$`).FindStringSubmatch(read(t, "functions.tf"))
		variable := regexp.MustCompile("^`(\\w+)`").FindStringSubmatch(how)
		switch {
		case regexp.MustCompile(`(?m)^    ` + strings.ToLower(name) + `\s*= optional\(`).MatchString(block):
			if variable == nil || variable[1] != "settings" {
				t.Errorf("%s is a field of settings, and the README says %q", name, how)
			}
		case assigned != nil && strings.Contains(assigned[1], "var."):
			if variable == nil || !strings.Contains(assigned[1], "var."+variable[1]+")") {
				t.Errorf("%s is %s, and the README says %q", name, assigned[1], how)
			}
		case assigned != nil:
			if !strings.HasPrefix(how, "by itself") {
				t.Errorf("%s is %s, and the README says %q", name, assigned[1], how)
			}
		case how != "no":
			t.Errorf("Terraform doesn't set %s, and the README says %q", name, how)
		}
	}
	if len(rows) < 30 {
		t.Errorf("found only %d rows", len(rows))
	}
}
