// SPDX-License-Identifier: Apache-2.0

package event

// Engagement is what Open and Click add (SES: open and click objects).
type Engagement struct {
	IPAddress string              `json:"ipAddress,omitempty"` // "" if the sender does not want to know
	UserAgent string              `json:"userAgent,omitempty"` // likewise
	Link      string              `json:"link,omitempty"`      // where it led; of Click
	LinkTags  map[string][]string `json:"linkTags,omitempty"`  // of Click
	LinkIndex int                 `json:"linkIndex,omitempty"` // of Click: which tracked link of the message, from 0
	Verdict   Verdict             `json:"verdict"`
	Reason    string              `json:"reason,omitempty"` // of the verdict: the rule, and what met it
}

// Verdict says who opened or followed.
type Verdict string

// The verdicts.
const (
	Human     Verdict = "human"     // nothing speaks for a program
	Proxied   Verdict = "proxied"   // a mail service fetches for its users: somebody may have opened
	Automated Verdict = "automated" // a program that looks at mail: nobody has read
)
