package group_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/store"
)

// world is the service on a store in memory, with a clock.
type world struct {
	*testing.T
	db  *store.Memory
	s   *group.Service
	now time.Time
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, db: &store.Memory{}, now: time.UnixMilli(1_700_000_000_000)}
	w.s = &group.Service{Store: w.db, Now: func() time.Time { return w.now }, MaxMembers: 1000}
	return w
}

var ctx = context.Background()

// made is a group "g" of olga (owner), adam (admin) and rita, changed by edits.
func (w *world) made(edits ...func(*group.CreateRequest)) *world {
	r := &group.CreateRequest{GroupInfo: &group.BaseInfo{GroupID: "g", GroupName: "n"}, UserIDs: []string{"adam", "rita"}, Config: &group.CreateConfig{}}
	for _, edit := range edits {
		edit(r)
	}
	if _, err := w.s.Create(ctx, "olga", r); err != nil {
		w.Fatal(err)
	}
	if _, err := w.s.SetRole(ctx, "olga", &group.RoleRequest{GroupID: "g", ForUserID: "adam", Role: group.Admin}); err != nil {
		w.Fatal(err)
	}
	return w
}

// roles is the roles by member, and whether the group is still there.
func (w *world) roles(groupID string) map[string]group.Role {
	members, err := w.db.Members(ctx, group.CID(groupID), 0, 1_000_000)
	if err != nil {
		w.Fatal(err)
	}
	out := map[string]group.Role{}
	for _, m := range members {
		out[m.UserID] = m.Role
	}
	return out
}

var three = map[string]group.Role{"olga": group.Owner, "adam": group.Admin, "rita": group.Regular}

func (w *world) want(roles map[string]group.Role) {
	w.Helper()
	if got := w.roles("g"); !reflect.DeepEqual(got, roles) {
		w.Errorf("members %v, want %v", got, roles)
	}
	if problems := w.problems("g"); problems != nil {
		w.Errorf("%q", problems)
	}
}

// problems is what doesn't agree of a group's members, roster and counts.
func (w *world) problems(groupID string) (out []string) {
	cid := group.CID(groupID)
	c, _, err := w.db.ReadGroup(ctx, cid, nil)
	if err != nil {
		w.Fatal(err)
	}
	members, err := w.db.Members(ctx, cid, 0, 1_000_000)
	if err != nil {
		w.Fatal(err)
	}
	if c == nil || c.Dismissed {
		c = &chat.Conversation{} // then nobody and nothing is left
	}
	if c.MemberCount != len(members) || c.MemberCount > c.MaxMembers {
		out = append(out, fmt.Sprintf("%d members of at most %d are counted as %d", len(members), c.MaxMembers, c.MemberCount))
	}
	counts, owners, numbers := make([]int, len(c.Chunks)), 0, map[int64]bool{}
	for _, m := range members {
		entries, err := w.db.Roster(ctx, cid, m.Chunk)
		if err != nil || entries[m.UserID] != m.Entry() {
			out = append(out, fmt.Sprintf("%+v has entry %+v", m, entries[m.UserID]))
		}
		if m.Chunk >= len(counts) {
			out = append(out, fmt.Sprintf("%+v is in a chunk beyond %v", m, c.Chunks))
			continue
		}
		counts[m.Chunk]++
		if m.Role == group.Owner {
			owners++
		}
		if numbers[m.Number] || m.Number < 1 || m.Number > c.Joined {
			out = append(out, fmt.Sprintf("number %d of %d is out of order", m.Number, c.Joined))
		}
		numbers[m.Number] = true
	}
	entries := 0
	for n := range len(counts) + 2 {
		chunk, err := w.db.Roster(ctx, cid, n)
		if err != nil {
			w.Fatal(err)
		}
		entries += len(chunk)
	}
	if !slices.Equal(counts, c.Chunks) && len(counts)+len(c.Chunks) > 0 || entries != len(members) {
		out = append(out, fmt.Sprintf("chunks hold %v and %d entries, counted as %v", counts, entries, c.Chunks))
	}
	if len(members) > 0 && owners != 1 {
		out = append(out, fmt.Sprintf("%d owners", owners))
	}
	return out
}

func TestCreate(t *testing.T) {
	w := newWorld(t)
	r := &group.CreateRequest{
		GroupInfo: &group.BaseInfo{GroupID: "g", GroupName: "n", GroupAvatarURL: "https://a.example/"}, UserIDs: []string{"adam", "olga", "rita", "adam"},
		Config: &group.CreateConfig{GroupNotice: "no", MaxMemberCount: 2, JoinMode: chat.JoinForbid, InviteMode: chat.InviteAdmin},
	}
	at := w.now.UnixMilli()
	want := group.Created{
		GroupInfo: group.FullInfo{
			BaseInfo: *r.GroupInfo, GroupNotice: "no", CreateTime: at, MaxMemberCount: 2, MemberCount: 2,
			VerifyInfo: group.VerifyInfo{JoinMode: chat.JoinForbid, InviteMode: chat.InviteAdmin}, NotificationStatus: group.Notify,
		},
		UserList:      []group.MemberInfo{{"olga", group.Owner, at}, {"adam", group.Regular, at}},
		ErrorUserList: []group.ErrorUser{{"rita", fault.GroupMemberLimit}},
	}
	for range 2 { // the second time later, and it makes no difference
		if got, err := w.s.Create(ctx, "olga", r); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
		}
		w.now = w.now.Add(time.Hour)
	}
	w.want(map[string]group.Role{"olga": group.Owner, "adam": group.Regular})
}

// A create that is repeated later doesn't bring back who has gone, and says that
// they have, not that there is no room.
func TestCreateAgain(t *testing.T) {
	w := newWorld(t).made()
	for _, err := range []error{
		second(w.s.Leave(ctx, "rita", &group.Request{GroupID: "g"})),
		second(w.s.Kick(ctx, "olga", &group.UsersRequest{GroupID: "g", UserIDs: []string{"adam"}})),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	out, err := w.s.Create(ctx, "olga", &group.CreateRequest{GroupInfo: &group.BaseInfo{GroupID: "g", GroupName: "n"}, UserIDs: []string{"adam", "rita"}})
	gone := []group.ErrorUser{{"adam", fault.GroupUserIsNotInTheGroup}, {"rita", fault.GroupUserIsNotInTheGroup}}
	if err != nil || len(out.UserList) != 1 || !reflect.DeepEqual(out.ErrorUserList, gone) {
		t.Errorf("got %+v, %v", out, err)
	}
	w.want(map[string]group.Role{"olga": group.Owner})
}

func TestCreateWithoutID(t *testing.T) {
	w := newWorld(t)
	ids := map[string]bool{}
	for range 3 {
		out, err := w.s.Create(ctx, "olga", &group.CreateRequest{GroupInfo: &group.BaseInfo{GroupName: "n"}})
		id := out.GroupInfo.BaseInfo.GroupID
		if err != nil || ids[id] || len(id) > group.MaxGroupIDBytes || chat.CheckID("", id) != nil || out.GroupInfo.MaxMemberCount != 1000 {
			t.Errorf("got %+v, %v", out, err)
		}
		ids[id] = true
	}
}

// Each is done by somebody in the group of three, and what becomes of it.
func TestOperations(t *testing.T) {
	type roles = map[string]group.Role
	const owner, admin, regular = group.Owner, group.Admin, group.Regular
	whole := &group.Request{GroupID: "g"}
	join := func(who string) func(*world) (any, error) {
		return func(w *world) (any, error) { return w.s.Join(ctx, who, whole) }
	}
	leave := func(who string) func(*world) (any, error) {
		return func(w *world) (any, error) { return w.s.Leave(ctx, who, whole) }
	}
	dismiss := func(who string) func(*world) (any, error) {
		return func(w *world) (any, error) { return w.s.Dismiss(ctx, who, whole) }
	}
	invite := func(who string, ids ...string) func(*world) (any, error) {
		return func(w *world) (any, error) {
			out, err := w.s.Invite(ctx, who, &group.UsersRequest{GroupID: "g", UserIDs: ids})
			return out.ErrorUserList, err
		}
	}
	kick := func(who string, ids ...string) func(*world) (any, error) {
		return func(w *world) (any, error) {
			out, err := w.s.Kick(ctx, who, &group.UsersRequest{GroupID: "g", UserIDs: ids})
			return out.ErrorUserList, err
		}
	}
	setRole := func(who, whose string, r group.Role) func(*world) (any, error) {
		return func(w *world) (any, error) {
			return w.s.SetRole(ctx, who, &group.RoleRequest{GroupID: "g", ForUserID: whose, Role: r})
		}
	}
	transfer := func(who, to string) func(*world) (any, error) {
		return func(w *world) (any, error) {
			return w.s.Transfer(ctx, who, &group.TransferRequest{GroupID: "g", ToUserID: to})
		}
	}
	four := roles{"olga": owner, "adam": admin, "rita": regular, "nora": regular}
	mode := func(j chat.JoinMode, i chat.InviteMode) func(*group.CreateRequest) {
		return func(r *group.CreateRequest) { r.Config.JoinMode, r.Config.InviteMode = j, i }
	}
	open, onlyAdmins := mode(chat.JoinAny, chat.InviteAny), mode(chat.JoinAny, chat.InviteAdmin)
	full := func(r *group.CreateRequest) { r.Config.MaxMemberCount = 3 }
	none := []group.ErrorUser{}
	for name, tc := range map[string]struct {
		group  func(*group.CreateRequest)
		do     func(*world) (any, error)
		code   fault.Code
		errors []group.ErrorUser // nil: the answer has none
		want   roles
	}{
		"join":                   {open, join("nora"), 0, nil, four},
		"join again":             {open, join("rita"), 0, nil, three},
		"join, owner":            {open, join("olga"), 0, nil, three},
		"join, auth":             {mode(chat.JoinAuth, 0), join("nora"), fault.GroupNeedApplyJoin, nil, three},
		"join, forbidden":        {mode(chat.JoinForbid, 0), join("nora"), fault.GroupForbidJoin, nil, three},
		"join again, forbidden":  {mode(chat.JoinForbid, 0), join("rita"), 0, nil, three},
		"join, full":             {full, join("nora"), fault.GroupMemberLimit, nil, three},
		"join again, full":       {full, join("rita"), 0, nil, three},
		"leave":                  {open, leave("rita"), 0, nil, roles{"olga": owner, "adam": admin}},
		"leave, admin":           {open, leave("adam"), 0, nil, roles{"olga": owner, "rita": regular}},
		"leave, owner":           {open, leave("olga"), fault.GroupCommon, nil, three},
		"leave, stranger":        {open, leave("nora"), 0, nil, three},
		"invite":                 {open, invite("rita", "nora", "nora"), 0, none, four},
		"invite, admins only":    {onlyAdmins, invite("rita", "nora"), fault.GroupNoAuthority, nil, three},
		"invite, by admin":       {onlyAdmins, invite("adam", "nora"), 0, none, four},
		"invite into forbidden":  {mode(chat.JoinForbid, 0), invite("adam", "nora"), 0, none, four},
		"invite, by a stranger":  {open, invite("nora", "nora"), fault.GroupUserIsNotInTheGroup, nil, three},
		"invite members":         {open, invite("olga", "rita", "nora", "olga"), 0, []group.ErrorUser{{"rita", fault.GroupMemberAlreadyIn}, {"olga", fault.GroupMemberAlreadyIn}}, four},
		"invite, full":           {full, invite("olga", "nora", "rita"), 0, []group.ErrorUser{{"nora", fault.GroupMemberLimit}, {"rita", fault.GroupMemberAlreadyIn}}, three},
		"kick":                   {open, kick("olga", "rita", "adam", "adam"), 0, none, roles{"olga": owner}},
		"kick, by admin":         {open, kick("adam", "rita", "olga", "adam"), 0, []group.ErrorUser{{"olga", fault.GroupNoAuthority}, {"adam", fault.GroupNoAuthority}}, roles{"olga": owner, "adam": admin}},
		"kick, by member":        {open, kick("rita", "adam"), fault.GroupNoAuthority, nil, three},
		"kick, by a stranger":    {open, kick("nora", "rita"), fault.GroupUserIsNotInTheGroup, nil, three},
		"kick the absent":        {open, kick("olga", "nora"), 0, []group.ErrorUser{{"nora", fault.GroupUserIsNotInTheGroup}}, three},
		"kick oneself":           {open, kick("olga", "olga"), 0, []group.ErrorUser{{"olga", fault.GroupNoAuthority}}, three},
		"role":                   {open, setRole("olga", "rita", admin), 0, nil, roles{"olga": owner, "adam": admin, "rita": admin}},
		"role again":             {open, setRole("olga", "adam", admin), 0, nil, three},
		"role down":              {open, setRole("olga", "adam", regular), 0, nil, roles{"olga": owner, "adam": regular, "rita": regular}},
		"role, by admin":         {open, setRole("adam", "rita", admin), fault.GroupNoAuthority, nil, three},
		"role of a stranger":     {open, setRole("olga", "nora", admin), fault.GroupUserIsNotInTheGroup, nil, three},
		"transfer":               {open, transfer("olga", "rita"), 0, nil, roles{"olga": regular, "adam": admin, "rita": owner}},
		"transfer to oneself":    {open, transfer("olga", "olga"), 0, nil, three},
		"transfer, repeated":     {open, transfer("rita", "olga"), 0, nil, three},
		"transfer, by admin":     {open, transfer("adam", "rita"), fault.GroupNoAuthority, nil, three},
		"transfer to a stranger": {open, transfer("olga", "nora"), fault.GroupUserIsNotInTheGroup, nil, three},
		"dismiss":                {open, dismiss("olga"), 0, nil, roles{}},
		"dismiss, by admin":      {open, dismiss("adam"), fault.GroupNoAuthority, nil, three},
		"dismiss, by a stranger": {open, dismiss("nora"), fault.GroupUserIsNotInTheGroup, nil, three},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t).made(tc.group)
			got, err := tc.do(w)
			if tc.code != 0 && fault.From(err).Code != tc.code || tc.code == 0 && err != nil {
				t.Errorf("got %v, want code %d", err, tc.code)
			}
			if e, ok := got.([]group.ErrorUser); ok && err == nil && !reflect.DeepEqual(e, tc.errors) {
				t.Errorf("errorUserList %v, want %v", e, tc.errors)
			}
			w.want(tc.want)
			// Once more, it leaves the same.
			if tc.code == 0 {
				_, _ = tc.do(w)
				w.want(tc.want)
			}
		})
	}
}

// Nothing works in a group that isn't there, or not any more.
func TestNoGroup(t *testing.T) {
	for name, tc := range map[string]struct {
		prepare func(*world)
		create  fault.Code
	}{
		"never was":     {func(*world) {}, 0},
		"dismissed":     {func(w *world) { w.made(); w.dismiss() }, fault.GroupDismissed},
		"being cleared": {func(w *world) { w.made(); w.half() }, fault.GroupDismissed},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tc.prepare(w)
			members := w.roles("g")
			group2 := chat.Group
			for what, err := range map[string]error{
				"join":     second(w.s.Join(ctx, "rita", &group.Request{GroupID: "g"})),
				"leave":    second(w.s.Leave(ctx, "rita", &group.Request{GroupID: "g"})),
				"info":     second(w.s.Info(ctx, "rita", &group.Request{GroupID: "g"})),
				"dismiss":  second(w.s.Dismiss(ctx, "rita", &group.Request{GroupID: "g"})),
				"invite":   second(w.s.Invite(ctx, "adam", &group.UsersRequest{GroupID: "g", UserIDs: []string{"nora"}})),
				"kick":     second(w.s.Kick(ctx, "adam", &group.UsersRequest{GroupID: "g", UserIDs: []string{"rita"}})),
				"members":  second(w.s.Members(ctx, "adam", &group.MembersRequest{GroupID: "g", Count: 1})),
				"role":     second(w.s.SetRole(ctx, "olga", &group.RoleRequest{GroupID: "g", ForUserID: "rita", Role: group.Admin})),
				"transfer": second(w.s.Transfer(ctx, "olga", &group.TransferRequest{GroupID: "g", ToUserID: "rita"})),
				"status":   second(w.s.SetStatus(ctx, "rita", &group.StatusRequest{Status: group.Notify, ConversationID: "g", ConversationType: &group2})),
			} {
				if e := fault.From(err); err == nil || e.Code != fault.GroupDoesNotExist || e.Status != fault.NotFound {
					t.Errorf("%s: %v", what, err)
				}
			}
			if got := w.roles("g"); !reflect.DeepEqual(got, members) {
				t.Errorf("members %v, before %v", got, members)
			}
			_, err := w.s.Create(ctx, "olga", &group.CreateRequest{GroupInfo: &group.BaseInfo{GroupID: "g", GroupName: "n"}})
			if tc.create != 0 && fault.From(err).Code != tc.create || tc.create == 0 && err != nil {
				t.Errorf("create: %v", err)
			}
		})
	}
}

func second[T any](_ T, err error) error { return err }

func (w *world) dismiss() {
	if _, err := w.s.Dismiss(ctx, "olga", &group.Request{GroupID: "g"}); err != nil {
		w.Fatal(err)
	}
}

// half dismisses, and breaks off before any member is removed.
func (w *world) half() {
	down := errors.New("store is down")
	s := *w.s
	s.Store = &failing{Store: w.db, clear: down}
	if _, err := s.Dismiss(ctx, "olga", &group.Request{GroupID: "g"}); !errors.Is(err, down) {
		w.Fatal(err)
	}
	w.now = w.now.Add(time.Minute)
}

// failing is a store with an error in the place of calls.
type failing struct {
	group.Store
	clear, all error
}

func (f *failing) ClearGroup(context.Context, string, int) (bool, error) { return false, f.clear }

func (f *failing) ChangeGroup(ctx context.Context, cid string, ids []string, do func(*chat.Conversation, map[string]group.Member) (*group.Change, error)) error {
	return errors.Join(f.all, f.Store.ChangeGroup(ctx, cid, ids, do))
}

func (f *failing) ReadGroup(context.Context, string, []string) (*chat.Conversation, map[string]group.Member, error) {
	return nil, nil, f.all
}

func (f *failing) ClearingGroups(ctx context.Context, limit int) ([]string, error) {
	cids, err := f.Store.ClearingGroups(ctx, limit)
	return cids, errors.Join(f.all, err)
}

func (f *failing) Memberships(context.Context, string, string, int) ([]group.Member, error) {
	return nil, f.all
}

// A dismissal that broke off is finished by its repeat, however large the group.
func TestDismissGoesOn(t *testing.T) {
	w := newWorld(t).made()
	var ids []string
	for i := range 900 {
		ids = append(ids, fmt.Sprint("u", i))
	}
	for part := range slices.Chunk(ids, group.MaxUsers) {
		if _, err := w.s.Invite(ctx, "olga", &group.UsersRequest{GroupID: "g", UserIDs: part}); err != nil {
			t.Fatal(err)
		}
	}
	w.half()
	if len(w.roles("g")) != 903 {
		t.Fatalf("%d members are left", len(w.roles("g")))
	}
	for n := range 4 { // a message that is on its way finds nobody
		if entries, err := w.db.Roster(ctx, group.CID("g"), n); err != nil || entries != nil {
			t.Errorf("roster chunk %d of %d members is left, %v", n, len(entries), err)
		}
	}
	page, err := w.s.Mine(ctx, "rita", &group.MineRequest{Count: 10})
	if err != nil || len(page.GroupList) != 0 {
		t.Errorf("a member still sees %+v, %v", page, err)
	}
	for range 2 {
		w.dismiss()
		w.want(map[string]group.Role{})
	}
	// A clock past the budget ends the request, not the dismissal.
	slow := newWorld(t).made()
	slow.s.Now = func() time.Time { slow.now = slow.now.Add(time.Hour); return slow.now }
	slow.dismiss()
	slow.dismiss()
	slow.want(map[string]group.Role{})
}

// Nobody need repeat a dismissal that broke off or takes long: the sweep finds
// what is left, in steps, and then nothing any more.
func TestClear(t *testing.T) {
	w := newWorld(t).made()
	w.half()
	if n, err := w.s.Clear(ctx); n != 1 || err != nil {
		t.Errorf("finished %d, %v", n, err)
	}
	w.want(map[string]group.Role{})
	if n, err := w.s.Clear(ctx); n != 0 || err != nil {
		t.Errorf("then finished %d, %v", n, err)
	}

	large := newWorld(t).made()
	for i := range 6 {
		r := &group.UsersRequest{GroupID: "g"}
		for n := range group.MaxUsers {
			r.UserIDs = append(r.UserIDs, fmt.Sprint("u", i*group.MaxUsers+n))
		}
		if _, err := large.s.Invite(ctx, "olga", r); err != nil {
			t.Fatal(err)
		}
	}
	large.s.Now = func() time.Time { large.now = large.now.Add(time.Hour); return large.now } // each step uses up the budget
	large.dismiss()
	for _, left := range []int{603 - 2*250, 0} { // dismissing took the first step
		if n, err := large.s.Clear(ctx); n != 0 || err != nil || len(large.roles("g")) != left {
			t.Fatalf("finished %d, %v; %d members are left, want %d", n, err, len(large.roles("g")), left)
		}
	}
	if n, err := large.s.Clear(ctx); n != 1 || err != nil {
		t.Errorf("finished %d, %v", n, err)
	}

	down := errors.New("store is down")
	w = newWorld(t).made()
	w.half()
	w.s.Store = &failing{Store: w.db, clear: down}
	if _, err := w.s.Clear(ctx); !errors.Is(err, down) {
		t.Errorf("removing fails: %v", err)
	}
	w.s.Store = &failing{Store: w.db, all: down}
	if _, err := w.s.Clear(ctx); !errors.Is(err, down) {
		t.Errorf("looking for groups fails: %v", err)
	}
}
