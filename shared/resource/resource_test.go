package resource

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/device"
)

// full has every field.
const full = `{"sound":"ding.caf","image":"https://x.example/i.png","clickURL":"https://x.example/","interruption":"active","ttl":60,
"android":{"sound":"ding","channel":"c","icon":"ic","colour":"#1a73E8","category":"CAT","interruption":"critical"},
"apns":{"category":"CAT","interruption":"time-sensitive"},
"web":{"sound":"none","icon":"https://x.example/w.png","actions":[{"action":"a","title":"A"},{"action":"b","title":"B"}],"interruption":"passive"},
"locKeys":{"titleLocKey":"t","titleLocArgs":["{sender}"],"bodyLocKey":"b","bodyLocArgs":["{content}","{count}"]},
"texts":[{"locale":"en","title":{"one":"{sender}","other":"{count} from {sender}"},"content":"{content}","actions":{"a":"AA"}},{"locale":"de","title":"von {sender}"}]}`

func TestDecode(t *testing.T) {
	for document, want := range map[string]string{
		`{}`: "", full: "", `{"silent":true,"ttl":1}`: "", `{"ttl":2419200}`: "",
		`{"colour":"#000000","channel":"c","actions":[{"action":"a","title":"A"}]}`: "",
		`{"sound":"none"}`:                      "",
		`{"soud":"x"}`:                          "/soud is no field of a resource",
		`{"android":{"sond":"x"}}`:              "/android/sond is no field of a resource",
		`{"sound":1}`:                           "/sound can't be a number",
		`{"sound":"a","sound":"b"}`:             "duplicate",
		`{"texts":[{"locale":"en","title":7}]}`: "must be a text, or texts by plural form",
		`[]`:                                    "can't be a [",
		`{`:                                     "unexpected EOF",
		``:                                      "EOF",
		`{"ttl":-1}`:                            "ttl is -1",
		`{"ttl":2419201}`:                       "ttl is 2419201",
		`{"sound":"a b"}`:                       "sound is \"a b\"",
		`{"sound":"` + strings.Repeat("s", 65) + `"}`: "sound is",
		`{"icon":"ic"}`:                                        "icon is a drawable on Android",
		`{"web":{"icon":"ic"}}`:                                "web.icon is",
		`{"android":{"icon":"https://x.example/"}}`:            "android.icon is",
		`{"apns":{"icon":"ic"}}`:                               "apns.icon is always the app's",
		`{"apns":{"channel":"c"}}`:                             "apns.channel is Android's",
		`{"web":{"channel":"c"}}`:                              "web.channel is Android's",
		`{"web":{"colour":"#000000"}}`:                         "web.colour is Android's",
		`{"apns":{"colour":"#000000"}}`:                        "apns.colour is Android's",
		`{"web":{"category":"c"}}`:                             "web.category is for native apps",
		`{"web":{"sound":"x"}}`:                                "web.sound is \"x\"",
		`{"android":{"actions":[{"action":"a","title":"A"}]}}`: "android.actions are not FCM's",
		`{"apns":{"actions":[{"action":"a","title":"A"}]}}`:    "apns.actions are the app's own",
		`{"colour":"red"}`:                                     "colour is",
		`{"image":"http://x.example/"}`:                        "image is",
		`{"image":"https://u:p@x.example/"}`:                   "image is",
		`{"image":"https://x.example/<"}`:                      "image is",
		`{"clickURL":"javascript:alert(1)"}`:                   "clickURL is",
		`{"clickURL":"https://x.example/` + strings.Repeat("x", MaxURLBytes) + `"}`: "clickURL is",
		`{"interruption":"loud"}`:                                             "interruption is",
		`{"actions":[{"action":"","title":"A"}]}`:                             "actions.0.action is",
		`{"actions":[{"action":"a","title":""}]}`:                             "actions.0.title is required",
		`{"actions":[{"action":"a","title":"A"},{"action":"a","title":"B"}]}`: "actions.1.action is there twice",
		`{"actions":[{"action":"a","title":"A"},{"action":"b","title":"A"},{"action":"c","title":"A"},{"action":"d","title":"A"}]}`: "actions has 4 entries",
		`{"locKeys":{}}`:                     "locKeys has neither",
		`{"locKeys":{"titleLocArgs":["x"]}}`: "locKeys.titleLocArgs needs titleLocKey",
		`{"locKeys":{"bodyLocKey":"a b"}}`:   "locKeys.bodyLocKey is a key",
		`{"locKeys":{"bodyLocKey":"b","bodyLocArgs":["1","2","3","4","5","6"]}}`:                                    "locKeys.bodyLocArgs has 6",
		`{"locKeys":{"bodyLocKey":"b","bodyLocArgs":["{who}"]}}`:                                                    "locKeys.bodyLocArgs.0 has {who}",
		`{"locKeys":{"bodyLocKey":"b","bodyLocArgs":["{content}","{content}"]}}`:                                    "locKeys has {content} 2 times",
		`{"silent":true,"texts":[{"locale":"en","title":"x"}]}`:                                                     "silent shows nothing",
		`{"silent":true,"locKeys":{"bodyLocKey":"b"}}`:                                                              "silent shows nothing",
		`{"texts":[{"locale":"","title":"x"}]}`:                                                                     "texts.0.locale is",
		`{"texts":[{"locale":"not a tag","title":"x"}]}`:                                                            "texts.0.locale is",
		`{"texts":[{"locale":"en-GB","title":"x"},{"locale":"en-gb","title":"x"}]}`:                                 "texts.1.locale is there twice",
		`{"texts":[{"locale":"en"}]}`:                                                                               "texts.0 says nothing",
		`{"texts":[{"locale":"en","title":{"one":"x"}}]}`:                                                           "texts.0.title has no form other",
		`{"texts":[{"locale":"en","title":{"other":"x","lots":"y"}}]}`:                                              "texts.0.title.lots is no plural form",
		`{"texts":[{"locale":"en","title":""}]}`:                                                                    "texts.0.title is required",
		`{"texts":[{"locale":"en","title":"a\nb"}]}`:                                                                "texts.0.title is required",
		`{"texts":[{"locale":"en","title":"\u202ex"}]}`:                                                             "texts.0.title is required",
		`{"texts":[{"locale":"en","title":"{sender"}]}`:                                                             "texts.0.title has a brace",
		`{"texts":[{"locale":"en","title":"{{sender}}"}]}`:                                                          "texts.0.title has a brace",
		`{"texts":[{"locale":"en","title":"{Sender}"}]}`:                                                            "texts.0.title has {Sender}",
		`{"texts":[{"locale":"en","title":"{content}"}]}`:                                                           "texts.0 shows {content} 2 times",
		`{"texts":[{"locale":"en","title":"{content}","content":"{content}"}]}`:                                     "texts.0 shows {content} 2 times",
		`{"texts":[{"locale":"en","content":"{content}{content}"}]}`:                                                "texts.0 shows {content} 2 times",
		`{"texts":[{"locale":"en","title":"x","actions":{"a":"A"}}]}`:                                               "texts.0.actions names \"a\"",
		`{"actions":[{"action":"a","title":"A"}],"texts":[{"locale":"en","actions":{"a":""}}]}`:                     "texts.0.actions.a is required",
		`{"texts":[` + strings.Repeat(`{"locale":"en","title":"x"},`, MaxLocales) + `{"locale":"de","title":"x"}]}`: "texts has 51 entries",
	} {
		_, err := Decode([]byte(document))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%.120s: %v, want %q", document, err, want)
		}
	}
}

func decode(t *testing.T, document string) *Resource {
	t.Helper()
	r, err := Decode([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// What a platform says itself stands there, all else is common.
func TestOn(t *testing.T) {
	r := decode(t, full)
	android, ios, web := r.On(device.Android), r.On(device.IPadOS), r.On(device.Web)
	if want := (Style{Sound: "ding", Channel: "c", Icon: "ic", Image: r.Image, Colour: "#1a73E8", Category: "CAT", ClickURL: r.ClickURL, Interruption: Critical}); !reflect.DeepEqual(android, want) {
		t.Errorf("on Android %+v", android)
	}
	if ios.Sound != "ding.caf" || ios.Interruption != TimeSensitive || ios.Category != "CAT" || ios.Channel != "" {
		t.Errorf("on iOS %+v", ios)
	}
	if web.Sound != Silence || len(web.Actions) != 2 || web.Icon != "https://x.example/w.png" || web.Interruption != Passive {
		t.Errorf("on the web %+v", web)
	}
	plain := decode(t, `{"sound":"x","actions":[{"action":"a","title":"A"}],"web":{"icon":"https://x.example/"}}`)
	if got := plain.On(device.Android); got.Sound != "x" {
		t.Errorf("without a block %+v", got)
	}
	if got := plain.On(device.Web); len(got.Actions) != 1 {
		t.Errorf("common actions %+v", got)
	}
	if got := android.AfterCall(); got.Sound != "" || got.Channel != "" || got.Interruption != "" || got.Category != "" || got.Icon != "ic" {
		t.Errorf("after a call %+v", got)
	}
}

func TestPhrases(t *testing.T) {
	v := func(n int) Values { return Values{Sender: "Ana {content}", Content: "hi {count}", Count: n} }
	english := Phrase{One: "{count} message from {sender}", Other: "{count} messages from {sender}"}
	polish := Phrase{One: "{count} wiadomość", Few: "{count} wiadomości", Many: "{count} wiadomości (wiele)", Other: "{count} wiadomości (inne)"}
	arabic := Phrase{Zero: "zero", One: "one", Two: "two", Few: "few", Many: "many", Other: "other"}
	for _, tc := range []struct {
		p      Phrase
		locale string
		n      int
		want   string
	}{
		{english, "en", 1, "1 message from Ana {content}"}, {english, "en", 0, "0 messages from Ana {content}"}, {english, "en", 5, "5 messages from Ana {content}"},
		{english, "fr", 0, "0 message from Ana {content}"},  // 0 is singular there
		{english, "ja", 1, "1 messages from Ana {content}"}, // which has no singular
		{polish, "pl", 1, "1 wiadomość"}, {polish, "pl", 3, "3 wiadomości"}, {polish, "pl", 12, "12 wiadomości (wiele)"}, {polish, "pl", 22, "22 wiadomości"},
		{arabic, "ar", 0, "zero"}, {arabic, "ar", 2, "two"}, {arabic, "ar", 7, "few"}, {arabic, "ar", 50, "many"}, {arabic, "ar", 100, "other"},
		{Phrase{Other: "{content}"}, "en", 1, "hi {count}"}, {nil, "en", 1, ""}, {english, "no tag", 1, "1 messages from Ana {content}"},
		{english, "en", -1, "-1 message from Ana {content}"},
	} {
		if got := tc.p.In(tc.locale, v(tc.n)); got != tc.want {
			t.Errorf("%d in %s: %q, want %q", tc.n, tc.locale, got, tc.want)
		}
	}
	// Where there are more than the number, it is a greater one.
	for n, want := range map[int]string{1: "1+ messages from Ana {content}", 99: "99+ messages from Ana {content}"} {
		v := v(n)
		v.More = true
		if got := english.In("en", v); got != want {
			t.Errorf("more than %d: %q", n, got)
		}
	}
}

func TestLanguages(t *testing.T) {
	l := NewLanguages("en", "pt", "pt-PT", "zh-Hans", "zh-Hant", "de")
	for locale, want := range map[string]int{
		"": 0, "en": 0, "en-GB": 0, "pt": 1, "pt-BR": 1, "pt-PT": 2, "pt-AO": 2, "zh": 3, "zh-CN": 3, "zh-TW": 4, "zh-HK": 4,
		"de-CH": 5, "gsw": 5, // whose speakers read German
		"ja": 0, "no tag": 0, "x-private": 0, strings.Repeat("a", 100): 0,
	} {
		if got := l.Match(locale); got != want {
			t.Errorf("%s is told in the %d., want %d.", locale, got, want)
		}
	}
}

func TestCounts(t *testing.T) {
	for document, want := range map[string]bool{
		`{}`: false, full: true, `{"texts":[{"locale":"en","title":"{sender}"}]}`: false, `{"texts":[{"locale":"en","title":"{count}"}]}`: true,
		`{"texts":[{"locale":"en","title":{"one":"a","other":"b"}}]}`: true, `{"locKeys":{"bodyLocKey":"b","bodyLocArgs":["{count}"]}}`: true,
		`{"locKeys":{"bodyLocKey":"b","bodyLocArgs":["{content}"]}}`: false,
	} {
		if got := decode(t, document).Counts(); got != want {
			t.Errorf("%s counts: %t", document, got)
		}
	}
}

// What is encoded is read as it was, also by who knows less, and again gives the
// same bytes.
func TestSet(t *testing.T) {
	set := Set{"full": decode(t, full), "silent": decode(t, `{"silent":true}`)}
	if err := set.Check(); err != nil {
		t.Fatal(err)
	}
	encoded, err := set.Encode()
	if err != nil {
		t.Fatal(err)
	}
	read, err := Read(encoded)
	if err != nil {
		t.Fatal(err)
	}
	again, err := read.Encode()
	if err != nil || string(again) != string(encoded) {
		t.Errorf("encoded again: %v\n%s\n%s", err, encoded, again)
	}
	if got := read["full"].TextFor("de-AT"); got != 1 {
		t.Errorf("read, it has text %d for German", got)
	}
	newer := strings.Replace(string(encoded), `"silent":{`, `"silent":{"hologram":true,`, 1)
	if read, err := Read([]byte(newer)); err != nil || len(read) != 2 {
		t.Errorf("of a newer version %d are read, %v", len(read), err)
	}
	broken := strings.Replace(string(encoded), `"silent":{"silent":true`, `"silent":{"ttl":-1`, 1)
	if read, err := Read([]byte(broken)); err == nil || len(read) != 1 || read["full"] == nil {
		t.Errorf("with a broken one %d are read, %v", len(read), err)
	}
	if read, err := Read([]byte("no JSON")); err == nil || read == nil || len(read) != 0 {
		t.Errorf("of no JSON %v is read, %v", read, err)
	}
	if read, err := Read(nil); err != nil || len(read) != 0 {
		t.Errorf("of nothing %v is read, %v", read, err)
	}
	many := Set{}
	for i := range MaxResources + 1 {
		many[fmt.Sprint(i)] = &Resource{}
	}
	for name, s := range map[string]Set{
		"too many": many, "no ID": {"": {}}, "a long ID": {strings.Repeat("x", MaxIDBytes+1): {}}, "a slash": {"a/b": {}}, "a bad one": {"a": {TTL: -1}},
	} {
		if s.Check() == nil {
			t.Errorf("%s is fine", name)
		}
	}
}

// db is a store that counts, and may be down.
type db struct {
	Applied
	reads int
	err   error
}

func (d *db) Resources(context.Context) (Applied, error) { d.reads++; return d.Applied, d.err }

func (d *db) ApplyResources(context.Context, []byte, time.Time) (Applied, bool, error) {
	return Applied{}, false, nil
}

func TestCache(t *testing.T) {
	now := time.UnixMilli(0)
	store := &db{err: errors.New("down")}
	c := &Cache{Store: store, Now: func() time.Time { return now }}
	find := func(id string, want bool, reads int) {
		t.Helper()
		r, err := c.Find(t.Context(), id)
		if err != nil || (r != nil) != want || store.reads != reads {
			t.Errorf("%q: %v, %v after %d reads, want %t after %d", id, r, err, store.reads, want, reads)
		}
	}
	find("", false, 0) // nobody asks for it, and nothing is read
	if _, err := c.Find(t.Context(), "a"); err == nil {
		t.Error("found without having read")
	}
	store.err = nil
	store.Applied = Applied{Version: 1, Set: []byte(`{"a":{"ttl":1}}`)}
	find("a", true, 2)
	for range 10 {
		find("a", true, 2)
		find("b", false, 2)
	}
	store.Applied = Applied{Version: 2, Set: []byte(`{"b":{"ttl":1}}`)}
	now = now.Add(MaxAge - 1)
	find("a", true, 2)
	now = now.Add(1)
	find("b", true, 3)
	find("a", false, 3)
	// Down, what is known stays in use.
	store.err = errors.New("down")
	now = now.Add(MaxAge)
	find("b", true, 4)
	find("b", true, 4)
	now = now.Add(retryAfter)
	find("b", true, 5)
	// And what can't be understood is as if it were not there.
	store.err, store.Applied = nil, Applied{Version: 3, Set: []byte(`{"b":{"ttl":-1},"c":{}}`)}
	now = now.Add(retryAfter)
	find("b", false, 6)
	find("c", true, 6)
}

// Whatever is decoded is refused or in bounds, and stays what it is.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte(`{"texts":[{"locale":"en","title":{"one":"{count}","other":"x"}}]}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		r, err := Decode(document)
		if err != nil {
			return
		}
		encoded, err := Set{"r": r}.Encode()
		if err != nil {
			t.Fatal(err)
		}
		read, err := Read(encoded)
		if err != nil || read["r"] == nil {
			t.Fatalf("not read again: %v, %s", err, encoded)
		}
		for _, p := range []device.Platform{device.Android, device.IPhoneOS, device.Web} {
			if s := r.On(p); len(s.Sound) > MaxNameBytes || len(s.Image) > MaxURLBytes || len(s.Actions) > MaxActions {
				t.Errorf("out of bounds: %+v", s)
			}
		}
	})
}
