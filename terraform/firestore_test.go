package terraform_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A query is what somebody asks of Firestore, as its indexes are looked up by.
type query struct {
	by         string // file and function, or a README
	through    string // what names the collection there
	collection string
	everywhere bool     // it is a collection group
	asks       []string // "field op" and "field asc" or "field desc"; by document ID needs no index
}

// queries is every query there is: the server's, the browser SDK's, and those that
// the API's README tells other clients of.
var queries = []query{
	{"shared/store/call.go Calls", "callsCollection", "calls", false, []string{"members array-contains", "createTime desc"}},
	{"shared/store/call.go CallsSince", "callsCollection", "calls", false, []string{"members array-contains", "createTime >=", "createTime desc"}},
	{"shared/store/call.go DueCalls", "callsCollection", "calls", false, []string{"dueShard ==", "dueAt <=", "dueAt asc"}},
	{"shared/store/delivery.go Entries", "deliveriesCollection", "deliveries", false, []string{"subjectID =="}},
	{"shared/store/delivery.go Rung", "deliveriesCollection", "deliveries", false, []string{"to array-contains", "cid ==", "seq >", "seq <=", "seq desc"}},
	{"shared/store/group.go ClearingGroups", "conversationsCollection", "conversations", false, []string{"clearing =="}},
	{"shared/store/group.go Members", "membersCollection", "members", false, []string{"number asc"}},
	{"shared/store/group.go Memberships", "membersCollection", "members", true, []string{"userID =="}},
	{"shared/store/inbox.go LatestPeers", "s.peers(", "conversations", false, []string{"members array-contains", "lastAt desc"}},
	{"shared/store/inbox.go Peers", "s.peers(", "conversations", false, []string{"members array-contains", "lastAt >", "lastAt desc"}},
	{"shared/store/inbox.go MessagesAfter", "s.messages(", "messages", false, []string{"orderKey >", "orderKey asc"}},
	{"shared/store/inbox.go MessagesBefore", "s.messages(", "messages", false, []string{"orderKey <", "orderKey desc"}},
	{"shared/store/inbox.go MessagesSince", "s.messages(", "messages", false, []string{"timestamp >", "timestamp asc"}},
	{"shared/store/inbox.go RingingCalls", "callsCollection", "calls", false, []string{"ringing array-contains"}},
	{"shared/store/presence.go LapsedUsers", "presenceCollection", "presence", false, []string{"shard ==", "sweepAt <=", "sweepAt asc"}},
	{"shared/store/presence.go StaleOwners", "tokensCollection", "tokens", false, []string{"day <=", "day asc"}},
	{"shared/store/trace.go Taken", "deliveriesCollection", "deliveries", false, []string{"took array-contains-any"}},
	{"shared/store/trace.go FindMessage", "messagesCollection", "messages", true, []string{"messageID =="}},

	{"functions/web/src/feed.ts after", "this.messages(", "messages", false, []string{"orderKey >", "orderKey asc"}},
	{"functions/web/src/feed.ts calls", `"calls"`, "calls", false, []string{"members array-contains", "createTime >", "createTime desc"}},
	{"functions/web/src/feed.ts changed", "this.messages(", "messages", false, []string{"changedAt >", "changedAt asc"}},
	{"functions/web/src/feed.ts follow", "this.messages(", "messages", false, []string{"orderKey >", "orderKey asc"}},
	{"functions/web/src/feed.ts memberships", `"members"`, "members", true, []string{"userID =="}},
	{"functions/web/src/feed.ts peers", `"conversations"`, "conversations", false, []string{"members array-contains", "lastAt >", "lastAt desc"}},
	{"functions/web/src/feed.ts since", "this.messages(", "messages", false, []string{"timestamp >", "timestamp asc"}},

	{"functions/README.md", "one's own conversations", "conversations", false, []string{"members array-contains"}},
	{"functions/README.md", "one's own calls", "calls", false, []string{"members array-contains"}},
	{"functions/README.md", "one's own memberships", "members", true, []string{"userID =="}},
	{"functions/README.md", "conversations/{cid}/messages", "messages", false, []string{"orderKey asc"}},
}

// index is what q needs, as "collection scope: field mode, …" with equalities
// first and the order last; empty where it needs none.
func (q query) index() string {
	var equal, ordered []string
	for _, ask := range q.asks {
		field, op, _ := strings.Cut(ask, " ")
		switch op {
		case "array-contains", "array-contains-any":
			equal = append(equal, field+" CONTAINS")
		case "==":
			equal = append(equal, field+" ASCENDING")
		case "desc":
			ordered = append(ordered, field+" DESCENDING")
		case "asc":
			ordered = append(ordered, field+" ASCENDING")
		default: // a range; the order is by its field, or Firestore refuses
			if !slices.Contains(q.asks, field+" asc") && !slices.Contains(q.asks, field+" desc") {
				ordered = append(ordered, field+" ASCENDING")
			}
		}
	}
	return indexName(q.collection, q.everywhere, append(equal, ordered...))
}

func indexName(collection string, everywhere bool, fields []string) string {
	scope := "COLLECTION"
	if everywhere {
		scope = "COLLECTION_GROUP"
	}
	return collection + " " + scope + ": " + strings.Join(fields, ", ")
}

// indexes is what firestore.tf has, as query.index names it.
func indexes(t *testing.T) (names []string) {
	t.Helper()
	text := read(t, "firestore.tf")
	mode := func(attributes string) string {
		if strings.Contains(attributes, "contains = true") {
			return "CONTAINS"
		}
		return regexp.MustCompile(`order = "(\w+)"`).FindStringSubmatch(attributes)[1]
	}
	block := regexp.MustCompile(`(?s)\n  indexed = \{\n(.*?)\n  \}\n`).FindStringSubmatch(text)[1]
	for _, line := range regexp.MustCompile(`(?m)^    "(\w+)\.(\w+)"\s*= \[(.*?)\]`).FindAllStringSubmatch(block, -1) {
		for _, one := range regexp.MustCompile(`\{(.*?)\}`).FindAllStringSubmatch(line[3], -1) {
			names = append(names, indexName(line[1], strings.Contains(one[1], "COLLECTION_GROUP"), []string{line[2] + " " + mode(one[1])}))
		}
	}
	if n := strings.Count(block, " = ["); n < 5 || n > len(names) {
		t.Fatalf("read %d of %d lines of indexed", len(names), n)
	}
	block = regexp.MustCompile(`(?s)\n  composites = \{\n(.*?)\n  \}\n`).FindStringSubmatch(text)[1]
	for _, one := range regexp.MustCompile(`(?s)collection = "(\w+)"\n\s*fields\s*= \[(.*?)\]\n`).FindAllStringSubmatch(block, -1) {
		var fields []string
		for _, f := range regexp.MustCompile(`\{ path = "(\w+)", (.*?) \}`).FindAllStringSubmatch(one[2], -1) {
			fields = append(fields, f[1]+" "+mode(f[2]))
		}
		names = append(names, indexName(one[1], false, fields))
	}
	if strings.Contains(block, "scope") {
		t.Fatal("composites have a scope now: read it")
	}
	return names
}

// Every query has its index: the collection, the fields, their order and scope.
// And nothing else is indexed.
func TestIndexes(t *testing.T) {
	var needed []string
	for _, q := range queries {
		needed = append(needed, q.index())
	}
	slices.Sort(needed)
	same(t, "indexes", indexes(t), slices.Compact(needed))
}

// The queries above are those in the code, and the other way round.
func TestQueriesAreTheCodes(t *testing.T) {
	declared := map[string]query{}
	for _, q := range queries {
		declared[q.by] = q
	}
	found := 0
	for by, body := range queryingFunctions(t) {
		q, ok := declared[by]
		if !ok {
			t.Errorf("%s isn't among the queries above", by)
			continue
		}
		found++
		if got := asksOf(body); !slices.Equal(got, slices.Sorted(slices.Values(q.asks))) {
			t.Errorf("%s asks %q, declared as %q", by, got, q.asks)
		}
		if !strings.Contains(body, q.through) || strings.Contains(body, "ollectionGroup(") != q.everywhere {
			t.Errorf("%s doesn't ask %s (%s), everywhere: %v", by, q.collection, q.through, q.everywhere)
		}
	}
	readme := strings.Join(strings.Fields(read(t, "../functions/README.md")), " ")
	for _, q := range queries {
		if q.by != "functions/README.md" {
			continue
		}
		found++
		field, op, _ := strings.Cut(q.asks[0], " ")
		if phrase := map[string]string{"array-contains": field + " array-contains", "==": field + " ==", "asc": "ordered by `" + field}[op]; !strings.Contains(readme, phrase) {
			t.Errorf("the API's README tells of no query with %q", phrase)
		}
	}
	if found != len(queries) {
		t.Errorf("%d of %d declared queries are made", found, len(queries))
	}
}

// queryingFunctions is the functions with queries, "file name" to body, what they
// add to in a helper included.
func queryingFunctions(t *testing.T) map[string]string {
	t.Helper()
	const helper = "peers" // whose callers are the queries
	out := map[string]string{}
	for pattern, start := range map[string]*regexp.Regexp{
		"../shared/store/*.go":      regexp.MustCompile(`(?m)^func (?:\(\w+ \*?\w+\) )?(\w+)`),
		"../functions/web/src/*.ts": regexp.MustCompile(`(?m)^(?:  |export )(?:private |async |function )*(\w+)[(<].*\{$`),
	} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, shared := read(t, file), ""
			starts := start.FindAllStringSubmatchIndex(text, -1)
			bodies := map[string]string{}
			for i, at := range starts {
				end := len(text)
				if i+1 < len(starts) {
					end = starts[i+1][0]
				}
				bodies[text[at[2]:at[3]]] += text[at[0]:end]
			}
			if strings.HasSuffix(file, ".go") {
				shared = bodies[helper]
				delete(bodies, helper)
			}
			for name, body := range bodies {
				if strings.Contains(body, "s."+helper+"(") {
					body += shared
				}
				if len(asksOf(body)) > 0 {
					out[strings.TrimPrefix(file, "../")+" "+name] = body
				}
			}
		}
	}
	return out
}

// asksOf is what the queries in a function's body ask, sorted.
func asksOf(body string) []string {
	asks := map[string]bool{}
	for _, m := range regexp.MustCompile(`\b[wW]here\("(\w+)", "([^"]+)"`).FindAllStringSubmatch(body, -1) {
		asks[m[1]+" "+m[2]] = true
	}
	for _, m := range regexp.MustCompile(`\b[oO]rderBy\("(\w+)"(?:, (?:firestore\.)?"?(\w+)"?)?\)`).FindAllStringSubmatch(body, -1) {
		asks[m[1]+" "+strings.ToLower(m[2]+map[bool]string{true: "asc"}[m[2] == ""])] = true
	}
	return slices.Sorted(maps.Keys(asks))
}

// Every collection of the code has its rules for growing, and no other is there.
func TestCollections(t *testing.T) {
	files, err := filepath.Glob("../shared/store/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var code, named []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^(?:const |\t)\w+Collection\s*= "(\w+)"`).FindAllStringSubmatch(string(text), -1) {
			code = append(code, m[1])
		}
	}
	block := regexp.MustCompile(`(?s)\n  collections = \{\n(.*?)\n  \}\n`).FindStringSubmatch(read(t, "firestore.tf"))[1]
	ttl := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^    (\w+)\s*= \{(.*)\}`).FindAllStringSubmatch(block, -1) {
		named = append(named, m[1])
		ttl[m[1]] = strings.Contains(m[2], `ttl = "expireAt"`)
		if !ttl[m[1]] && !regexp.MustCompile(`owner = "[^"]{10,}"`).MatchString(m[2]) {
			t.Errorf("%s grows and has neither a ttl nor an owner", m[1])
		}
	}
	same(t, "collections", named, code)

	// What the schema says of TTLs is what there is.
	said := map[string]bool{}
	for _, file := range []string{"firestore.go", "call.go"} {
		for _, m := range regexp.MustCompile(`(?m)^//\t\S*?(\w+)/\{[^}]*\} .*$`).FindAllStringSubmatch(read(t, "../shared/store/"+file), -1) {
			said[m[1]] = strings.Contains(m[0], "TTL: expireAt")
		}
	}
	if fmt.Sprint(said) != fmt.Sprint(ttl) {
		t.Errorf("TTLs are %v, and the schema says %v", ttl, said)
	}
}
