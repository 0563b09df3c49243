// Package terraform_test holds the Terraform configuration to the code it
// deploys. These tests need neither a provider nor terraform itself; what only
// real providers can tell is in tests/*.tftest.hcl.
package terraform_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/doorbell-push/doorbell/functions"
	"github.com/doorbell-push/doorbell/scripts/system"
	"github.com/doorbell-push/doorbell/shared/config"
	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/logs"
	"github.com/doorbell-push/doorbell/shared/push"
)

// A deployed function is what a function_<name>.tf says.
type deployed struct {
	name      string
	public    bool
	paths     []string // globs of the public host
	trigger   string   // as system.Triggers has it
	firestore string
	publishes []string
}

// readFunctions reads the files that name a function each.
func readFunctions(t *testing.T) map[string]deployed {
	t.Helper()
	files, err := filepath.Glob("function_*.tf")
	if err != nil || len(files) == 0 {
		t.Fatalf("no function_*.tf: %v", err)
	}
	found := map[string]deployed{}
	for _, file := range files {
		text := read(t, file)
		f := deployed{
			name:      attribute(text, "name"),
			public:    regexp.MustCompile(`(?m)^  public\s*= true$`).MatchString(text),
			paths:     strings2(regexp.MustCompile(`(?m)^  paths\s*= \[(.*)\]$`).FindStringSubmatch(text)),
			firestore: attribute(text, "firestore"),
			publishes: strings2(regexp.MustCompile(`(?m)^  publishes\s*= \{ (?:for t in \[(.*?)\]|("[^"]*") =)`).FindStringSubmatch(text)),
		}
		if m := regexp.MustCompile(`(?m)^  topic\s*= local\.topics\.(\w+)$`).FindStringSubmatch(text); m != nil {
			f.trigger = "topic " + m[1]
		}
		if m := regexp.MustCompile(`(?m)^  document\s*= \{ path = "([^"]+)", change = "(\w+)" \}$`).FindStringSubmatch(text); m != nil {
			f.trigger = m[2] + " " + m[1]
		}
		module := strings.ReplaceAll(f.name, "-", "_")
		if file != "function_"+module+".tf" || !strings.HasPrefix(text, "module \""+module+"\" {\n") {
			t.Errorf("%s is not named after its function, %q", file, f.name)
		}
		found[f.name] = f
	}
	return found
}

// attribute is the value of a module's attribute that is a string.
func attribute(text, name string) string {
	m := regexp.MustCompile(`(?m)^  ` + name + `\s*= "([^"]*)"$`).FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	return m[1]
}

// strings2 is the quoted strings in a regular expression's groups.
func strings2(groups []string) (list []string) {
	if len(groups) == 0 {
		return nil
	}
	for _, m := range regexp.MustCompile(`"([^"]*)"`).FindAllStringSubmatch(strings.Join(groups[1:], " "), -1) {
		list = append(list, m[1])
	}
	return list
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// configuration is all .tf files of this folder and of the function module.
func configuration(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, pattern := range []string{"*.tf", "function/*.tf", "source/*.tf"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, file := range files {
			all.WriteString(read(t, file) + "\n")
		}
	}
	return all.String()
}

// same reports what is only in one of two sets.
func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	for _, g := range got {
		if !slices.Contains(want, g) {
			t.Errorf("%s: %q is in Terraform only", what, g)
		}
	}
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("%s: %q is in the code only", what, w)
		}
	}
}

// What the code has, Terraform deploys, and the other way round: functions, the
// paths of the public host, and what calls the others.
func TestFunctionsAreTheCodes(t *testing.T) {
	found := readFunctions(t)
	code, owner := map[string]bool{}, map[string]string{}
	for _, e := range functions.Endpoints() {
		code[e.Function], owner[e.Path] = true, e.Function
	}
	var public []string
	triggers := map[string]string{}
	for name, f := range found {
		if f.public {
			public = append(public, name)
		} else {
			triggers[name] = f.trigger
		}
	}
	same(t, "functions that clients call", public, slices.Collect(maps.Keys(code)))
	same(t, "functions that events call", slices.Collect(maps.Keys(triggers)), slices.Collect(maps.Keys(functions.Events)))
	for name, trigger := range system.Triggers() {
		if triggers[name] != trigger {
			t.Errorf("%s is called by %q in Terraform, by %q locally", name, triggers[name], trigger)
		}
	}
	for path, function := range owner {
		if matching := match(found, path); !slices.Equal(matching, []string{function}) {
			t.Errorf("%s is answered by %s, but the public host hands it to %q", path, function, matching)
		}
	}
	for name, f := range found {
		for _, glob := range f.paths {
			if !slices.ContainsFunc(slices.Collect(maps.Keys(owner)), func(path string) bool { return matches(glob, path) && owner[path] == name }) {
				t.Errorf("the public host hands %s to %s, which answers none of it", glob, name)
			}
		}
	}
	for _, list := range []string{"hosting.tf", "functions.tf"} {
		text := read(t, list)
		for name, f := range found {
			listed := strings.Contains(text, "    module."+strings.ReplaceAll(name, "-", "_")+",\n")
			if want := f.public == (list == "hosting.tf"); listed != want {
				t.Errorf("%s in %s: %v, want %v", name, list, listed, want)
			}
		}
	}
}

// match is the functions whose globs match a path.
func match(found map[string]deployed, path string) (names []string) {
	for name, f := range found {
		for _, glob := range f.paths {
			if matches(glob, path) {
				names = append(names, name)
			}
		}
	}
	return names
}

// matches reports whether Firebase Hosting's glob matches: * within a segment,
// ** across segments.
func matches(glob, path string) bool {
	expression := regexp.QuoteMeta(glob)
	expression = strings.ReplaceAll(expression, `\*\*`, `.*`)
	expression = regexp.MustCompile(`\\\*`).ReplaceAllString(expression, `[^/]*`)
	return regexp.MustCompile("^" + expression + "$").MatchString(path)
}

// Every environment variable that Terraform sets is one that the code reads, and
// every one that it reads can be set, but for what replaces a Google service by
// a local one.
func TestEnvironment(t *testing.T) {
	local := []string{"DOORBELL_FCM_ENDPOINT", "FIREBASE_AUTH_EMULATOR_HOST", "FIRESTORE_EMULATOR_HOST", "PUBSUB_EMULATOR_HOST", "K_SERVICE"}
	asked := map[string]bool{}
	_, _ = config.Read(func(name string) string {
		asked[name] = true
		if name == "K_SERVICE" {
			return "in-production"
		}
		return ""
	})
	for _, name := range local {
		if !asked[name] {
			t.Errorf("%s is no variable any more", name)
		}
		delete(asked, name)
	}

	set := []string{}
	for _, m := range regexp.MustCompile(`(?m)^      ([A-Z][A-Z0-9_]+)\s*= `).FindAllStringSubmatch(read(t, "functions.tf"), -1) {
		set = append(set, m[1])
	}
	block := regexp.MustCompile(`(?s)variable "settings" \{.*?\n  \}\)`).FindString(read(t, "variables.tf"))
	for _, m := range regexp.MustCompile(`(?m)^    (\w+)\s*= optional\(`).FindAllStringSubmatch(block, -1) {
		set = append(set, "DOORBELL_"+strings.ToUpper(m[1]))
	}
	same(t, "environment variables", set, slices.Collect(maps.Keys(asked)))
}

// The metrics are made of what the code logs, and the dashboard and the alerts
// ask for metrics and values that exist.
func TestMetrics(t *testing.T) {
	text := read(t, "monitoring_metrics.tf")
	var defined, wanted []string
	for _, m := range regexp.MustCompile(`(?m)^    "(doorbell/\w+)" = \{\n((?:      .*\n)+)`).FindAllStringSubmatch(text, -1) {
		defined = append(defined, m[1])
		i := slices.IndexFunc(logs.Metrics, func(metric logs.Metric) bool { return metric.Name == m[1] })
		if i < 0 {
			continue // same tells
		}
		metric := logs.Metrics[i]
		want := "severity>=ERROR"
		if metric.Message != "" {
			want = `jsonPayload.message=\"` + metric.Message + `\"`
		}
		if !strings.Contains(m[2], want) {
			t.Errorf("%s is not made of %s:\n%s", metric.Name, want, m[2])
		}
		if want := `"EXTRACT(jsonPayload.` + metric.Value + `)"`; metric.Value != "" && !strings.Contains(m[2], want) {
			t.Errorf("%s doesn't have the value %s:\n%s", metric.Name, want, m[2])
		}
		var labels []string
		for _, l := range regexp.MustCompile(`(\w+) = "jsonPayload\.(\w+)"`).FindAllStringSubmatch(m[2], -1) {
			if l[1] != l[2] {
				t.Errorf("%s: the label %s is the field %s", metric.Name, l[1], l[2])
			}
			labels = append(labels, l[1])
		}
		same(t, "labels of "+metric.Name, labels, slices.Clone(metric.Labels))
	}
	for _, metric := range logs.Metrics {
		wanted = append(wanted, metric.Name)
	}
	same(t, "metrics", defined, wanted)

	series := read(t, "monitoring_alerts.tf")
	for _, m := range regexp.MustCompile(`user_(doorbell)_(\w+?)(?:_sum|_bucket)?\{`).FindAllStringSubmatch(series+read(t, "monitoring_dashboard.tf"), -1) {
		if name := m[1] + "/" + m[2]; !slices.Contains(wanted, name) {
			t.Errorf("%s is asked for and not defined", name)
		}
	}
	var alerting []string
	for _, class := range push.Classes {
		if class.Alerting() {
			alerting = append(alerting, string(class))
		}
	}
	details := regexp.MustCompile(`pushes_refused .*detail=~\\"([^"]+)\\"`).FindStringSubmatch(series)
	if details == nil {
		t.Fatal("no alert on FCM's refusals")
	}
	same(t, "classes an operator has to mend", strings.Split(details[1], "|"), alerting)
	dead := `status=\"` + string(delivery.Failed) + `\",detail=~\"` + string(push.Unregistered) + "|" + string(push.InvalidTarget) + `\"`
	for _, value := range []string{dead, `message=\"` + logs.NotUnderstood + `\"`} {
		if !strings.Contains(series, value) {
			t.Errorf("no series asks for %s", value)
		}
	}
}
