package push

import "testing"

func TestEveryClassIsExplained(t *testing.T) {
	for _, c := range []Class{
		Sent, Unregistered, InvalidTarget, InvalidMessage, SenderMismatch, ThirdParty, Credentials, WrongProject, Quota, Unavailable, Internal, Timeout,
	} {
		if classes[c] == "" || c.Explain() != classes[c] {
			t.Errorf("%s has no explanation", c)
		}
	}
	if len(classes) != 12 || Class("tomorrow's").Explain() != "tomorrow's" {
		t.Error("an unknown class is explained, or one in the list is unknown")
	}
}
