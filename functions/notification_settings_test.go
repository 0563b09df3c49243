package functions

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/presence"
)

func TestNotificationSettings(t *testing.T) {
	onMemory(t)
	reg, _ := registry()
	reg.Defaults = presence.Settings{GroupLevel: presence.LevelMentions}
	everything := `{"level":"all","peerLevel":"all","groupLevel":"mentions","privacy":"full"}`
	const monday = `{"timeZone":"Europe/Berlin","weekdays":["mon"],"from":"22:00","to":"07:00","callsBreakThrough":true,"mentionsBreakThrough":false,"summary":false}`
	settings, effective := `{}`, everything
	for _, tc := range []struct {
		body                string
		status              int
		field               string
		settings, effective string // where it succeeds
	}{
		{`{"level":"none"}`, 200, "", `{"level":"none"}`, `{"level":"none","peerLevel":"none","groupLevel":"none","privacy":"full"}`},
		{`{"peerLevel":"all","snoozedUntil":5}`, 200, "", `{"level":"none","peerLevel":"all","snoozedUntil":5}`, `{"level":"none","peerLevel":"all","groupLevel":"none","snoozedUntil":5,"privacy":"full"}`},
		{`{"level":"all","quiet":{"timeZone":"Europe/Berlin","weekdays":["mon"],"from":"22:00","to":"07:00"}}`, 200, "",
			`{"level":"all","peerLevel":"all","snoozedUntil":5,"quiet":` + monday + `}`, `{"level":"all","peerLevel":"all","groupLevel":"all","snoozedUntil":5,"privacy":"full","quiet":` + monday + `}`},
		{`{"level":"none","quiet":null}`, 200, "", `{"level":"none","peerLevel":"all","snoozedUntil":5}`, `{"level":"none","peerLevel":"all","groupLevel":"none","snoozedUntil":5,"privacy":"full"}`},
		{`{"quiet":{"timeZone":"Europe/Berlin","weekdays":["mon"],"from":"22:00"}}`, 400, "quiet.to", "", ""},
		{`{"quiet":{"timeZone":"Europe/Berlin","weekdays":["mon"],"from":"22:00","to":7}}`, 400, "quiet.to", "", ""},
		{`{"quiet":{"timeZone":"CEST?","weekdays":["mon"],"from":"22:00","to":"07:00"}}`, 400, "quiet.timeZone", "", ""},
		{`{"quiet":{"weekdays":[],"days":[]}}`, 400, "quiet.days", "", ""},
		{`{"quiet":{}}`, 400, "quiet.weekdays", "", ""},
		{`{"quiet":[]}`, 400, "quiet", "", ""},
		{`{"level":"most"}`, 400, "level", "", ""},
		{`{"groupLevel":1}`, 400, "groupLevel", "", ""},
		{`{"snoozedUntil":-1}`, 400, "snoozedUntil", "", ""},
		{`{"snoozedUntil":"1"}`, 400, "snoozedUntil", "", ""},
		{`{"snoozedUntil":1e30}`, 400, "snoozedUntil", "", ""},
		{`{"levels":{}}`, 400, "levels", "", ""},
		{`{"level":"all","level":"none"}`, 400, "level", "", ""},
		{`[]`, 400, "", "", ""},
		{`{"level":null,"peerLevel":null,"snoozedUntil":null}`, 200, "", `{}`, everything},
	} {
		resp := call("alice", "POST", "/notification-settings", tc.body)
		got, e := answer(t, resp)
		if resp.StatusCode != tc.status || e.Field != tc.field || (tc.status == 400 && e.Code != fault.ParamsInvalid) {
			t.Errorf("%s: %d %+v", tc.body, resp.StatusCode, e)
		}
		if tc.status == 200 {
			settings, effective = tc.settings, tc.effective
			wantSettings(t, got, settings, effective)
		}
		got, _ = answer(t, call("alice", "GET", "/notification-settings", ""))
		wantSettings(t, got, settings, effective)
		got, _ = answer(t, call("bob", "GET", "/notification-settings", ""))
		wantSettings(t, got, `{}`, everything)
	}
}

// wantSettings checks an answer of notification-settings.
func wantSettings(t *testing.T, got map[string]any, settings, effective string) {
	t.Helper()
	want := map[string]any{"devices": []any{}}
	for name, text := range map[string]string{"settings": settings, "effective": effective} {
		var v map[string]any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		want[name] = v
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("answered %v, want %v", got, want)
	}
}

func TestDevicePrivacy(t *testing.T) {
	onMemory(t)
	first, _ := answer(t, call("alice", "POST", "/register", registerBody))
	call("alice", "POST", "/register", `{"token":"T2","platform":"ios","deviceID":"e"}`)
	own, others := first["pushID"].(string), device.PushID("bob", "d")
	privacy := map[string]any{}
	for _, tc := range []struct {
		body   string
		status int
		code   fault.Code
		field  string
		want   any // of d, where it succeeds
	}{
		{`{"deviceID":"d","devicePrivacy":"generic"}`, 200, 0, "", "generic"},
		{`{"pushID":"` + own + `","devicePrivacy":"id"}`, 200, 0, "", "id"},
		{`{"pushID":"` + others + `","devicePrivacy":"full"}`, 403, fault.PushIDInvalid, "", nil},
		{`{"deviceID":"never","devicePrivacy":"full"}`, 404, fault.PushIDInvalid, "", nil},
		{`{"deviceID":"d","pushID":"` + own + `","devicePrivacy":"full"}`, 400, fault.ParamsInvalid, "deviceID", nil},
		{`{"deviceID":"d"}`, 400, fault.ParamsInvalid, "devicePrivacy", nil},
		{`{"devicePrivacy":"full"}`, 400, fault.ParamsInvalid, "deviceID", nil},
		{`{"deviceID":"d e","devicePrivacy":"full"}`, 400, fault.ParamsInvalid, "deviceID", nil},
		{`{"deviceID":"d","devicePrivacy":"secret"}`, 400, fault.ParamsInvalid, "devicePrivacy", nil},
		{`{"deviceID":"d","devicePrivacy":null}`, 200, 0, "", nil},
	} {
		resp := call("alice", "POST", "/notification-settings", tc.body)
		if _, e := answer(t, resp); resp.StatusCode != tc.status || e.Code != tc.code || e.Field != tc.field {
			t.Errorf("%s: %d %+v", tc.body, resp.StatusCode, e)
		}
		if tc.status == 200 {
			delete(privacy, "d")
			if tc.want != nil {
				privacy["d"] = tc.want
			}
		}
		now, _ := answer(t, call("alice", "GET", "/notification-settings", ""))
		got, devices := map[string]any{}, now["devices"].([]any)
		for _, d := range devices {
			if p, ok := d.(map[string]any)["privacy"]; ok {
				got[d.(map[string]any)["deviceID"].(string)] = p
			}
		}
		if len(devices) != 2 || !reflect.DeepEqual(got, privacy) {
			t.Errorf("after %s: %v", tc.body, devices)
		}
	}
}

func TestNotificationSettingsFail(t *testing.T) {
	onMemory(t)
	replace(t, &registry, nil, errors.New("configuration"))
	for method, body := range map[string]string{"POST": `{}`, "GET": ""} {
		if resp := call("alice", method, "/notification-settings", body); resp.StatusCode != 500 {
			t.Errorf("%s: %d", method, resp.StatusCode)
		}
	}
}

func FuzzParseNotificationSettings(f *testing.F) {
	fuzzParse[presence.SettingsChange](f, `{"level":"none","snoozedUntil":5}`, `{"quiet":{"timeZone":"UTC","weekdays":["mon"],"from":"22:00","to":"07:00","summary":true}}`, `{"level":null,"groupLevel":1e9}`)
}
