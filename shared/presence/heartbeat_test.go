package presence_test

import (
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/presence"
)

func TestHeartbeat(t *testing.T) {
	w := newWorld(t)
	pushID := w.register("alice", "phone", "T1").PushID
	for i, tc := range []struct {
		state  device.State
		lease  bool
		online bool
	}{
		{device.Online, true, true},
		{device.Background, true, false},
		{device.Online, true, true},
		{device.Offline, false, false},
	} {
		w.now = start.Add(time.Duration(i) * time.Second)
		if !w.heartbeat("alice", presence.Beat{PushID: pushID, State: tc.state}) {
			t.Errorf("%s: the device is unknown", tc.state)
		}
		d := w.devices("alice")["phone"]
		want := time.Time{}
		if tc.lease {
			want = w.now.Add(time.Minute)
		}
		if d.State != tc.state || !d.LeaseUntil.Equal(want) || !d.SeenAt.Equal(w.now) || d.OnlineAt(w.now) != tc.online {
			t.Errorf("%s: %+v", tc.state, d)
		}
		if d.Target != token("T1") || !d.TargetAt.Equal(start) || !d.Popup {
			t.Errorf("%s changed the binding: %+v", tc.state, d)
		}
	}
}

func TestHeartbeatRenewsTheLease(t *testing.T) {
	w := newWorld(t)
	pushID := w.register("alice", "phone", "T1").PushID
	w.heartbeat("alice", presence.Beat{PushID: pushID, State: device.Online})
	for _, step := range []struct {
		after time.Duration
		want  bool
	}{{59 * time.Second, true}, {time.Minute, false}, {time.Hour, false}} {
		if got := w.devices("alice")["phone"].OnlineAt(start.Add(step.after)); got != step.want {
			t.Errorf("%v after the heartbeat: online %t", step.after, got)
		}
	}
	w.now = start.Add(59 * time.Second)
	w.heartbeat("alice", presence.Beat{PushID: pushID, State: device.Online})
	if !w.devices("alice")["phone"].OnlineAt(start.Add(118 * time.Second)) {
		t.Error("the second heartbeat did not renew the lease")
	}
}

func TestHeartbeatOfAnUnknownDevice(t *testing.T) {
	w := newWorld(t)
	pushID := device.PushID("alice", "pc")
	for _, beat := range []presence.Beat{
		{PushID: pushID, DeviceID: "pc", State: device.Online},
		{PushID: pushID, DeviceID: "pc", Platform: 99, State: device.Online},
	} {
		if w.heartbeat("alice", beat) || len(w.devices("alice")) != 0 {
			t.Errorf("%+v made %+v", beat, w.devices("alice"))
		}
	}
	if !w.heartbeat("alice", presence.Beat{PushID: pushID, DeviceID: "pc", Platform: device.Windows, State: device.Online}) {
		t.Error("a device with its platform is refused")
	}
	want := device.Device{PushID: pushID, DeviceID: "pc", Platform: device.Windows, State: device.Online, SeenAt: start, OnlineSince: start, HeardAt: start, LeaseUntil: start.Add(time.Minute)}
	if got := w.devices("alice")["pc"]; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	// It registers later: one device, and still online.
	w.register("alice", "pc", "T1")
	if d := w.devices("alice")["pc"]; len(w.devices("alice")) != 1 || d.Target != token("T1") || !d.OnlineAt(start) {
		t.Errorf("after registering: %+v", w.devices("alice"))
	}
	// A platform given for a known device doesn't change it.
	w.heartbeat("alice", presence.Beat{PushID: pushID, DeviceID: "pc", Platform: device.Linux, State: device.Online})
	if d := w.devices("alice")["pc"]; d.Platform != device.Android {
		t.Errorf("the heartbeat made it %s", d.Platform)
	}
}

// A device that is only present takes a place too, and its target goes with the one that makes room.
func TestHeartbeatMakesRoom(t *testing.T) {
	w := newWorld(t)
	w.reg.MaxDevices = 2
	for i, id := range []string{"a", "b"} {
		w.now = start.Add(time.Duration(i) * time.Second)
		w.register("alice", id, "T"+id)
	}
	w.now = start.Add(time.Minute)
	w.heartbeat("alice", presence.Beat{PushID: device.PushID("alice", "c"), DeviceID: "c", Platform: device.Linux, State: device.Online})
	if got := w.devices("alice"); len(got) != 2 || got["a"].DeviceID != "" {
		t.Errorf("left %+v", got)
	}
	w.wantOwner("Ta", "")
	w.wantOwner("Tb", "alice b")
	// Nor does one without a target stop the next from making room.
	w.now = start.Add(time.Hour)
	w.register("alice", "d", "Td")
	w.register("alice", "e", "Te")
	if got := w.devices("alice"); len(got) != 2 || got["d"].DeviceID == "" || got["e"].DeviceID == "" {
		t.Errorf("left %+v", got)
	}
}
