//go:build integration

package functions_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/scripts/cost"
	"github.com/doorbell-push/doorbell/scripts/fcm/standin"
	"github.com/doorbell-push/doorbell/scripts/harness"

	calling "github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/presence"
)

// quietNow sets quiet hours that began half an hour ago and go on for as long, by
// a clock that is 5:45 ahead, with more said of them.
func (p person) quietNow(more object) {
	p.t.Helper()
	const zone = "Asia/Kathmandu"
	loc, err := time.LoadLocation(zone)
	if err != nil {
		p.t.Fatal(err)
	}
	there := time.Now().In(loc)
	q := object{
		"timeZone": zone, "weekdays": []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"},
		"from": there.Add(-30 * time.Minute).Format("15:04"), "to": there.Add(30 * time.Minute).Format("15:04"),
	}
	for name, v := range more {
		q[name] = v
	}
	p.set(object{"quiet": q})
}

// In Bob's quiet hours no message rings, nor does a mention that insists, unless he
// lets it; a call does, unless he doesn't. When he wants none any more, all ring.
func TestQuietHours(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	d := bob.newPhone("phone", "android")
	mention := func(localID string) object {
		body := message(bob.ID, "hello @bob", localID)
		body["message"].(object)["mentionedUserIDs"] = []string{bob.ID}
		body["config"].(object)["isNotifyMentionedUsers"] = true
		return body
	}
	held, rung := map[string]int{"quiet_hours": 1}, map[string]int{"push": 1}

	bob.quietNow(nil)
	wantPlanned(t, alice.send(bob, "hello", "1"), held)
	wantPlanned(t, alice.post(mention("2")), held)
	first := alice.ring(90, bob)
	waitText(t, d, first, videoCall)
	alice.act("/call-cancel", first, nil)
	waitText(t, d, first, "Missed call")

	bob.quietNow(object{"callsBreakThrough": false, "mentionsBreakThrough": true})
	wantPlanned(t, calling.ID(alice.ring(90, bob)), held)
	wantPlanned(t, alice.send(bob, "hello again", "3"), held)
	insisted := alice.post(mention("4"))
	wantPlanned(t, insisted, rung)

	bob.set(object{"quiet": object{"weekdays": []string{}}})
	bob.call(http.MethodGet, "/notification-settings", nil) // which is held to the API's description
	again := alice.send(bob, "and again", "5")
	wantPlanned(t, again, rung)
	waitShade(t, d, calling.ID(first), insisted, again)
}

// held waits until p's presence says that something is held back.
func (p person) held() presence.Held {
	p.t.Helper()
	db, held := p.database(), presence.Held{}
	err := harness.Poll(p.t.Context(), within, func(ctx context.Context) error {
		users, err := db.Users(ctx, []string{p.ID})
		if err != nil {
			return err
		}
		if users[p.ID].Held == nil {
			return fmt.Errorf("nothing is held back of %s", p.ID)
		}
		held = *users[p.ID].Held
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return held
}

// hoursEnd has p's quiet hours end now, as if the time had come.
func (p person) hoursEnd() {
	p.t.Helper()
	err := p.database().Change(p.t.Context(), func(tx presence.Tx) error {
		u, err := tx.User(p.ID)
		if err != nil {
			return err
		}
		now := time.Now().UTC()
		u.Settings.Quiet.TimeZone = "UTC"
		u.Settings.Quiet.From, u.Settings.Quiet.To = now.Add(2*time.Hour).Format("15:04"), now.Add(3*time.Hour).Format("15:04")
		u.Held.Until, u.SweepAt = now, now
		return tx.PutUser(u)
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// When Bob's quiet hours end, one push a device says how much of what they held back
// he has not read; it isn't told twice, and who wants no summary gets none.
func TestSummaryOfQuietHours(t *testing.T) {
	alice, bob, carol, dave := someone(t, "alice"), someone(t, "bob"), someone(t, "carol"), someone(t, "dave")
	mobile, tablet := bob.newPhone("phone", "android"), bob.speaks(bob.newPhone("tablet", "ios"), "ios", "de-AT")
	daves := dave.newPhone("phone", "android")
	held := map[string]int{"quiet_hours": 1}
	bob.quietNow(object{"summary": true})
	dave.quietNow(nil)
	for n := range 3 {
		wantPlanned(t, alice.send(bob, "hello", fmt.Sprint(n)), held)
	}
	wantPlanned(t, carol.send(bob, "hello", "1"), held)
	wantPlanned(t, carol.send(dave, "hello", "2"), held)
	if h := bob.held(); time.Until(h.Until) > 31*time.Minute || time.Since(time.UnixMilli(h.Since)) > 32*time.Minute {
		t.Errorf("holds %+v", h)
	}
	bob.call(http.MethodPost, "/read", object{"conversationID": carol.ID, "conversationType": 0})

	bob.hoursEnd()
	shows := func(context.Context) error {
		sweep(t)
		for d, title := range map[phone]string{mobile: "3 unread messages", tablet: "3 ungelesene Nachrichten"} {
			if shade := world.FCM.Shade(d.token); len(shade) != 1 || shade[0].Title != title {
				return fmt.Errorf("%s shows %+v", d.deviceID, shade)
			}
		}
		return nil
	}
	if err := harness.Poll(t.Context(), sweptWithin, shows); err != nil {
		t.Fatal(err)
	}
	sweep(t)
	next := alice.send(bob, "good morning", "4")
	wantPlanned(t, next, map[string]int{"push": 2})
	waitPushes(t, 2, mobile, tablet) // the summary and this one
	waitPushes(t, 0, daves)
}

// summary has quiet hours hold a message of each sender back from p, and is what d shows
// when they end.
func (p person) summary(d phone, localID string, senders ...person) (tag string) {
	p.t.Helper()
	p.quietNow(object{"summary": true})
	for _, from := range senders {
		wantPlanned(p.t, from.send(p, "hello", localID), map[string]int{"quiet_hours": 1})
	}
	p.held()
	p.hoursEnd()
	before := world.FCM.Shade(d.token)
	shows := func(context.Context) error {
		sweep(p.t)
		for _, n := range world.FCM.Shade(d.token) {
			if !slices.ContainsFunc(before, func(b standin.Shown) bool { return b.Tag == n.Tag }) {
				tag = n.Tag
				return nil
			}
		}
		return fmt.Errorf("%s shows no summary", d.deviceID)
	}
	if err := harness.Poll(p.t.Context(), sweptWithin, shows); err != nil {
		p.t.Fatal(err)
	}
	return tag
}

// A summary is taken away once Bob has read, elsewhere, all that it counts; that costs a
// read more than taking a message away.
func TestSummaryReadElsewhere(t *testing.T) {
	alice, bob, carol := someone(t, "alice"), someone(t, "bob"), someone(t, "carol")
	d := bob.newPhone("phone", "android")
	tag := bob.summary(d, "1", alice, carol)
	bob.read(alice.ID, chat.Peer, 0)
	settle(t)
	waitGot(t, d, 1)
	for range 2 {
		bob.read(carol.ID, chat.Peer, 0)
	}
	if data, silent := waitGot(t, d, 2); !silent || data["kind"] != "read" || data["tags"] != tag || data["conversationID"] != carol.ID {
		t.Errorf("got %v, silent %t; want %s taken away", data, silent, tag)
	}
	settle(t)
	waitGot(t, d, 2)

	got := 2
	last := cost.Read().Plus(cost.Dismissal())
	last.Reads++
	costs(t, "the last of a summary is read", last, func(try int) {
		bob.summary(d, fmt.Sprint("again", try), alice)
		got++
		waitGot(t, d, got)
	}, func(int) {
		bob.read(alice.ID, chat.Peer, 0)
		got++
		waitGot(t, d, got)
	})
}

// A message that quiet hours hold back costs what one that doesn't ring costs; where
// a summary is wanted, the first one of the night a read and a write more.
func TestCostOfQuietHours(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	bob.newPhone("phone", "android")
	planned := func(try int) {
		wantPlanned(t, alice.send(bob, "hello", fmt.Sprint(t.Name(), time.Now().UnixNano(), try)), map[string]int{"quiet_hours": 1})
	}
	// send's two reads and its message and conversation; the plan's read, and the
	// ledger says why nothing rang.
	usual := cost.Operations{Reads: 3, Writes: 3, Invocations: 2}
	bob.quietNow(nil)
	planned(0) // connections
	costs(t, "held back", usual, nil, planned)

	first := usual
	first.Reads++
	first.Writes++
	costs(t, "the first one held back", first, func(try int) {
		bob = someone(t, fmt.Sprint("bob", try))
		bob.newPhone("phone", "android")
		bob.quietNow(object{"summary": true})
		alice.send(bob, "warm-up", fmt.Sprint(try)) // a conversation
		bob.held()
		bob.forget()
	}, func(try int) {
		planned(try)
		bob.held()
	})
	costs(t, "the next one held back", usual, nil, planned)
}

// forget has nothing be held back of p's.
func (p person) forget() {
	p.t.Helper()
	err := p.database().Change(p.t.Context(), func(tx presence.Tx) error {
		u, err := tx.User(p.ID)
		if err != nil {
			return err
		}
		u.Held, u.SweepAt = nil, time.Time{}
		return tx.PutUser(u)
	})
	if err != nil {
		p.t.Fatal(err)
	}
}
