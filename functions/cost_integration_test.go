//go:build integration

package functions_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"testing"

	"github.com/doorbell-push/doorbell/scripts/cost"
	"github.com/doorbell-push/doorbell/scripts/fcm/standin"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/docid"
)

// events are the functions that events call.
var events = []string{"on-message", "on-message-change", "on-call", "fan-out", "dispatch", "dispatch-urgent", "sweep"}

// spent is what has been asked of the emulators so far, without what a TTL policy
// deletes long after. Invocations are those by events.
func spent() cost.Operations {
	f, p := world.firestore.Snapshot(), world.pubsub.Snapshot()
	o := cost.Operations{Reads: float64(f.Reads), Writes: float64(f.Writes), Published: float64(p.PublishedMessages)}
	for _, n := range answeredEvents() {
		o.Invocations += float64(n)
	}
	return o
}

// costs checks that what one request begins takes what the model says, exactly. do
// makes the request, for the try-th time, and waits until what follows has reached
// the devices; prepare, which may be nil, comes before and isn't counted. A test
// before may have left something that happens by itself, such as a lease that ends,
// so it is the model's if one of three tries agrees. A try beside a sweep isn't among
// the three: none of do asks for one, but a call of another test's has one wait for it
// to be due, and several calls may be due in a row.
func costs(t *testing.T, what string, model cost.Operations, prepare, do func(try int)) {
	t.Helper()
	model.Deletes = 0
	var got []string
	for try, differed := 0, 0; differed < 3 && try < 20; try++ {
		if prepare != nil {
			prepare(try)
		}
		settle(t)
		before, eventsBefore := spent(), answeredEvents()
		do(try)
		settle(t)
		o := spent().Plus(before.Times(-1))
		o.Invocations++ // the request
		if o == model {
			t.Logf("%s: %+v", what, o)
			return
		}
		answered := answeredEvents()
		for name, n := range eventsBefore {
			if answered[name] -= n; answered[name] == 0 {
				delete(answered, name)
			}
		}
		if answered["sweep"] == 0 {
			differed++
		}
		got = append(got, fmt.Sprintf("%+v, events %v", o, answered))
		t.Logf("%s differs: %s", what, got[len(got)-1])
	}
	t.Errorf("%s: the emulators were asked %q, the model has %+v", what, got, model)
}

// answeredEvents is how many of each function's events were handled so far.
func answeredEvents() map[string]int {
	n := map[string]int{}
	for _, name := range events {
		n[name] = answered(name)
	}
	return n
}

// crowd is n people with a phone each, of whom the first so many are away.
func crowd(t *testing.T, n, away int) (people []person, phones []phone) {
	t.Helper()
	for i := range n {
		p := someone(t, fmt.Sprintf("u%d", i))
		d := p.newPhone("phone", "android")
		if i >= away {
			p.presence(d, "online")
		}
		people, phones = append(people, p), append(phones, d)
	}
	return people, phones
}

func userIDs(people []person) (ids []string) {
	for _, p := range people {
		ids = append(ids, p.ID)
	}
	return ids
}

// waitPushes waits until each of the devices has got n pushes in all.
func waitPushes(t *testing.T, n int, phones ...phone) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	for _, d := range phones {
		if err := world.FCM.Wait(ctx, func(s *standin.Server) bool { return len(s.Messages(d.token)) >= n }); err != nil {
			t.Fatal(err)
		}
		if got := len(world.FCM.Messages(d.token)); got != n {
			t.Errorf("%s got %d pushes, want %d", d.pushID, got, n)
		}
	}
}

// The cost model counts what the emulators do.
func TestCostModel(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	d := bob.newPhone("phone", "android")
	waitLogged(t, "dispatched", alice.send(bob, "warm-up", "0")) // connections and first-use caches
	costs(t, "a message to somebody who is away", cost.PeerMessage(1), nil, func(try int) {
		waitLogged(t, "dispatched", alice.send(bob, "hello", fmt.Sprint("away", try)))
	})
	costs(t, "a receipt", cost.Receipt(), nil, func(int) {
		d.tell(t, http.StatusOK, receiptOf(docid.New("m"), "message", "arrived"), receiptOf(docid.New("m"), "message", "shown"))
	})
	costs(t, "a heartbeat", cost.Heartbeat(), nil, func(int) { bob.presence(d, "online") })
	costs(t, "a message to somebody who is online", cost.PeerMessage(0), nil, func(try int) {
		waitLogged(t, "planned", alice.send(bob, "hello", fmt.Sprint("online", try)))
	})
}

// The bar for a group of 100, 60 of them away: at most 103 reads, 3 commits, one
// message on Pub/Sub, 3 invocations. For 10,000: TestGroupOfTenThousand.
func TestCostOfGroupMessages(t *testing.T) {
	for _, tc := range []struct{ members, away int }{{2, 1}, {100, 60}} {
		t.Run(strconv.Itoa(tc.members), func(t *testing.T) {
			olga := someone(t, "olga")
			people, phones := crowd(t, tc.members-1, tc.away)
			id := ownID(t, "g")
			olga.call(http.MethodPost, "/group-create", object{"groupInfo": object{"groupID": id, "groupName": "n"}, "userIDs": userIDs(people)})
			commits := 0
			costs(t, "message", cost.GroupMessage(tc.members, float64(tc.away)/float64(tc.members-1)), nil, func(try int) {
				before := len(world.firestore.Snapshot().Commits)
				waitLogged(t, "dispatched", olga.post(messageTo(chat.Group, id, "hello", strconv.Itoa(try))))
				waitPushes(t, try+1, phones[:tc.away]...)
				waitPushes(t, 0, phones[tc.away:]...)
				commits = len(world.firestore.Snapshot().Commits) - before
			})
			if commits != 3 {
				t.Errorf("%d commits, want 3", commits)
			}
		})
	}
	if m := cost.GroupMessage(100, 60.0/99); m.Reads > 103 || m.Published > 1 || m.Invocations > 3 {
		t.Errorf("a group of 100 takes %+v", m)
	}
}

func TestCostOfCalls(t *testing.T) {
	for _, invitees := range []int{1, 9} {
		t.Run(strconv.Itoa(invitees), func(t *testing.T) {
			alice := someone(t, "alice")
			people, phones := crowd(t, invitees, invitees)
			var id string
			pushes := 0 // that each phone has got
			ring := func(int) {
				id = alice.ring(90, people...)
				pushes++
				waitPushes(t, pushes, phones...)
			}
			costs(t, "invited", cost.CallInvitation(invitees), nil, ring)
			costs(t, "cancelled", cost.CallCancel(invitees), ring, func(int) {
				alice.act("/call-cancel", id, object{"invitees": userIDs(people)})
				pushes++
				waitPushes(t, pushes, phones...)
			})
		})
	}
}

// One of two who are called accepts; the other's phone keeps ringing.
func TestCostOfAnsweredCalls(t *testing.T) {
	for name, others := range map[string]int{"on the only device": 0, "one more device rings": 1} {
		t.Run(name, func(t *testing.T) {
			alice, bob, carol := someone(t, "alice"), someone(t, "bob"), someone(t, "carol")
			bob.newPhone("phone", "android")
			carols := carol.newPhone("phone", "android")
			var tablets []phone
			for range others {
				tablets = append(tablets, bob.newPhone("tablet", "android"))
			}
			var id string
			costs(t, "accepted", cost.CallAccept(others), func(try int) {
				id = alice.ring(90, bob, carol)
				waitPushes(t, try+1, carols)
			}, func(try int) {
				before := answered("on-call")
				bob.act("/call-accept", id, object{"deviceID": "phone"})
				waitDelivered(t, "on-call", before+1)
				waitPushes(t, 2*(try+1), tablets...)
			})
		})
	}
}

// A push whose number is counted costs what the model says besides, and nothing where
// it isn't asked for: see the others. Bob is in two groups, of which he muted one, and
// has written with two people.
func TestCostOfBadge(t *testing.T) {
	alice, bob, carol := someone(t, "alice"), someone(t, "bob"), someone(t, "carol")
	bob.newPhone("phone", "android")
	for i, status := range []int{1, 2} {
		id := ownID(t, fmt.Sprint("g", i))
		carol.call(http.MethodPost, "/group-create", object{"groupInfo": object{"groupID": id, "groupName": "n"}, "userIDs": []string{bob.ID}})
		bob.call(http.MethodPost, "/group-notification-status", object{"status": status, "conversationID": id, "conversationType": 2})
	}
	waitLogged(t, "dispatched", carol.send(bob, "hello", "1"))
	waitLogged(t, "dispatched", alice.send(bob, "hello", "2"))
	costs(t, "counted", cost.PeerMessage(1).Plus(cost.Badge(2, 2, 1)), nil, func(try int) {
		waitLogged(t, "dispatched", alice.post(counted(message(bob.ID, "hello", fmt.Sprint("counted", try)))))
	})

	dave := someone(t, "dave")
	dave.newPhone("phone", "android")
	waitLogged(t, "dispatched", alice.send(dave, "hello", "3"))
	costs(t, "counted, in no group", cost.PeerMessage(1).Plus(cost.Badge(1, 0, 0)), nil, func(try int) {
		waitLogged(t, "dispatched", alice.post(counted(message(dave.ID, "hello", fmt.Sprint("counted", try)))))
	})
	dave.call(http.MethodPost, "/badge", object{"badge": 1})
	costs(t, "the app's own number", cost.PeerMessage(1), nil, func(try int) {
		waitLogged(t, "dispatched", alice.post(counted(message(dave.ID, "hello", fmt.Sprint("own", try)))))
	})
}

// Of a group, each who is away costs that, once for all of their devices in a batch.
func TestCostOfGroupBadge(t *testing.T) {
	olga := someone(t, "olga")
	people, phones := crowd(t, 3, 2)
	id := ownID(t, "g")
	olga.call(http.MethodPost, "/group-create", object{"groupInfo": object{"groupID": id, "groupName": "n"}, "userIDs": userIDs(people)})
	model := cost.GroupMessage(4, 2.0/3).Plus(cost.Badge(0, 1, 0).Times(2))
	costs(t, "message", model, nil, func(try int) {
		waitLogged(t, "dispatched", olga.post(counted(messageTo(chat.Group, id, "hello", strconv.Itoa(try)))))
		waitPushes(t, try+1, phones[:2]...)
	})
}
