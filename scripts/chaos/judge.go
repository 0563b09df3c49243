package chaos

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/doorbell-push/doorbell/scripts/fcm/standin"
)

// received is a push that FCM took for a phone.
type received struct {
	standin.Received
	on      *phone
	began   time.Time // the request that FCM took
	kind    string    // message, call, call_end
	id      string
	end     string // of call_end
	expires time.Time
	dies    time.Time // when FCM would drop it
	payload string
}

// trust is how long before a request to FCM begins the system may have looked at
// whether to make it (dispatch's trust), as long as two clocks may differ.
func (w *World) trust() time.Duration { return 5*time.Second + 2*w.weather.Skew }

// judge compares what the phones show with what the inputs ask for.
func (w *World) judge() {
	log := w.received()
	w.Result.Pushes = len(log)
	w.judgeRepeats(log)
	w.judgeMessages(log)
	w.judgeCalls(log)
	for i := range w.Result.Failures {
		f := &w.Result.Failures[i]
		f.Trace = w.traceOf(f.Subject, f.Phone)
	}
}

// received is all that FCM took, in order.
func (w *World) received() (out []received) {
	for _, r := range w.fcm.Log(0, 1<<30) {
		var m struct {
			Data    map[string]string `json:"data"`
			Android struct {
				TTL string `json:"ttl"`
			} `json:"android"`
			Webpush struct {
				Headers map[string]string `json:"headers"`
			} `json:"webpush"`
			APNS struct {
				Headers map[string]string `json:"headers"`
			} `json:"apns"`
		}
		if err := json.Unmarshal(r.Message, &m); err != nil {
			panic(err)
		}
		e := received{Received: r, on: w.owners[r.Token], began: w.begins[r.Name], kind: m.Data["kind"], id: m.Data["id"], end: m.Data["callEnd"], payload: m.Data["payload"]}
		e.expires = millis(m.Data["expiresAt"])
		switch r.Platform {
		case standin.Android:
			ttl, _ := time.ParseDuration(m.Android.TTL)
			e.dies = r.AcceptedAt.Add(ttl)
		case standin.Web:
			seconds, _ := strconv.Atoi(m.Webpush.Headers["TTL"])
			e.dies = r.AcceptedAt.Add(time.Duration(seconds) * time.Second)
		default:
			at, _ := strconv.ParseInt(m.APNS.Headers["apns-expiration"], 10, 64)
			e.dies = time.Unix(at, 0)
		}
		out = append(out, e)
	}
	return out
}

func millis(s string) time.Time {
	ms, _ := strconv.ParseInt(s, 10, 64)
	return time.UnixMilli(ms)
}

// judgeRepeats counts the pushes that told a phone what FCM had told it before.
// Each lost answer and each death between FCM's answer and the ledger explains
// one.
func (w *World) judgeRepeats(log []received) {
	seen := map[string]int{}
	for _, r := range log {
		key := strings.Join([]string{r.Token, r.Tag, r.kind, r.end, r.expires.String()}, "\n")
		if len(r.on.users()) > 1 {
			continue // what was another user's is new to the next
		}
		if seen[key]++; seen[key] > 1 {
			w.Result.Repeats++
			if told := r.Token + "\n" + r.id; w.excused[told] > 0 {
				w.excused[told]--
				w.Result.Excused++
			}
		}
	}
}
