// SPDX-License-Identifier: Apache-2.0

package suppression_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/core/suppression"
)

func TestEntriesAreListedByTime(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var want []string
		for n := range 7 {
			reason := suppression.Bounce
			if n%2 == 1 {
				reason = suppression.Complaint
			}
			want = append(want, fmt.Sprintf("r%d@example.com", 9-n))
			must(t, w.Put(ctx, sc, want[n], reason))
			if n != 3 { // two at the same time
				w.clock.Advance(time.Minute)
			}
		}
		want[3], want[4] = want[4], want[3] // by address there
		must(t, w.Put(ctx, other, "other@example.com", suppression.Bounce))
		at := func(minutes time.Duration) time.Time { return start.Add(minutes * time.Minute) }
		for _, c := range []struct {
			what string
			f    suppression.Filter
			want []string
		}{
			{"all", suppression.Filter{}, want},
			{"bounces", suppression.Filter{Reason: suppression.Bounce}, []string{"r9@example.com", "r7@example.com", "r5@example.com", "r3@example.com"}},
			{"after a time, which does not count itself", suppression.Filter{After: at(2)}, want[3:]},
			{"before a time, which does not count itself", suppression.Filter{Before: at(2)}, want[:2]},
			{"between", suppression.Filter{After: at(0), Before: at(3), Reason: suppression.Complaint}, want[1:2]},
		} {
			for _, size := range []int{1, 2, 7, 100} {
				var got []string
				var behind suppression.Position
				for more := true; more; {
					var page []suppression.Entry
					var err error
					page, more, err = w.List(ctx, sc, c.f, behind, size)
					must(t, err)
					if len(page) > size || more && len(page) != size {
						t.Errorf("%s: a page of %d, more: %v", c.what, len(page), more)
					}
					for _, e := range page {
						got = append(got, e.Address)
						behind = suppression.Position{At: e.UpdatedAt, Address: e.Address}
					}
				}
				if fmt.Sprint(got) != fmt.Sprint(c.want) {
					t.Errorf("%s, by %d: %v, want %v", c.what, size, got, c.want)
				}
			}
		}
	})
}

func TestDeletingTwiceIsNotFound(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		must(t, w.Put(ctx, sc, "x@example.com", suppression.Bounce))
		if err := w.Delete(ctx, other, "x@example.com"); !fault.Is(err, fault.NotFound) {
			t.Errorf("another account: %v", err)
		}
		must(t, w.Delete(ctx, sc, " x@example.COM "))
		if err := w.Delete(ctx, sc, "x@example.com"); !fault.Is(err, fault.NotFound) || fault.PeerText(err) != "Email address x@example.com does not exist on your suppression list." {
			t.Errorf("%v", err)
		}
	})
}

// TestWhatIsExportedCanBeImported into another account, in both formats, and comes to the
// same.
func TestWhatIsExportedCanBeImported(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		records := []suppression.Record{{`"a,b \" c"@example.com`, "BOUNCE"}, {"a&b'c@example.com", "BOUNCE"}}
		for n := range 2500 { // more than two pages and five commits
			records = append(records, suppression.Record{Address: fmt.Sprintf("r%d@example.com", n), Reason: "COMPLAINT"})
		}
		noErrors(t, w.Import(sc, records))
		var lines, objects bytes.Buffer
		must(t, w.Export(ctx, sc, suppression.CSV, &lines))
		must(t, w.Export(ctx, sc, suppression.JSON, &objects))
		rows, err := csv.NewReader(bytes.NewReader(lines.Bytes())).ReadAll()
		must(t, err)
		var fromCSV, fromJSON []suppression.Record
		for _, r := range rows {
			fromCSV = append(fromCSV, suppression.Record{Address: r[0], Reason: r[1]})
		}
		for line := range strings.Lines(objects.String()) {
			var r struct{ EmailAddress, Reason string }
			must(t, json.Unmarshal([]byte(line), &r))
			fromJSON = append(fromJSON, suppression.Record{Address: r.EmailAddress, Reason: r.Reason})
		}
		if len(fromCSV) != len(records) || len(fromJSON) != len(records) {
			t.Fatalf("%d and %d of %d", len(fromCSV), len(fromJSON), len(records))
		}
		noErrors(t, w.Import(other, fromCSV))
		var again bytes.Buffer
		must(t, w.Export(ctx, other, suppression.CSV, &again))
		if again.String() != lines.String() {
			t.Error("the second export differs")
		}
		noErrors(t, w.Remove(other, fromJSON))
		if left, _, err := w.List(ctx, other, suppression.Filter{}, suppression.Position{}, 10); err != nil || len(left) != 0 {
			t.Errorf("%v are left, %v", left, err)
		}
	})
}

func noErrors(t *testing.T, errs []error) {
	t.Helper()
	for n, err := range errs {
		if err != nil {
			t.Fatalf("record %d: %v", n, err)
		}
	}
}

func TestABadRecordHarmsNoOther(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		errs := w.Import(sc, []suppression.Record{
			{"a@example.com", "BOUNCE"}, {"not an address", "BOUNCE"}, {"b@example.com", "bounce"}, {"c@example.com", ""}, {" D@Example.com", "COMPLAINT"}, {"a@example.com", "COMPLAINT"},
		})
		for n, bad := range []bool{false, true, true, true, false, false} {
			if (errs[n] != nil) != bad || bad && !fault.Is(errs[n], fault.Invalid) {
				t.Errorf("record %d: %v", n, errs[n])
			}
		}
		entries, _, err := w.List(ctx, sc, suppression.Filter{}, suppression.Position{}, 10)
		if err != nil || len(entries) != 2 || entries[0].Address != "D@example.com" || entries[1].Reason != suppression.Complaint || entries[1].Source != suppression.Imported {
			t.Errorf("%+v, %v", entries, err)
		}
		errs = w.Remove(sc, []suppression.Record{{Address: "nobody@example.com"}, {Address: "x"}, {Address: "a@example.com"}})
		if errs[0] != nil || errs[1] == nil || errs[2] != nil {
			t.Errorf("%v", errs)
		}
	})
}
