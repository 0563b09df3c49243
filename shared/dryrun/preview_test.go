package dryrun

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
	"github.com/doorbell-push/doorbell/shared/resource"
)

// known is the resources that there are.
type known map[string]*resource.Resource

func (k known) Find(_ context.Context, id string) (*resource.Resource, error) { return k[id], nil }

func decode(t *testing.T, document string) *resource.Resource {
	t.Helper()
	r, err := resource.Decode([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// What is shown is told by language, platform and privacy: the resource's texts and
// buttons, Doorbell's own words to who is told less, and the keys of what an app has
// itself.
func TestTexts(t *testing.T) {
	r, db := setUp(t)
	r.Resources = known{
		"chat": decode(t, `{"web":{"actions":[{"action":"reply","title":"Reply"}]},"texts":[
			{"locale":"en","title":"From {sender}"},{"locale":"de","title":"Von {sender}","actions":{"reply":"Antworten"}}]}`),
		"keys":  decode(t, `{"locKeys":{"titleLocKey":"from","titleLocArgs":["{sender}"],"bodyLocKey":"said","bodyLocArgs":["{content}"]},"texts":[{"locale":"en","title":"From {sender}"}]}`),
		"title": decode(t, `{"locKeys":{"titleLocKey":"from"}}`),
		"quiet": decode(t, `{"silent":true}`),
	}
	reg := &presence.Registry{Store: db.db, Now: now}
	change := presence.SettingsChange{Privacy: presence.Change[device.Privacy]{Given: true, Value: device.PrivacyGeneric}}
	if _, err := reg.ChangeSettings(t.Context(), "carol", change); err != nil {
		t.Fatal(err)
	}
	var err error
	if r.Locales, err = Languages([]string{"de-at", "en", "ja", "de-AT"}); err != nil || !slices.Equal(r.Locales, []string{"de-AT", "en", "ja"}) {
		t.Fatalf("%v, %v", r.Locales, err)
	}
	text := func(locale, platform string, p push.Preview) Text {
		return Text{Locale: locale, Platform: platform, Preview: p}
	}
	veiled := func(locale string, title, body string) Text {
		return Text{Locale: locale, Platform: "ios", Privacy: device.PrivacyGeneric, Preview: push.Preview{Title: title, Body: body}}
	}
	german, english, other := veiled("de-AT", "Neue Nachricht", "Zum Lesen die App öffnen"), veiled("en", "New message", "Open the app to see it"), veiled("ja", "New message", "Open the app to see it")
	keys := push.Preview{TitleLocKey: "from", TitleLocArgs: []string{"Alice"}, BodyLocKey: "said", BodyLocArgs: []string{"Hello"}}
	from := func(title, action string) push.Preview {
		return push.Preview{Title: title, Body: "Hello", Actions: []string{action}}
	}
	plain := push.Preview{Title: "Alice", Body: "Hello"}
	for resourcesID, want := range map[string][]Text{
		"": {
			text("de-AT", "android", plain), german, text("de-AT", "web", plain), text("en", "android", plain), english, text("en", "web", plain),
			text("ja", "android", plain), other, text("ja", "web", plain),
		},
		"chat": {
			text("de-AT", "android", push.Preview{Title: "Von Alice", Body: "Hello"}), german, text("de-AT", "web", from("Von Alice", "Antworten")),
			text("en", "android", push.Preview{Title: "From Alice", Body: "Hello"}), english, text("en", "web", from("From Alice", "Reply")),
			text("ja", "android", push.Preview{Title: "From Alice", Body: "Hello"}), other, text("ja", "web", from("From Alice", "Reply")),
		},
		"keys": {
			text("de-AT", "android", keys), german, text("de-AT", "web", push.Preview{Title: "From Alice", Body: "Hello"}),
			text("en", "android", keys), english, text("en", "web", push.Preview{Title: "From Alice", Body: "Hello"}),
			text("ja", "android", keys), other, text("ja", "web", push.Preview{Title: "From Alice", Body: "Hello"}),
		},
		"title": {
			text("de-AT", "android", push.Preview{TitleLocKey: "from", Body: "Hello"}), german, text("de-AT", "web", plain),
			text("en", "android", push.Preview{TitleLocKey: "from", Body: "Hello"}), english, text("en", "web", plain),
			text("ja", "android", push.Preview{TitleLocKey: "from", Body: "Hello"}), other, text("ja", "web", plain),
		},
		"quiet": nil,
	} {
		to := request("team", chat.Group)
		to.Config.PushConfig.ResourcesID = resourcesID
		got, err := r.Send(t.Context(), "alice", to)
		if err != nil || !reflect.DeepEqual(got.Texts, want) {
			t.Errorf("%q: %v\n%+v\nwant\n%+v", resourcesID, err, got.Texts, want)
		}
	}
	// An iPhone that is told all gets the keys by APNs' names.
	to := request("bob", chat.Peer)
	to.Config.PushConfig.ResourcesID = "keys"
	got, err := r.Send(t.Context(), "alice", to)
	if err != nil || !reflect.DeepEqual(got.Previews["ios"], keys) {
		t.Errorf("%v, %+v", err, got.Previews)
	}
}

func TestLanguages(t *testing.T) {
	many := slices.Repeat([]string{"de"}, MaxLocales+1)
	for field, locales := range map[string][]string{"locales": many, "locales.1": {"de", "no such"}, "locales.0": {""}} {
		var e *fault.Error
		if _, err := Languages(locales); !errors.As(err, &e) || e.Field != field {
			t.Errorf("%q: %v", locales, err)
		}
	}
	if got, err := Languages(many[1:]); err != nil || len(got) != 1 {
		t.Errorf("%q, %v", got, err)
	}
}

// What would be told of with others is no push now, and says so; that it was asked
// begins no burst.
func TestBundled(t *testing.T) {
	r, db := setUp(t)
	reg := &presence.Registry{Store: db.db, Now: now}
	seconds := 60
	if _, err := reg.ChangeSettings(t.Context(), "bob", presence.SettingsChange{BundleSeconds: presence.Change[*int]{Given: true, Value: &seconds}}); err != nil {
		t.Fatal(err)
	}
	decided := func(to *chat.SendRequest) (reason plan.Reason, text string) {
		t.Helper()
		got, err := r.Send(t.Context(), "alice", to)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range got.Devices {
			if d.UserID == "bob" && d.DeviceID == "phone" {
				return d.Reason, d.Text
			}
		}
		return "none", ""
	}
	for to, of := range map[string]chat.ConversationType{"bob": chat.Peer, "team": chat.Group} {
		sender := &chat.Sender{Store: db.db, Now: now, MaxText: 2048, CheckPush: func(chat.Message) error { return nil }}
		if _, err := sender.Send(t.Context(), "alice", request(to, of)); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if reason, text := decided(request(to, of)); reason != plan.Push {
				t.Errorf("the first to %s: %s, %s", to, reason, text)
			}
		}
		cid := chat.CID(of, "alice", to)
		if err := reg.Bundle(t.Context(), "bob", cid, presence.Burst{Tag: "m", Since: clock.UnixMilli() - 1, Until: clock.Add(30 * 1e9)}); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("not at once: %s", plan.Bundled.Explain())
		if reason, text := decided(request(to, of)); reason != plan.Bundled || text != want {
			t.Errorf("another to %s: %s, %q", to, reason, text)
		}
		urgent := request(to, of)
		urgent.Config.Priority = chat.High
		if reason, text := decided(urgent); reason != plan.Push {
			t.Errorf("an urgent one to %s: %s, %s", to, reason, text)
		}
		users, err := db.db.Users(t.Context(), []string{"bob"})
		if b, on := users["bob"].Burst(cid, clock); err != nil || !on || b.Held {
			t.Errorf("the burst is %+v, %v", b, err)
		}
		if err := reg.MarkRead(t.Context(), "bob", cid, 1, nil); err != nil {
			t.Fatal(err)
		}
		if reason, text := decided(request(to, of)); reason != plan.Push {
			t.Errorf("to %s, who has read: %s, %s", to, reason, text)
		}
	}
}
