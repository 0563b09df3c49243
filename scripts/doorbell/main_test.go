package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/doorbell-push/doorbell/shared/chat"
)

// What is wrong with a command line is said, with what to do.
func TestCommandLine(t *testing.T) {
	t.Setenv("GOOGLE_CLOUD_PROJECT", "")
	for args, want := range map[string]string{
		"trace m":                  "which project? give --project",
		"trace":                    "accepts between 1 and 2 arg(s)",
		"trace a b c":              "accepts between 1 and 2 arg(s)",
		"dead-letter list x":       "unknown command \"x\"",
		"tarce m":                  "Did you mean this?",
		"trace m --loud":           "unknown flag: --loud",
		"dead-letter replay x":     "unknown command \"x\"",
		"resources apply /nowhere": "no such file",
		"resources apply a b":      "accepts at most 1 arg(s)",
		"resources diff ../../terraform/resources": "which project? give --project",
		"dry-run -":                                `required flag(s) "from" not set`,
		"load":                                     `required flag(s) "to" not set`,
		"load --to bob":                            "which system? give --local",
		"load --to bob --rate 0":                   "--rate is above 0",
		"load --to bob --rate NaN":                 "--rate is above 0",
		"load --to b --duration -1s":               "--duration is above 0",
		"--local load --to b --senders 0":          "--senders is from 1",
		"cost --dau 1":                             `required flag(s) "messages" not set`,
		"cost --dau -1 --messages 1":               "can't be negative",
		"cost --dau 1 --messages 1 --offline 1.01": "between 0 and 1",
	} {
		cmd := command()
		cmd.SetOut(&bytes.Buffer{})
		cmd.SetArgs(strings.Fields(args))
		if err := cmd.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %s", args, err, want)
		}
	}
	for _, args := range []string{"help", "trace --help", "completion bash", "--version", "version", "version --json", "cost --dau 10 --messages 1", "cost --dau 10 --messages 1 --json"} {
		var out bytes.Buffer
		cmd := command()
		cmd.SetOut(&out)
		cmd.SetArgs(strings.Fields(args))
		if err := cmd.ExecuteContext(t.Context()); err != nil || out.Len() == 0 {
			t.Errorf("%s: %v, %d bytes", args, err, out.Len())
		}
	}
}

// A request is read as strictly as the endpoint reads it.
func TestReadRequest(t *testing.T) {
	for body, ok := range map[string]bool{
		`{"toConversationID":"bob"}`:         true,
		`{"to":"bob"}`:                       false,
		`{"toConversationID":1}`:             false,
		`{} {}`:                              false,
		`{"config":{},"config":{}}`:          false,
		``:                                   false,
		strings.Repeat(" ", maxBody) + `{}`:  false,
		`{}` + strings.Repeat("\n", maxBody): false,
	} {
		if _, err := readRequest[chat.SendRequest](strings.NewReader(body), "-"); (err == nil) != ok {
			t.Errorf("%.40q: %v", body, err)
		}
	}
	if _, err := readRequest[chat.SendRequest](nil, "no-such-file.json"); err == nil {
		t.Error("a file that isn't there is read")
	}
}
