package push

import "encoding/json"

// Preview is a notification's text. Of a part that a native app has itself there
// is its key (resource.LocKeys), and no text.
type Preview struct {
	Title        string   `json:"title"`
	TitleLocKey  string   `json:"titleLocKey,omitempty"`
	TitleLocArgs []string `json:"titleLocArgs,omitempty"`
	Body         string   `json:"body"`
	BodyLocKey   string   `json:"bodyLocKey,omitempty"`
	BodyLocArgs  []string `json:"bodyLocArgs,omitempty"`
	Actions      []string `json:"actions,omitempty"` // what is on the buttons, on the web
}

// shown is the part of a request to FCM that says what is shown.
type shown struct {
	Message struct {
		Notification *Preview
		Data         struct{ Title, TitleLocKey, TitleLocArgs, Body, BodyLocKey, BodyLocArgs string }
		Android      struct {
			Notification struct {
				Title        string   `json:"title"`
				TitleLocKey  string   `json:"title_loc_key"`
				TitleLocArgs []string `json:"title_loc_args"`
				Body         string   `json:"body"`
				BodyLocKey   string   `json:"body_loc_key"`
				BodyLocArgs  []string `json:"body_loc_args"`
			}
		}
		APNS struct {
			Payload struct {
				Aps struct {
					Alert *struct {
						Title        string   `json:"title"`
						TitleLocKey  string   `json:"title-loc-key"`
						TitleLocArgs []string `json:"title-loc-args"`
						Body         string   `json:"body"`
						LocKey       string   `json:"loc-key"`
						LocArgs      []string `json:"loc-args"`
					}
				}
			}
		}
		Webpush struct {
			Notification struct{ Actions []struct{ Title string } }
		}
	}
}

// Show is what the body of a request to FCM has shown, if anything.
func Show(body []byte) (p Preview, ok bool) {
	var in shown
	if json.Unmarshal(body, &in) != nil {
		return p, false
	}
	m := in.Message
	switch alert, android, data := m.APNS.Payload.Aps.Alert, m.Android.Notification, m.Data; {
	case m.Notification != nil:
		p = *m.Notification
	case alert != nil:
		p = Preview{
			Title: alert.Title, TitleLocKey: alert.TitleLocKey, TitleLocArgs: alert.TitleLocArgs,
			Body: alert.Body, BodyLocKey: alert.LocKey, BodyLocArgs: alert.LocArgs,
		}
	case android.TitleLocKey != "" || android.BodyLocKey != "":
		p = Preview{
			Title: android.Title, TitleLocKey: android.TitleLocKey, TitleLocArgs: android.TitleLocArgs,
			Body: android.Body, BodyLocKey: android.BodyLocKey, BodyLocArgs: android.BodyLocArgs,
		}
	case data.Title != "" || data.TitleLocKey != "" || data.Body != "" || data.BodyLocKey != "": // data only
		p = Preview{Title: data.Title, TitleLocKey: data.TitleLocKey, Body: data.Body, BodyLocKey: data.BodyLocKey}
		_ = json.Unmarshal([]byte(data.TitleLocArgs), &p.TitleLocArgs) // which handOver wrote, or didn't
		_ = json.Unmarshal([]byte(data.BodyLocArgs), &p.BodyLocArgs)
	default:
		return p, false
	}
	for _, a := range m.Webpush.Notification.Actions {
		p.Actions = append(p.Actions, a.Title)
	}
	return p, true
}
