package main

import (
	"context"
	"fmt"

	"github.com/doorbell-push/doorbell/scripts/cost"
)

// benchCounts prints the cost model, which tests hold to the emulators; it asks
// nobody.
func benchCounts(context.Context, settings) error {
	fmt.Println("Doorbell / naive: one read a device, one Pub/Sub message a receiver who is away, one ledger write a device")
	fmt.Println()
	fmt.Println("| | Firestore reads | writes | Pub/Sub messages | invocations | USD a million |")
	fmt.Println("|---|--:|--:|--:|--:|--:|")
	for _, s := range cost.Scenarios() {
		a, b := s.Ours, s.Naive
		usd := func(o cost.Operations) float64 { return cost.USCentral1.USD(o, 0) * 1e6 }
		fmt.Printf("| %s | **%.0f** / %.0f | **%.0f** / %.0f | **%.0f** / %.0f | **%.0f** / %.0f | **%.2f** / %.2f |\n", s.What,
			a.Reads, b.Reads, a.Writes, b.Writes, a.Published, b.Published, a.Invocations, b.Invocations, usd(a), usd(b))
	}
	return nil
}
