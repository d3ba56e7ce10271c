// SPDX-License-Identifier: Apache-2.0

package devzone_test

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	mdns "github.com/miekg/dns"

	"sesame/internal/core/devzone"
	"sesame/internal/core/store"
	"sesame/internal/testkit/storetest"
)

func newZones(db *store.DB) *devzone.Zones {
	return devzone.New(devzone.Options{
		DB: db, NameServer: "ns.sesame.test", Except: []string{"sesame.test", "amazonses.com"}, Log: slog.New(slog.DiscardHandler),
	})
}

// at is what is at a name, without the serial of the zone.
func at(t testing.TB, z *devzone.Zones, name string) string {
	t.Helper()
	node, ok, err := z.At(t.Context(), mdns.Fqdn(name))
	switch {
	case err != nil:
		t.Fatal(err)
	case !ok:
		return "not ours"
	case !node.Exists:
		return "no such name"
	}
	var lines []string
	for _, rr := range node.Records {
		if rr.Header().Rrtype == mdns.TypeSOA {
			lines = append(lines, fmt.Sprint("SOA of ", node.SOA.Hdr.Name))
			continue
		}
		lines = append(lines, strings.Join(strings.Fields(rr.String()), " "))
	}
	slices.Sort(lines)
	return strings.Join(lines, "; ")
}

func serial(t testing.TB, z *devzone.Zones, zone string) uint32 {
	t.Helper()
	node, _, err := z.At(t.Context(), mdns.Fqdn(zone))
	if err != nil {
		t.Fatal(err)
	}
	return node.SOA.Serial
}

// rr reads a record as nsupdate writes it: "a.test. 60 TXT x". The class of an update
// stands for what to do.
func rr(text string) mdns.RR {
	r, err := mdns.NewRR(text)
	if err != nil {
		panic(err)
	}
	return r
}

// update makes a message of lines: "add RR", "del RR", "delset NAME TYPE", "delname NAME",
// and the prerequisites "yx NAME", "nx NAME", "yxset NAME TYPE", "nxset NAME TYPE" and
// "is RR" (RFC 2136 §2.4, §2.5).
func update(zone string, lines ...string) *mdns.Msg {
	m := new(mdns.Msg).SetUpdate(mdns.Fqdn(zone))
	empty := func(text string) []mdns.RR {
		f := strings.Fields(text)
		t := mdns.TypeANY
		if len(f) > 1 {
			t = mdns.StringToType[f[1]]
		}
		return []mdns.RR{&mdns.ANY{Hdr: mdns.RR_Header{Name: f[0], Rrtype: t}}}
	}
	for _, l := range lines {
		verb, rest, _ := strings.Cut(l, " ")
		switch verb {
		case "add":
			m.Insert([]mdns.RR{rr(rest)})
		case "del":
			m.Remove([]mdns.RR{rr(rest)})
		case "delset":
			m.RemoveRRset(empty(rest))
		case "delname":
			m.RemoveName(empty(rest))
		case "yx":
			m.NameUsed(empty(rest))
		case "nx":
			m.NameNotUsed(empty(rest))
		case "yxset":
			m.RRsetUsed(empty(rest))
		case "nxset":
			m.RRsetNotUsed(empty(rest))
		case "is":
			m.Used([]mdns.RR{rr(rest)})
		default:
			panic(l)
		}
	}
	// As it comes over the wire.
	b, err := m.Pack()
	if err != nil {
		panic(err)
	}
	out := new(mdns.Msg)
	if err := out.Unpack(b); err != nil {
		panic(err)
	}
	return out
}

func TestEveryDomainHasAZone(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		z := newZones(db)
		for name, want := range map[string]string{
			"example.com":          "SOA of example.com.; example.com. 3600 IN NS ns.sesame.test.",
			"example.co.uk":        "SOA of example.co.uk.; example.co.uk. 3600 IN NS ns.sesame.test.",
			"example.test":         "SOA of example.test.; example.test. 3600 IN NS ns.sesame.test.",
			"www.example.com":      "no such name",
			"_x._domainkey.a.test": "no such name",
			"com":                  "not ours",
			"co.uk":                "not ours",
			".":                    "not ours",
			"sesame.test":          "not ours",
			"a.sesame.test":        "not ours",
			"x.dkim.amazonses.com": "not ours",
		} {
			if got := at(t, z, name); got != want {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
		}
	})
}

func TestUpdates(t *testing.T) {
	t.Parallel()
	const (
		soa  = "SOA of a.test.; "
		ns   = "a.test. 3600 IN NS ns.sesame.test."
		noOp = true
	)
	for _, tc := range []struct {
		why    string
		before []string // an update that goes first
		lines  []string
		rcode  int
		name   string
		want   string
		same   bool // nothing changes, so that the serial stays
	}{
		{"add a record", nil, []string{`add w.a.test. 60 TXT "x"`}, 0, "w.a.test", `w.a.test. 60 IN TXT "x"`, false},
		{"names are kept in lower case", nil, []string{`add W.A.Test. 60 TXT "x"`}, 0, "w.a.test", `w.a.test. 60 IN TXT "x"`, false},
		{"add to a set", []string{"add w.a.test. 60 A 192.0.2.1"}, []string{"add w.a.test. 60 A 192.0.2.2"}, 0, "w.a.test",
			"w.a.test. 60 IN A 192.0.2.1; w.a.test. 60 IN A 192.0.2.2", false},
		{"add what is there", []string{"add w.a.test. 60 A 192.0.2.1"}, []string{"add w.a.test. 60 A 192.0.2.1"}, 0, "w.a.test",
			"w.a.test. 60 IN A 192.0.2.1", noOp},
		{"a set has one TTL, the last", []string{"add w.a.test. 60 A 192.0.2.1"}, []string{"add w.a.test. 90 A 192.0.2.2"}, 0, "w.a.test",
			"w.a.test. 90 IN A 192.0.2.1; w.a.test. 90 IN A 192.0.2.2", false},
		{"an alias takes the place of an alias", []string{"add w.a.test. 60 CNAME x.b.test."}, []string{"add w.a.test. 60 CNAME y.b.test."}, 0,
			"w.a.test", "w.a.test. 60 IN CNAME y.b.test.", false},
		{"an alias does not stand beside others", []string{"add w.a.test. 60 A 192.0.2.1"}, []string{"add w.a.test. 60 CNAME x.b.test."}, 0,
			"w.a.test", "w.a.test. 60 IN A 192.0.2.1", noOp},
		{"others do not stand beside an alias", []string{"add w.a.test. 60 CNAME x.b.test."}, []string{"add w.a.test. 60 A 192.0.2.1"}, 0,
			"w.a.test", "w.a.test. 60 IN CNAME x.b.test.", noOp},
		{"delete a record", []string{"add w.a.test. 60 A 192.0.2.1", "add w.a.test. 60 A 192.0.2.2"}, []string{"del w.a.test. 0 A 192.0.2.1"}, 0,
			"w.a.test", "w.a.test. 60 IN A 192.0.2.2", false},
		{"delete a record that is not there", nil, []string{"del w.a.test. 0 A 192.0.2.1"}, 0, "w.a.test", "no such name", noOp},
		{"delete a set", []string{"add w.a.test. 60 A 192.0.2.1", `add w.a.test. 60 TXT "x"`}, []string{"delset w.a.test. A"}, 0,
			"w.a.test", `w.a.test. 60 IN TXT "x"`, false},
		{"delete a name", []string{"add w.a.test. 60 A 192.0.2.1", `add w.a.test. 60 TXT "x"`}, []string{"delname w.a.test."}, 0,
			"w.a.test", "no such name", false},
		{"delete and add at once replaces", []string{"add w.a.test. 60 A 192.0.2.1"}, []string{"delset w.a.test. A", "add w.a.test. 60 A 192.0.2.9"}, 0,
			"w.a.test", "w.a.test. 60 IN A 192.0.2.9", false},
		{"the apex keeps its start and its servers", []string{`add a.test. 60 TXT "x"`}, []string{"delname a.test."}, 0, "a.test", soa + ns, false},
		{"and if they are named", nil, []string{"delset a.test. NS", "delset a.test. SOA"}, 0, "a.test", soa + ns, noOp},
		{"the last server stays", nil, []string{"del a.test. 0 NS ns.sesame.test."}, 0, "a.test", soa + ns, noOp},
		{"not so one of two", []string{"add a.test. 60 NS other.test."}, []string{"del a.test. 0 NS ns.sesame.test."}, 0, "a.test",
			soa + "a.test. 60 IN NS other.test.", false},
		{"an older start is left out", nil, []string{"add a.test. 60 SOA x. y. 0 1 1 1 1"}, 0, "a.test", soa + ns, noOp},
		{"a name in use", []string{"add w.a.test. 60 A 192.0.2.1"}, []string{"yx w.a.test.", `add v.a.test. 60 TXT "x"`}, 0, "v.a.test", `v.a.test. 60 IN TXT "x"`, false},
		{"a name that should be in use", nil, []string{"yx w.a.test.", `add v.a.test. 60 TXT "x"`}, mdns.RcodeNameError, "v.a.test", "no such name", noOp},
		{"a name that should not be", []string{"add w.a.test. 60 A 192.0.2.1"}, []string{"nx w.a.test.", `add v.a.test. 60 TXT "x"`}, mdns.RcodeYXDomain,
			"v.a.test", "no such name", noOp},
		{"a name that is not", nil, []string{"nx w.a.test.", `add v.a.test. 60 TXT "x"`}, 0, "v.a.test", `v.a.test. 60 IN TXT "x"`, false},
		{"a set that should be there", []string{"add w.a.test. 60 A 192.0.2.1"}, []string{"yxset w.a.test. TXT", `add v.a.test. 60 TXT "x"`},
			mdns.RcodeNXRrset, "v.a.test", "no such name", noOp},
		{"a set that should not", []string{"add w.a.test. 60 A 192.0.2.1"}, []string{"nxset w.a.test. A", `add v.a.test. 60 TXT "x"`},
			mdns.RcodeYXRrset, "v.a.test", "no such name", noOp},
		{"a set that is as it should be, but for its TTL", []string{"add w.a.test. 60 A 192.0.2.1", "add w.a.test. 60 A 192.0.2.2"},
			[]string{"is w.a.test. 0 A 192.0.2.2", "is w.a.test. 0 A 192.0.2.1", `add v.a.test. 60 TXT "x"`}, 0, "v.a.test", `v.a.test. 60 IN TXT "x"`, false},
		{"a set with more than it should have", []string{"add w.a.test. 60 A 192.0.2.1", "add w.a.test. 60 A 192.0.2.2"},
			[]string{"is w.a.test. 0 A 192.0.2.2", `add v.a.test. 60 TXT "x"`}, mdns.RcodeNXRrset, "v.a.test", "no such name", noOp},
		{"a prerequisite of another zone", nil, []string{"yx w.b.test."}, mdns.RcodeNotZone, "w.a.test", "no such name", noOp},
		{"a record of another zone, and nothing before it", nil, []string{`add v.a.test. 60 TXT "x"`, `add v.b.test. 60 TXT "x"`}, mdns.RcodeNotZone,
			"v.a.test", "no such name", noOp},
		{"a record of no class", nil, []string{`add v.a.test. 60 CH TXT "x"`}, 0, "v.a.test", `v.a.test. 60 IN TXT "x"`, false}, // Insert writes the zone's class
	} {
		t.Run(tc.why, func(t *testing.T) {
			t.Parallel()
			z := newZones(storetest.SQLite(t))
			if tc.before != nil {
				if rcode := z.Update(t.Context(), update("a.test", tc.before...)); rcode != 0 {
					t.Fatal(mdns.RcodeToString[rcode])
				}
			}
			was := serial(t, z, "a.test")
			if rcode := z.Update(t.Context(), update("a.test", tc.lines...)); rcode != tc.rcode {
				t.Errorf("%s, want %s", mdns.RcodeToString[rcode], mdns.RcodeToString[tc.rcode])
			}
			if got := at(t, z, tc.name); got != tc.want {
				t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
			}
			if now := serial(t, z, "a.test"); (now == was) != tc.same || now < was {
				t.Errorf("the serial went from %d to %d", was, now)
			}
		})
	}
}

func TestMalformedUpdates(t *testing.T) {
	t.Parallel()
	z := newZones(storetest.SQLite(t))
	hdr := func(rtype, class uint16, ttl uint32) mdns.RR {
		return &mdns.ANY{Hdr: mdns.RR_Header{Name: "w.a.test.", Rrtype: rtype, Class: class, Ttl: ttl}}
	}
	ok := func() *mdns.Msg { return update("a.test", "add w.a.test. 60 A 192.0.2.1") }
	for _, tc := range []struct {
		why    string
		change func(m *mdns.Msg)
		rcode  int
	}{
		{"another zone than one of ours", func(m *mdns.Msg) { m.Question[0].Name = "w.a.test." }, mdns.RcodeNotAuth},
		{"a zone of somebody else", func(m *mdns.Msg) { m.Question[0].Name = "sesame.test." }, mdns.RcodeNotAuth},
		{"no zone", func(m *mdns.Msg) { m.Question = nil }, mdns.RcodeFormatError},
		{"a zone of another type", func(m *mdns.Msg) { m.Question[0].Qtype = mdns.TypeA }, mdns.RcodeFormatError},
		{"a zone of another class", func(m *mdns.Msg) { m.Question[0].Qclass = mdns.ClassCHAOS }, mdns.RcodeFormatError},
		{"a prerequisite with a TTL", func(m *mdns.Msg) { m.Answer = append(m.Answer, hdr(mdns.TypeANY, mdns.ClassANY, 1)) }, mdns.RcodeFormatError},
		{"a prerequisite of another class", func(m *mdns.Msg) { m.Answer = append(m.Answer, hdr(mdns.TypeANY, mdns.ClassCHAOS, 0)) }, mdns.RcodeFormatError},
		{"a prerequisite of a type of questions", func(m *mdns.Msg) { m.Answer = append(m.Answer, hdr(mdns.TypeAXFR, mdns.ClassANY, 0)) }, mdns.RcodeFormatError},
		{"a set to delete with a TTL", func(m *mdns.Msg) { m.Ns = append(m.Ns, hdr(mdns.TypeA, mdns.ClassANY, 1)) }, mdns.RcodeFormatError},
		{"a record to delete of any type", func(m *mdns.Msg) { m.Ns = append(m.Ns, hdr(mdns.TypeANY, mdns.ClassNONE, 0)) }, mdns.RcodeFormatError},
		{"a record to add without data", func(m *mdns.Msg) { m.Ns = append(m.Ns, hdr(mdns.TypeA, mdns.ClassINET, 0)) }, mdns.RcodeFormatError},
		{"a record to add of a type of questions", func(m *mdns.Msg) { m.Ns = append(m.Ns, hdr(mdns.TypeAXFR, mdns.ClassINET, 0)) }, mdns.RcodeFormatError},
		{"a change of another class", func(m *mdns.Msg) { m.Ns = append(m.Ns, hdr(mdns.TypeA, mdns.ClassCHAOS, 0)) }, mdns.RcodeFormatError},
		{"a record that has no text", func(m *mdns.Msg) {
			m.Ns = append(m.Ns, &mdns.NULL{Hdr: mdns.RR_Header{Name: "w.a.test.", Rrtype: mdns.TypeNULL, Class: mdns.ClassINET, Rdlength: 1}, Data: "x"})
		}, mdns.RcodeRefused},
	} {
		m := ok()
		tc.change(m)
		if rcode := z.Update(t.Context(), m); rcode != tc.rcode {
			t.Errorf("%s: %s, want %s", tc.why, mdns.RcodeToString[rcode], mdns.RcodeToString[tc.rcode])
		}
	}
	if got := at(t, z, "w.a.test"); got != "no such name" {
		t.Errorf("something was kept: %s", got)
	}
}

func TestZonesAreKeptAndApart(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		z := newZones(db)
		long := strings.Repeat("k", 255)
		for _, zone := range []string{"a.test", "b.test"} {
			if rcode := z.Update(t.Context(), update(zone, fmt.Sprintf(`add w.%s. 60 TXT "%s" "tab\009 quote\" %s"`, zone, long, zone))); rcode != 0 {
				t.Fatal(mdns.RcodeToString[rcode])
			}
		}
		if rcode := z.Update(t.Context(), update("b.test", "delname w.b.test.")); rcode != 0 {
			t.Fatal(mdns.RcodeToString[rcode])
		}
		want := fmt.Sprintf(`w.a.test. 60 IN TXT "%s" "tab\009 quote\" a.test"`, long)
		for _, z := range []*devzone.Zones{z, newZones(db)} { // the second as after a start
			if got := at(t, z, "w.a.test"); got != want {
				t.Errorf("%s", got)
			}
			if got := at(t, z, "w.b.test"); got != "no such name" {
				t.Errorf("%s", got)
			}
		}
	})
}

func TestWildcards(t *testing.T) {
	t.Parallel()
	z := newZones(storetest.SQLite(t))
	if rcode := z.Update(t.Context(), update("a.test", "add *.a.test. 60 A 192.0.2.1", `add x.y.a.test. 60 TXT "x"`)); rcode != 0 {
		t.Fatal(mdns.RcodeToString[rcode])
	}
	for name, want := range map[string]string{
		"any.a.test":     "any.a.test. 60 IN A 192.0.2.1",
		"two.any.a.test": "two.any.a.test. 60 IN A 192.0.2.1",
		"y.a.test":       "",             // it exists, for what is below it
		"z.y.a.test":     "no such name", // nearer than the wildcard
		"x.y.a.test":     `x.y.a.test. 60 IN TXT "x"`,
	} {
		if got := at(t, z, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestZonesAreBounded(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	z := newZones(db)
	part := fmt.Sprintf("%q ", strings.Repeat("x", 250))
	add := func(n int) int {
		return z.Update(t.Context(), update("big.test", fmt.Sprintf("add w%d.big.test. 60 TXT %s", n, strings.Repeat(part, 200))))
	}
	n := 0
	for add(n) == 0 && n < 100 {
		n++
	}
	if n < 15 || n > 25 {
		t.Errorf("a zone took %d records of 50 kB", n)
	}
	if rcode := add(n); rcode != mdns.RcodeRefused {
		t.Errorf("the next: %s", mdns.RcodeToString[rcode])
	}
	err := db.Write(t.Context(), func(tx *store.Tx) error { // with big.test they are 999
		for i := range 998 {
			if _, err := tx.Exec(`INSERT INTO dns_zones (zone, version, records) VALUES (?, 1, '')`, fmt.Sprintf("z%d.test.", i)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for zone, want := range map[string]int{"last.test": mdns.RcodeSuccess, "z1.test": mdns.RcodeSuccess} {
		if rcode := z.Update(t.Context(), update(zone, "add w."+zone+". 60 A 192.0.2.1")); rcode != want {
			t.Errorf("%s: %s", zone, mdns.RcodeToString[rcode])
		}
	}
	if rcode := z.Update(t.Context(), update("more.test", "add w.more.test. 60 A 192.0.2.1")); rcode != mdns.RcodeRefused {
		t.Errorf("one zone more than there may be: %s", mdns.RcodeToString[rcode])
	}
}

// FuzzUpdate applies whatever can be read as an update: afterwards the zone can still be
// read, and it has a start and a server.
func FuzzUpdate(f *testing.F) {
	for _, m := range []*mdns.Msg{
		update("a.test", "add w.a.test. 60 CNAME x.b.test.", "yx w.a.test."), update("a.test", "delname a.test.", "del a.test. 0 NS ns.sesame.test."),
		update("a.test", `is a.test. 0 TXT "x"`, "nxset w.a.test. A", "add *.a.test. 60 A 192.0.2.1", "delset a.test. SOA"),
	} {
		b, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	z := newZones(storetest.SQLite(f))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := new(mdns.Msg)
		if m.Unpack(raw) != nil || m.Opcode != mdns.OpcodeUpdate || len(m.Question) > 1 {
			return
		}
		if len(m.Question) == 1 {
			m.Question[0].Name = "a.test."
		}
		z.Update(t.Context(), m)
		got := at(t, z, "a.test")
		if !strings.HasPrefix(got, "SOA of a.test.") || !strings.Contains(got, " IN NS ") {
			t.Fatal(got)
		}
	})
}
