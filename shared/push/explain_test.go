package push

import "testing"

func TestEveryClassIsExplained(t *testing.T) {
	for _, c := range Classes {
		if classes[c] == "" || c.Explain() != classes[c] {
			t.Errorf("%s has no explanation", c)
		}
	}
	if len(classes) != len(Classes) || Class("tomorrow's").Explain() != "tomorrow's" {
		t.Error("an unknown class is explained, or one in the list is unknown")
	}
}
