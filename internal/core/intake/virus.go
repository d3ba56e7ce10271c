// SPDX-License-Identifier: Apache-2.0

package intake

import (
	"sesame/internal/core/spool"
	"sesame/internal/core/store"
)

// testVirusName is what scanners call the EICAR string.
const testVirusName = "EICAR test string"

// withTestVirus rejects a message with the test virus as a whole: it is accepted and
// counted, and no recipient gets it, whatever else would have become of them (SES: testing
// rejects). No scanner is needed for that.
func withTestVirus(m *spool.Message) {
	all := make([]int, len(m.Recipients))
	for n := range all {
		all[n] = n
	}
	found := spool.Check{At: m.AcceptedAt, Virus: testVirusName, Cause: spool.CauseVirus}
	m.Fates = []spool.Fate{found.Rejection(all)}
	m.Also = append(m.Also, func(tx *store.Tx) error {
		_, err := found.Insert(tx, m.Scope, m.ID)
		return err
	})
}
