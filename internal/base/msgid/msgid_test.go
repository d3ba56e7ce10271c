// SPDX-License-Identifier: Apache-2.0

package msgid_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"sesame/internal/base/msgid"
)

func TestIDHasTheFormOfSES(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(0x018f3c2a9b10)
	id, err := msgid.New("us-east-1", at, bytes.NewReader(bytes.Repeat([]byte{0xff}, 16)))
	if want := "0100018f3c2a9b10-ffffffff-ffff-4fff-bfff-ffffffffffff-000000"; id != want || err != nil {
		t.Errorf("got %s, %v\nwant %s", id, err, want)
	}
	if len(id) != msgid.Len || !msgid.Valid(id) {
		t.Errorf("%q is not valid", id)
	}
}

func TestIDsSortByTime(t *testing.T) {
	t.Parallel()
	last := ""
	for ms := range int64(300) {
		id, err := msgid.New("eu-west-1", time.UnixMilli(1_700_000_000_000+ms*977), rand.Reader)
		if err != nil || id <= last {
			t.Fatalf("%q after %q, %v", id, last, err)
		}
		last = id
	}
}

func TestFloorDividesByTime(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1_700_000_000_000)
	before, _ := msgid.New("us-east-1", at.Add(-time.Millisecond), rand.Reader)
	after, _ := msgid.New("us-east-1", at, rand.Reader)
	if f := msgid.Floor("us-east-1", at); before >= f || after < f {
		t.Errorf("%q does not divide %q and %q", f, before, after)
	}
}

func TestRegionsBeginDifferently(t *testing.T) {
	t.Parallel()
	a, _ := msgid.New("us-west-2", time.UnixMilli(1), rand.Reader)
	b, _ := msgid.New("mars-north-1", time.UnixMilli(1), rand.Reader)
	if !strings.HasPrefix(a, "0101") || !strings.HasPrefix(b, "01ff") {
		t.Errorf("%s, %s", a, b)
	}
}

func TestABrokenRandomSourceIsAnError(t *testing.T) {
	t.Parallel()
	if id, err := msgid.New("us-east-1", time.Now(), iotest.ErrReader(errors.New("no"))); err == nil {
		t.Errorf("got %q", id)
	}
}

func TestWhatIsNoID(t *testing.T) {
	t.Parallel()
	good := "0100018f3c2a9b10-5b1f8c2e-6f0d-4a5e-9d7a-0c1b2a3d4e5f-000000"
	for name, s := range map[string]string{
		"empty": "", "short": good[:59], "long": good + "0", "upper case": strings.ToUpper(good),
		"no hyphen": strings.Replace(good, "-", "0", 1), "not hex": strings.Replace(good, "f", "g", 1),
	} {
		if msgid.Valid(s) {
			t.Errorf("%s: %q is taken for an id", name, s)
		}
	}
}

func TestMailDomainIsWhatClientsBuild(t *testing.T) {
	t.Parallel()
	if d := msgid.MailDomain("us-east-1"); d != "email.amazonses.com" {
		t.Error(d)
	}
	if d := msgid.MailDomain("eu-west-1"); d != "eu-west-1.amazonses.com" {
		t.Error(d)
	}
}
