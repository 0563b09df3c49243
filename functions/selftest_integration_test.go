//go:build integration

package functions_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/scripts/fcm/standin"
	"github.com/doorbell-push/doorbell/shared/plan"
)

// selfTest is the steps that are broken at p's device, and all that is said of them.
func (p person) selfTest(deviceID string, ring bool) (broken, said string) {
	p.t.Helper()
	answer := p.call(http.MethodPost, "/self-test", object{"deviceID": deviceID, "ring": ring})
	steps, _ := answer["steps"].([]any)
	var names []string
	for _, s := range steps {
		step := s.(map[string]any)
		if ok, _ := step["ok"].(bool); !ok {
			names = append(names, fmt.Sprint(step["step"]))
		}
		said += fmt.Sprintf("%s: %s\n", step["step"], step["text"])
	}
	if answer["ok"] != (len(names) == 0) || len(steps) == 0 {
		p.t.Errorf("the answer %v says %v broken", answer, names)
	}
	return strings.Join(names, " "), said
}

// Each thing that keeps pushes from a device is made to, and the self-test names its
// step; FCM is only asked, and nothing arrives.
func TestSelfTestNamesWhatIsBroken(t *testing.T) {
	t.Cleanup(world.FCM.ClearFaults)
	refuse := func(d phone, code standin.ErrorCode) {
		rule := standin.Rule{Match: standin.Match{Token: d.token}, Action: standin.Action{Error: code}}
		if err := world.FCM.SetFaults(standin.Plan{Rules: []standin.Rule{rule}}); err != nil {
			t.Fatal(err)
		}
	}
	uninstall := func(_ person, d phone) {
		if err := world.FCM.Uninstall(d.token); err != nil {
			t.Fatal(err)
		}
	}
	well := func(person, phone) {}
	muted := func(p person, _ phone) { p.set(object{"level": "none"}) }
	for name, tc := range map[string]struct {
		do     func(p person, d phone) // breaks it
		device string                  // that is tested
		broken string                  // the steps
		says   string
	}{
		"nothing":        {well, "phone", "", "fcm: FCM would take the push"},
		"no such device": {well, "tablet", "registered", plan.NoDevice.Explain()},
		"popups off": {func(p person, d phone) {
			p.call(http.MethodPost, "/register", object{"token": d.token, "platform": "android", "deviceID": "phone", "popup": false})
		}, "phone", "rules", "rules: no push: " + plan.PopupOff.Explain()},
		"snoozed": {func(p person, _ phone) {
			p.set(object{"snoozedUntil": time.Now().Add(time.Hour).UnixMilli()})
		}, "phone", "rules", "rules: no push: " + plan.Snoozed.Explain()},
		"muted":       {muted, "phone", "rules", "rules: no push: " + plan.LevelTooLow.Explain()},
		"uninstalled": {uninstall, "phone", "fcm", "fcm: FCM knows the target no more"},
		"the token died of a push": {func(p person, d phone) {
			uninstall(p, d)
			waitLogged(t, "dispatched", someone(t, "alice").send(p, "hello", "1"))
		}, "phone", "rules target", "target: there is no FCM token"},
		"another project": {func(_ person, d phone) { refuse(d, standin.SenderIDMismatch) }, "phone", "fcm", "fcm: the token belongs to another Firebase project"},
		"no APNs key":     {func(_ person, d phone) { refuse(d, standin.ThirdPartyAuth) }, "phone", "fcm", "APNs key or web push key"},
		"two things": {func(p person, d phone) {
			muted(p, d)
			uninstall(p, d)
		}, "phone", "rules fcm", "fcm: FCM knows the target no more"},
	} {
		t.Run(name, func(t *testing.T) {
			world.FCM.ClearFaults()
			bob := someone(t, "bob")
			d := bob.newPhone("phone", "android")
			tc.do(bob, d)
			broken, said := bob.selfTest(tc.device, false)
			if broken != tc.broken || !strings.Contains(said, tc.says) {
				t.Errorf("broken: %q, want %q and %q in\n%s", broken, tc.broken, tc.says, said)
			}
			if got := len(world.FCM.Messages(d.token)); got != 0 {
				t.Errorf("the phone got %d pushes", got)
			}
		})
	}
}

// The push of a test that rings arrives, on that device alone.
func TestSelfTestRings(t *testing.T) {
	bob := someone(t, "bob")
	d, other := bob.newPhone("phone", "android"), bob.newPhone("tablet", "android")
	broken, said := bob.selfTest("phone", true)
	if broken != "" || !strings.Contains(said, "fcm: FCM took the push as ") {
		t.Errorf("broken: %q\n%s", broken, said)
	}
	if shade := world.FCM.Shade(d.token); len(shade) != 1 || shade[0].Title != "Doorbell" || !strings.Contains(shade[0].Body, "This is a test") {
		t.Errorf("the phone shows %+v", shade)
	}
	if shade := world.FCM.Shade(other.token); len(shade) != 0 {
		t.Errorf("the tablet shows %+v", shade)
	}
}
