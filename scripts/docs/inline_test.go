package docs

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// inlineHow says of each command that stands in a running text what types it: a test
// of this package, a step of scripts/check; or why nothing does. Of those that run
// ours, TestInlineCommands holds the flags to what the programs have, and of "go test"
// TestGoTestCommands.
var inlineHow = map[string]string{
	"go run ./scripts/local":                                                      "step local",
	"go run ./scripts/local -backend-token":                                       "TestFirstPush",
	"go run ./scripts/check":                                                      "no: it is what runs the tests",
	"go run ./scripts/check -run plan-coverage":                                   "step plan-coverage",
	"go run ./scripts/check -run terraform-test":                                  "step terraform-test",
	"go run ./scripts/check/licences":                                             "no: it writes the file that TestCurrent compares with what it would write",
	"go run ./scripts/bench":                                                      aBenchmark,
	"go run ./scripts/bench all":                                                  aBenchmark,
	"go run ./scripts/bench chain":                                                aBenchmark,
	"go run ./scripts/bench counts":                                               "TestInlineCommands",
	"go run ./scripts/bench cpu":                                                  aBenchmark,
	"go run ./scripts/bench drain":                                                aBenchmark,
	"go run ./scripts/bench encoding":                                             aBenchmark,
	"go run ./scripts/bench faults":                                               aBenchmark,
	"go run ./scripts/bench memory start":                                         aBenchmark,
	"go run ./scripts/bench plan":                                                 aBenchmark,
	"go run ./scripts/bench sender":                                               aBenchmark,
	"go run ./scripts/browser":                                                    "step browser",
	"go run ./scripts/doorbell":                                                   "TestInlineCommands",
	"go run ./scripts/doorbell COMMAND":                                           "no: COMMAND stands for those of the table; TestTraceAndDeadLetters (scripts/doorbell) types them",
	"go run ./scripts/fcm":                                                        "TestStandInCommands",
	"go test ./scripts/chaos":                                                     "step unit",
	"go test ./scripts/check/licences":                                            "step unit",
	"go test ./terraform":                                                         "step unit",
	"go test -tags integration ./terraform":                                       "step integration",
	"go test ./shared/dispatch -run Overload -v":                                  "step unit",
	"go test ./scripts/chaos -run Calls -seed 348 -seeds 1":                       "no: it shows a history again that step unit holds to by other seeds; TestGoTestCommands reads the line",
	"go test ./scripts/chaos -run Everything -seeds 1000 -seed 1 -timeout 90m -v": longer,
	"go test ./scripts/chaos -run Calls -seeds 3000 -timeout 30m":                 longer,
	"go test ./scripts/chaos -run BrokenVariants -broken -timeout 40m -v":         longer,
	"go test -tags integration ./functions -run 'TestChaos$' -chaos-seeds 20 -chaos-seed 1 -timeout 60m -v": longer,
	"go mod tidy":       "step tidy",
	"npm ci":            "step sdk",
	"npm run build":     "no: it writes dist/, which npm run check, of the step sdk, compares with what it would write",
	"npm run check":     "step sdk",
	"npm run typecheck": "step sdk",
	"npm test":          "step sdk",
	"npx @redocly/cli lint functions/web/api/openapi.json": "no: it fetches some hundred packages that nothing else needs; typed by hand, last with 2.77.0",
	"terraform validate": "step terraform-test",
	"terraform test":     "step terraform-test",
	"terraform init":     "step terraform-test",
	"terraform -chdir=terraform workspace new prod":                                                                                  aProject,
	"terraform -chdir=terraform providers lock -platform=linux_amd64 -platform=darwin_arm64":                                         "no: needs Terraform's registry",
	"terraform -chdir=terraform import -var-file=… google_firebase_project.this PROJECT":                                             aProject,
	"terraform -chdir=terraform import -var-file=… google_firebaserules_release.firestore projects/PROJECT/releases/cloud.firestore": aProject,
	`terraform -chdir=terraform import -var-file=… google_firestore_database.this "projects/PROJECT/databases/(default)"`:            aProject,
	"terraform -chdir=terraform destroy -var-file=…":                                                                                 aProject,
	"gcloud auth application-default login":                                                                                          "no: needs a person with a Google account",
	"gcloud components install cloud-firestore-emulator pubsub-emulator":                                                             "no: needs Google's servers",
	"gcloud pubsub subscriptions seek":                                                                                               aProject,
}

const (
	aBenchmark = "no: takes minutes, and the machine for itself; TestInlineCommands holds its name to those there are"
	longer     = "no: takes up to an hour; CI types its like once a week, or a step with fewer seeds, and TestGoTestCommands reads the line"
	aProject   = "no: needs a cloud project"
)

// inlineCommands is those of all files, each once.
func inlineCommands(t *testing.T) []string {
	t.Helper()
	all := map[string]bool{}
	for _, file := range markdown(t) {
		_, commands := read(t, file)
		for _, c := range commands {
			all[c] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// Every command of a running text is accounted for.
func TestEveryInlineCommandIsAccountedFor(t *testing.T) {
	steps, err := os.ReadFile(filepath.Join(root, "scripts/check/steps.go"))
	if err != nil {
		t.Fatal(err)
	}
	commands := inlineCommands(t)
	for _, c := range commands {
		how, ok := inlineHow[c]
		step, isStep := strings.CutPrefix(how, "step ")
		switch {
		case !ok:
			t.Errorf("nothing types this, and inlineHow has no reason:\n\t%q: \"\",", c)
		case strings.HasPrefix(how, "no: "):
		case isStep && !strings.Contains(string(steps), fmt.Sprintf("{name: %q,", step)):
			t.Errorf("%s: there is no step %s", c, step)
		case !isStep && !slices.Contains(typing(t), how):
			t.Errorf("%s: there is no test %s that types it", c, how)
		}
		if words := strings.Fields(c); len(words) > 2 && words[0] == "go" && words[1] == "run" {
			if _, err := os.Stat(filepath.Join(root, words[2])); err != nil {
				t.Errorf("%s: %v", c, err)
			}
		}
	}
	for c := range inlineHow {
		if !slices.Contains(commands, c) {
			t.Errorf("no text has %s", c)
		}
	}
}

// goTest is flags of "go test" that the documentation uses, with whether a value
// follows; what else a command gives are flags of the package's own tests.
var goTest = map[string]bool{"-tags": true, "-run": true, "-timeout": true, "-v": false, "-update": false}

var ownFlag = regexp.MustCompile(`flag\.\w+\("([a-z-]+)"`)

// A "go test" of a running text names tests and flags that its package has.
func TestGoTestCommands(t *testing.T) {
	tried := 0
	for _, c := range inlineCommands(t) {
		words := strings.Fields(c)
		if words[0] != "go" || words[1] != "test" {
			continue
		}
		tried++
		var pkg, run string
		own := map[string]bool{}
		for i := 2; i < len(words); i++ {
			w := words[i]
			value, known := goTest[w]
			switch {
			case strings.HasPrefix(w, "./"):
				pkg = w
			case w == "-run":
				run = strings.Trim(words[i+1], "'")
			case strings.HasPrefix(w, "-") && !known:
				own[w[1:]] = true
			}
			if value {
				i++
			}
		}
		files, err := filepath.Glob(filepath.Join(root, pkg, "*_test.go"))
		if err != nil || len(files) == 0 {
			t.Errorf("%s: no tests in %s, %v", c, pkg, err)
		}
		found := false
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range ownFlag.FindAllSubmatch(raw, -1) {
				delete(own, string(m[1]))
			}
			for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllSubmatch(raw, -1) {
				found = found || regexp.MustCompile(run).Match(m[1])
			}
		}
		if !found || len(own) > 0 {
			t.Errorf("%s: a test is found: %v; unknown flags %v", c, found, own)
		}
	}
	if tried < 5 {
		t.Errorf("%d commands", tried)
	}
}
