// SPDX-License-Identifier: Apache-2.0

package intake

import (
	"encoding/base64"
	"fmt"
)

// feedbackID is the Feedback-ID of a message: the same for all mail of an account, and telling
// nobody the account. The values of the tags ses:feedback-id-a and ses:feedback-id-b stand
// before it, each in its place, for mailbox providers to group complaints by (SES: custom
// values of the Feedback-ID header).
func (i *Intake) feedbackID(d *draft) string {
	id := fmt.Sprintf("1.%s.%s:AmazonSES", d.Scope.Region, base64.StdEncoding.EncodeToString(i.o.MAC("feedback-id", []byte(d.Scope.Account))))
	var a, b string
	for _, t := range d.Tags {
		switch t.Name {
		case "ses:feedback-id-a":
			a = t.Value
		case "ses:feedback-id-b":
			b = t.Value
		}
	}
	if a == "" && b == "" {
		return id
	}
	return a + ":" + b + ":" + id
}
