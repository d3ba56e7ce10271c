// SPDX-License-Identifier: Apache-2.0

package zone_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	mdns "github.com/miekg/dns"

	"sesame/internal/base/clock"
	"sesame/internal/core/zone"
	"sesame/internal/testkit/need"
)

// keys are published keys by selector.
type keys map[string]string

func (k keys) KeyRecord(_ context.Context, selector string) (string, bool, error) {
	if selector == "broken" {
		return "", false, errors.New("no database")
	}
	txt, ok := k[selector]
	return txt, ok, nil
}

func (k keys) KeyRecords(_ context.Context, after string, limit int) ([]zone.Key, error) {
	var page []zone.Key
	for s, txt := range k {
		if s > after {
			page = append(page, zone.Key{Selector: s, TXT: txt})
		}
	}
	slices.SortFunc(page, func(a, b zone.Key) int { return strings.Compare(a.Selector, b.Selector) })
	return page[:min(len(page), limit)], nil
}

func (k keys) ServiceKeys(context.Context) ([]zone.Key, error) {
	return []zone.Key{{Selector: "s1", TXT: "v=DKIM1; p=own"}}, nil
}

var longKey = "v=DKIM1; k=rsa; p=" + strings.Repeat("A", 392)

func addrs(s ...string) (out []netip.Addr) {
	for _, a := range s {
		out = append(out, netip.MustParseAddr(a))
	}
	return out
}

func options() zone.Options {
	return zone.Options{
		Names: zone.Names{Zone: "ses.example.net"}, Regions: []string{"us-east-1", "eu-west-1"},
		NameServers: []string{"NS1.ses.example.net", "ns.example.org"},
		Addresses:   addrs("192.0.2.1", "2001:db8::1"), Mail: addrs("192.0.2.2"),
		Senders: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/28"), netip.MustParsePrefix("2001:db8::5/128")},
		DMARC:   `v=DMARC1; p=quarantine; rua=mailto:"d"@example.net`,
		Keys:    keys{"tok1": "v=DKIM1; p=abc", "tok2": longKey},
		Clock:   func() time.Time { return time.Unix(1_700_000_000, 0) },
	}
}

var _ clock.Clock = options().Clock

// at is what is at a name, one line for each record, without owner and class.
func at(t *testing.T, z *zone.Zone, name string) (string, zone.Node) {
	t.Helper()
	node, ok, err := z.At(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		return "not ours", node
	}
	if !node.Exists {
		return "no such name", node
	}
	var lines []string
	for _, rr := range node.Records {
		if rr.Header().Name != name {
			t.Errorf("%s has a record of %s", name, rr.Header().Name)
		}
		f := strings.Fields(rr.String())
		lines = append(lines, f[1]+" "+strings.Join(f[3:], " "))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n"), node
}

func TestRecords(t *testing.T) {
	t.Parallel()
	z := zone.New(options())
	const hosts, mail = "3600 A 192.0.2.1\n3600 AAAA 2001:db8::1", "3600 A 192.0.2.2"
	for _, tc := range []struct{ why, name, want string }{
		{"the apex has the zone's start and servers, an MX for bounces and the senders", "ses.example.net.",
			"3600 MX 10 feedback-smtp.us-east-1.ses.example.net.\n3600 NS ns.example.org.\n3600 NS ns1.ses.example.net.\n" +
				"3600 SOA ns1.ses.example.net. hostmaster.ses.example.net. 1700000000 3600 600 1209600 60\n" +
				`3600 TXT "v=spf1 ip4:192.0.2.0/28 ip6:2001:db8::5 ~all"`},
		{"a name server inside the zone has an address", "ns1.ses.example.net.", hosts},
		{"the API", "email.us-east-1.ses.example.net.", hosts},
		{"SMTP", "email-smtp.eu-west-1.ses.example.net.", hosts},
		{"tracking", "r.eu-west-1.ses.example.net.", hosts},
		{"bounces", "feedback-smtp.us-east-1.ses.example.net.", mail},
		{"receiving", "inbound-smtp.eu-west-1.ses.example.net.", mail},
		{"a region that is not served", "email.us-west-2.ses.example.net.", "no such name"},
		{"a region's own name exists for what is below it", "eu-west-1.ses.example.net.", ""},
		{"the DMARC policy, with its quotes", "_dmarc.ses.example.net.", `3600 TXT "v=DMARC1; p=quarantine; rua=mailto:\"d\"@example.net"`},
		{"the service's own key", "s1._domainkey.ses.example.net.", `300 TXT "v=DKIM1; p=own"`},
		{"above it", "_domainkey.ses.example.net.", ""},
		{"a key has a short life, so that rotation is seen", "tok1.dkim.ses.example.net.", `300 TXT "v=DKIM1; p=abc"`},
		{"a long key is in parts of 255 octets", "tok2.dkim.ses.example.net.", fmt.Sprintf("300 TXT %q %q", longKey[:255], longKey[255:])},
		{"above the keys", "dkim.ses.example.net.", ""},
		{"no such key", "tok3.dkim.ses.example.net.", "no such name"},
		{"below a key", "x.tok1.dkim.ses.example.net.", "no such name"},
		{"customers' keys do not speak for the service", "tok1._domainkey.ses.example.net.", "no such name"},
		{"another name", "www.ses.example.net.", "no such name"},
		{"another zone", "example.net.", "not ours"},
		{"a name that only looks alike", "xses.example.net.", "not ours"},
		{"the root", ".", "not ours"},
	} {
		if got, _ := at(t, z, tc.name); got != tc.want {
			t.Errorf("%s: %s has\n%s\nwant\n%s", tc.why, tc.name, got, tc.want)
		}
	}
	if _, _, err := z.At(t.Context(), "broken.dkim.ses.example.net."); err == nil {
		t.Error("a key that can't be read is taken for none")
	}
}

func TestAnyRegion(t *testing.T) {
	t.Parallel()
	o := options()
	o.Regions, o.Mail, o.Senders = nil, nil, nil
	z := zone.New(o)
	const hosts = "3600 A 192.0.2.1\n3600 AAAA 2001:db8::1"
	for _, tc := range []struct{ why, name, want string }{
		{"a host of a region that was never heard of", "feedback-smtp.xy-north-9.ses.example.net.", hosts},
		{"another host name", "pop.xy-north-9.ses.example.net.", "no such name"},
		{"a region's own name", "xy-north-9.ses.example.net.", ""},
		{"what can't be a region", "email.-x.ses.example.net.", "no such name"},
		{"a region's own domain of keys", "tok1.dkim.eu-south-1.ses.example.net.", `300 TXT "v=DKIM1; p=abc"`},
		{"above them", "dkim.eu-south-1.ses.example.net.", ""},
		{"no such key there", "tok9.dkim.eu-south-1.ses.example.net.", "no such name"},
		{"a host below a host", "a.email.eu-south-1.ses.example.net.", "no such name"},
		{"the senders are the hosts' addresses where nothing else is said", "ses.example.net.",
			"3600 NS ns.example.org.\n3600 NS ns1.ses.example.net.\n" +
				"3600 SOA ns1.ses.example.net. hostmaster.ses.example.net. 1700000000 3600 600 1209600 60\n" +
				`3600 TXT "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 ~all"`},
	} {
		if got, _ := at(t, z, tc.name); got != tc.want {
			t.Errorf("%s: %s has\n%s\nwant\n%s", tc.why, tc.name, got, tc.want)
		}
	}
}

// TestEveryNamePointsAtARecord keeps Names and the content together.
func TestEveryNamePointsAtARecord(t *testing.T) {
	t.Parallel()
	z, n := zone.New(options()), options().Names
	for _, name := range []string{
		n.DKIMTarget("tok1"), n.FeedbackHost("us-east-1"), n.InboundHost("us-east-1"), n.SMTPHost("us-east-1"), n.APIHost("us-east-1"),
		n.TrackingHost("us-east-1"), n.SPFInclude(), n.ServiceKey("s1"), n.DMARC(),
	} {
		if _, node := at(t, z, mdns.Fqdn(name)); len(node.Records) == 0 {
			t.Errorf("nothing is at %s", name)
		}
	}
}

func TestExportIsTakenByOtherServers(t *testing.T) {
	t.Parallel()
	o := options()
	many := keys{"tok1": "v=DKIM1; p=abc"}
	for i := range 2500 { // more than are read at once
		many[fmt.Sprintf("t%031d", i)] = longKey
	}
	o.Keys = many
	var first, second bytes.Buffer
	for _, w := range []*bytes.Buffer{&first, &second} {
		if err := zone.New(o).Export(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	if first.String() != second.String() {
		t.Error("the order changes")
	}
	zp, records := mdns.NewZoneParser(&second, "", ""), 0
	for _, ok := zp.Next(); ok; _, ok = zp.Next() {
		records++
	}
	if want := 2501 + 1 + 2 + 2 + 2 + 2*(3*2+2) + 2; records != want || zp.Err() != nil {
		t.Errorf("%d records, want %d; %v", records, want, zp.Err())
	}
	path := filepath.Join(t.TempDir(), "zone")
	if err := os.WriteFile(path, first.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, check := range []struct {
		tool need.Tool
		args []string
	}{
		{need.NamedCheckzone, []string{"-i", "local", "-k", "fail", "-n", "fail", "-m", "fail", "ses.example.net", path}},
		{need.KZoneCheck, []string{"-o", "ses.example.net", path}},
	} {
		t.Run(check.tool.Name, func(t *testing.T) {
			t.Parallel()
			out, err := exec.Command(need.Program(t, check.tool), check.args...).CombinedOutput()
			if err != nil || bytes.Contains(bytes.ToLower(out), []byte("warning")) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// deadKeys can't be read.
type deadKeys struct{ keys }

func (deadKeys) KeyRecords(context.Context, string, int) ([]zone.Key, error) {
	return nil, errors.New("no database")
}

// failing is a full disk.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestAnExportIsWholeOrFails(t *testing.T) {
	t.Parallel()
	o := options()
	o.Keys = deadKeys{}
	if err := zone.New(o).Export(t.Context(), &bytes.Buffer{}); err == nil {
		t.Error("half a zone was taken for the whole")
	}
	if err := zone.New(options()).Export(t.Context(), failing{}); err == nil {
		t.Error("a file that could not be written was taken for one that was")
	}
}
