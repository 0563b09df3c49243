//go:build integration

package functions_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/scripts/cost"
	"github.com/doorbell-push/doorbell/scripts/harness"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/presence"
)

// waitBurst waits until p's presence says of the conversation with another that its
// messages are told of together, and whether there is something to tell.
func (p person) waitBurst(with person, held bool) {
	p.t.Helper()
	p.waitBurstIn(chat.CID(chat.Peer, p.ID, with.ID), held)
}

// waitBurstIn is the same of any conversation.
func (p person) waitBurstIn(cid string, held bool) {
	p.t.Helper()
	db := p.database()
	err := harness.Poll(p.t.Context(), within, func(ctx context.Context) error {
		users, err := db.Users(ctx, []string{p.ID})
		if err != nil {
			return err
		}
		if b, on := users[p.ID].Burst(cid, time.Now()); !on || b.Held != held {
			return fmt.Errorf("%s's burst is %+v", p.ID, b)
		}
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// windowsEnd has the windows of p's bursts end now, as if the time had come.
func (p person) windowsEnd() {
	p.t.Helper()
	err := p.database().Change(p.t.Context(), func(tx presence.Tx) error {
		u, err := tx.User(p.ID)
		if err != nil {
			return err
		}
		now := time.Now().Add(-10 * time.Second).UTC().Truncate(time.Millisecond)
		for cid, b := range u.Bursts {
			b.Until = now
			u.Bursts[cid] = b
		}
		u.SweepAt = now
		return tx.PutUser(u)
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// Alice writes much at once: Bob's devices ring for the first message, and when the
// window is over one push in its place says how much there is that he hasn't read.
// Who has read is rung at once again; and nobody else's messages wait.
func TestBundledMessages(t *testing.T) {
	alice, bob, carol := someone(t, "alice"), someone(t, "bob"), someone(t, "carol")
	mobile, tablet := bob.newPhone("phone", "android"), bob.newPhone("tablet", "ios")
	bob.set(object{"bundleSeconds": 600})
	first := alice.send(bob, "hello", "1")
	waitShade(t, mobile, first)
	waitShade(t, tablet, first)
	bob.waitBurst(alice, false)
	for n := 2; n <= 4; n++ {
		wantPlanned(t, alice.send(bob, "hello", fmt.Sprint(n)), map[string]int{"bundled": 2})
		bob.waitBurst(alice, true)
	}
	urgent := message(bob.ID, "now!", "5")
	urgent["config"].(object)["priority"] = 3
	rings := alice.post(urgent)
	carols := carol.send(bob, "hello", "1")
	waitShade(t, mobile, first, rings, carols)

	bob.windowsEnd()
	shows := func(context.Context) error {
		sweep(t)
		for _, d := range []phone{mobile, tablet} {
			found := false
			for _, n := range world.FCM.Shade(d.token) {
				found = found || n.Tag == first && n.Body == "5 new messages" && n.Title == "Title"+mark
			}
			if !found {
				return fmt.Errorf("%s shows %+v", d.deviceID, world.FCM.Shade(d.token))
			}
		}
		return nil
	}
	if err := harness.Poll(t.Context(), sweptWithin, shows); err != nil {
		t.Fatal(err)
	}
	sweep(t)
	waitPushes(t, 4, mobile, tablet) // alice's first, the urgent one, carol's, and the four
	assertShade(t, mobile, first, rings, carols)

	bob.call(http.MethodPost, "/read", object{"conversationID": alice.ID, "conversationType": 0})
	next := alice.send(bob, "hello again", "6")
	wantPlanned(t, next, map[string]int{"push": 2})
	waitShade(t, mobile, first, rings, carols, next)
}

// What is bundled costs, beside what any message does, a read and a write with the
// first that rings and with the first that is told of later.
func TestCostOfBundles(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	anew := func(try int) {
		bob = someone(t, fmt.Sprint("bob", try))
		bob.newPhone("phone", "android")
		waitLogged(t, "dispatched", alice.send(bob, "warm-up", fmt.Sprint("w", try))) // a conversation
		bob.set(object{"bundleSeconds": 600})
	}
	d := func(try int, id string) { waitLogged(t, "dispatched", id); bob.waitBurst(alice, false) }
	rings := cost.PeerMessage(1)
	rings.Reads++
	rings.Writes++
	costs(t, "the one that rings", rings, anew, func(try int) { d(try, alice.send(bob, "hello", fmt.Sprint("1-", try))) })

	later := cost.Operations{Reads: 4, Writes: 4, Invocations: 2}
	costs(t, "the first that waits", later, func(try int) {
		anew(try + 10)
		d(try, alice.send(bob, "hello", fmt.Sprint("2-", try)))
	}, func(try int) {
		wantPlanned(t, alice.send(bob, "hello", fmt.Sprint("3-", try)), map[string]int{"bundled": 1})
		bob.waitBurst(alice, true)
	})
	later.Reads--
	later.Writes--
	costs(t, "another that waits", later, nil, func(try int) {
		wantPlanned(t, alice.send(bob, "hello", fmt.Sprint("4-", try)), map[string]int{"bundled": 1})
	})
}
