package harness

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// RPCs is what went through an RPCCounter: calls by method, and what they cost. Documents and writes are counted for calls that
// did their work, whether or not the caller got the answer; calls that failed are in Calls and Errors only.
type RPCs struct {
	Calls  map[string]int // by method name, such as "Commit"; counted when they begin
	Errors map[string]int // by method name and code, such as "Commit Aborted"

	DocumentsRequested int // asked for by BatchGetDocuments or GetDocument
	DocumentsFound     int // of these, the ones that exist
	DocumentsReturned  int // by RunQuery, ListDocuments and Listen
	Reads              int // as Firestore bills: found or not, a query at least 1; an aggregation, whose cost can't be seen, 1

	Commits []int // writes of each commit, in order; a BatchWrite is one entry with its successful writes
	Writes  int   // sum of Commits, deletes included
	Deletes int

	PublishedMessages int
	PublishedBytes    int // data and attributes, keys and values

	Undecoded int // messages that could not be read, so that the numbers above are too low
}

// Sub returns what came after b, an earlier snapshot with no Reset between them.
func (a RPCs) Sub(b RPCs) RPCs {
	a.Calls = subMap(a.Calls, b.Calls)
	a.Errors = subMap(a.Errors, b.Errors)
	a.DocumentsRequested -= b.DocumentsRequested
	a.DocumentsFound -= b.DocumentsFound
	a.DocumentsReturned -= b.DocumentsReturned
	a.Reads -= b.Reads
	a.Commits = slices.Clone(a.Commits[min(len(b.Commits), len(a.Commits)):])
	a.Writes -= b.Writes
	a.Deletes -= b.Deletes
	a.PublishedMessages -= b.PublishedMessages
	a.PublishedBytes -= b.PublishedBytes
	a.Undecoded -= b.Undecoded
	return a
}

// String is one line, leaving out what is zero.
func (a RPCs) String() string {
	var parts []string
	add := func(n int, format string, args ...any) {
		if n != 0 {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	for _, method := range slices.Sorted(maps.Keys(a.Calls)) {
		add(a.Calls[method], "%s %d", method, a.Calls[method])
	}
	for _, failure := range slices.Sorted(maps.Keys(a.Errors)) {
		add(a.Errors[failure], "failed %s %d", failure, a.Errors[failure])
	}
	add(a.DocumentsRequested, "documents found %d of %d", a.DocumentsFound, a.DocumentsRequested)
	add(a.DocumentsReturned, "documents returned %d", a.DocumentsReturned)
	add(a.Reads, "reads billed %d", a.Reads)
	add(len(a.Commits), "writes %d, deletes among them %d, per commit %v", a.Writes, a.Deletes, a.Commits)
	add(a.PublishedMessages, "published messages %d, bytes %d", a.PublishedMessages, a.PublishedBytes)
	add(a.Undecoded, "NOT DECODED %d", a.Undecoded)
	if len(parts) == 0 {
		return "no calls"
	}
	return strings.Join(parts, "; ")
}

// clone returns a copy that shares nothing with a.
func (a RPCs) clone() RPCs {
	a.Calls, a.Errors, a.Commits = maps.Clone(a.Calls), maps.Clone(a.Errors), slices.Clone(a.Commits)
	return a
}

// subMap leaves out what did not change, so that two differences can be compared.
func subMap(a, b map[string]int) map[string]int {
	difference := make(map[string]int)
	for key, n := range a {
		if n -= b[key]; n != 0 {
			difference[key] = n
		}
	}
	return difference
}
