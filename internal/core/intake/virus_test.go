// SPDX-License-Identifier: Apache-2.0

package intake_test

import (
	"reflect"
	"testing"

	"sesame/internal/core/event"
	"sesame/internal/core/spool"
	"sesame/internal/core/suppression"
)

const eicar = `X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR` + `-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*`

// TestTheTestVirusIsAcceptedAndRejected: the call succeeds and counts, and no recipient gets
// the message, with one event for all of them. One that is suppressed is no exception.
func TestTheTestVirusIsAcceptedAndRejected(t *testing.T) {
	t.Parallel()
	w, l := &world{}, &listed{on: map[string]suppression.List{"b@example.net": suppression.AccountList}}
	raw := "From: a@example.com\nTo: b@example.net, c@example.net\n\n" + eicar + "\n"
	if _, err := w.suppressing(l).Accept(ctx, submission(raw)); err != nil {
		t.Fatal(err)
	}
	want := []spool.Fate{{
		Recipients: []int{0, 1}, State: spool.Rejected, Cause: "virus", Reason: "a virus was found: EICAR test string",
		Event: event.Reject, Detail: event.Detail{Cause: "virus", Reason: "Bad content"}, Counter: "reject",
	}}
	if got := w.kept[0].Fates; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if w.reserved != 2 || len(w.kept[0].Also) != 1 {
		t.Errorf("%d of the quota, %d more writes", w.reserved, len(w.kept[0].Also))
	}
}
