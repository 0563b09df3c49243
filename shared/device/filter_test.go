package device

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/doorbell-push/doorbell/shared/fault"
)

func TestFilterAllows(t *testing.T) {
	phone := Device{PushID: "p1", DeviceID: "phone", Platform: Android}
	tab := Device{PushID: "p2", DeviceID: "tab", Platform: Web}
	android, web := &Selector{Platforms: []Platform{Android, IPhoneOS}}, &Selector{Platforms: []Platform{Web}}
	for name, tc := range map[string]struct {
		f          *Filter
		phone, tab bool
	}{
		"none":                    {nil, true, true},
		"only a platform":         {&Filter{Only: android}, true, false},
		"not a platform":          {&Filter{Except: android}, false, true},
		"only a pushID":           {&Filter{Only: &Selector{PushIDs: []string{"p2"}}}, false, true},
		"not a pushID":            {&Filter{Except: &Selector{PushIDs: []string{"x", "p2"}}}, true, false},
		"only a deviceID":         {&Filter{Only: &Selector{DeviceIDs: []string{"phone"}}}, true, false},
		"not a deviceID":          {&Filter{Except: &Selector{DeviceIDs: []string{"phone"}}}, false, true},
		"any of the lists":        {&Filter{Only: &Selector{Platforms: []Platform{Web}, PushIDs: []string{"p1"}}}, true, true},
		"only, but not":           {&Filter{Only: web, Except: &Selector{DeviceIDs: []string{"tab"}}}, false, false},
		"one's ID as the other":   {&Filter{Only: &Selector{DeviceIDs: []string{"p1"}, PushIDs: []string{"tab"}}}, false, false},
		"somebody else's devices": {&Filter{Except: &Selector{PushIDs: []string{"p3"}}}, true, true},
	} {
		f := tc.f.Seal()
		if p, w := f.Allows(phone), f.Allows(tab); p != tc.phone || w != tc.tab {
			t.Errorf("%s: phone %t, tab %t", name, p, w)
		}
	}
}

func TestFilterCheck(t *testing.T) {
	ids := func(n int) []string { return slices.Repeat([]string{"p"}, n) }
	for _, tc := range []struct {
		f     *Filter
		field string // empty: fine
	}{
		{nil, ""},
		{&Filter{}, "f"},
		{&Filter{Only: &Selector{}}, "f.only"},
		{&Filter{Except: &Selector{}}, "f.except"},
		{&Filter{Only: &Selector{Platforms: []Platform{Web}}}, ""},
		{&Filter{Only: &Selector{Platforms: slices.Repeat([]Platform{Web}, 20), PushIDs: ids(50), DeviceIDs: ids(50)}}, ""},
		{&Filter{Only: &Selector{Platforms: slices.Repeat([]Platform{Web}, 21)}}, "f.only.platforms"},
		{&Filter{Except: &Selector{PushIDs: ids(51)}}, "f.except.pushIDs"},
		{&Filter{Except: &Selector{DeviceIDs: ids(51)}}, "f.except.deviceIDs"},
		{&Filter{Except: &Selector{DeviceIDs: []string{"a", ""}}}, "f.except.deviceIDs"},
		{&Filter{Except: &Selector{DeviceIDs: []string{"a b"}}}, "f.except.deviceIDs"},
		{&Filter{Only: &Selector{PushIDs: []string{strings.Repeat("x", 129)}}}, "f.only.pushIDs"},
		{&Filter{Only: &Selector{PushIDs: []string{strings.Repeat("x", 128)}}, Except: &Selector{}}, "f.except"},
	} {
		err := tc.f.Check("f")
		var e *fault.Error
		if (err != nil) != (tc.field != "") || err != nil && (!errors.As(err, &e) || e.Field != tc.field || e.Status != fault.InvalidArgument) {
			t.Errorf("%+v: %v", tc.f, err)
		}
	}
}

// What is kept names no device to who reads it.
func TestSealedFilter(t *testing.T) {
	list := &Selector{Platforms: []Platform{Web}, PushIDs: []string{"secret-1"}, DeviceIDs: []string{"secret-2", "secret-3"}}
	f := &Filter{Only: list, Except: list}
	b, err := json.Marshal(f.Seal())
	if err != nil || strings.Contains(string(b), "secret") {
		t.Errorf("%s, %v", b, err)
	}
	if list.PushIDs[0] != "secret-1" {
		t.Error("sealing changes what is sealed")
	}
}
