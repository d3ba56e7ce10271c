// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"sesame/internal/base/address"
	"sesame/internal/base/msgid"
	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// Bounds of what a row holds beside the content.
const (
	maxSubject    = 1000
	maxFrom       = 1000
	maxListed     = 100
	maxListedName = 500
	maxFindTo     = 32 << 10
	headBytes     = 512 << 10 // how much of a message is searched for its header section
)

// row is a mail without its content, as the table has it.
type row struct {
	seq         int64
	account     string
	region      string
	receivedAt  int64
	size        int64
	messageID   string
	sender      string
	recipients  string // JSON list
	subject     string
	mailFrom    string
	rcptTo      string // lines
	remoteIP    string
	tls         string
	findTo      string // a line for each address and name: see findable
	findSubject string
	findOther   string
}

func newRow(account, region string, e Envelope, message []byte) *row {
	h, _ := splitHeader(message[:min(len(message), headBytes)])
	r := &row{account: account, region: region, size: int64(len(message)), mailFrom: e.From.String(), tls: oneLine(e.TLS)}
	if e.RemoteIP.IsValid() {
		r.remoteIP = e.RemoteIP.String()
	}
	r.messageID = cut(clean(strings.Trim(h.get("Message-Id"), "<>")), maxFrom)
	if id, from, ok := ours(r.messageID, h.get("Feedback-Id")); ok {
		r.messageID, r.region = id, from
	}
	r.subject = cut(clean(decodeWords(h.get("Subject"))), maxSubject)
	r.sender = cut(clean(strings.Join(names(people(h.get("From"))), ", ")), maxFrom)
	to := people(h.all("To"))
	r.recipients = listed(to)
	var rcpt []string
	for _, a := range e.To {
		rcpt = append(rcpt, a.String())
	}
	r.rcptTo = strings.Join(rcpt, "\n")
	r.findTo = findable(rcpt, to, people(h.all("Cc")), people(h.all("Bcc")))
	r.findSubject = strings.ToLower(r.subject)
	r.findOther = strings.ToLower(r.sender + "\n" + r.mailFrom + "\n" + r.messageID)
	return r
}

// ours takes a Message-ID of SES's form apart into the id and the region that gave it. Where
// the sender chose the domain, the Feedback-ID tells the region.
func ours(messageID, feedbackID string) (id, region string, ok bool) {
	id, domain, _ := strings.Cut(messageID, "@")
	if !msgid.Valid(id) {
		return "", "", false
	}
	if region, ok = strings.CutSuffix(domain, ".amazonses.com"); !ok {
		region, ok = feedbackRegion(feedbackID)
	}
	if domain == msgid.MailDomain("us-east-1") {
		region = "us-east-1"
	}
	return id, region, ok && scope.ValidRegion(region)
}

// feedbackRegion is the region in a Feedback-ID such as "1.us-east-1.HASH:AmazonSES", before
// which values of the sender may stand.
func feedbackRegion(feedbackID string) (string, bool) {
	for part := range strings.SplitSeq(feedbackID, ":") {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(part), "1."); ok {
			region, _, ok := strings.Cut(rest, ".")
			return region, ok
		}
	}
	return "", false
}

func listed(all []person) string {
	out := []string{}
	for _, p := range all[:min(len(all), maxListed)] {
		out = append(out, cut(clean(p.String()), maxListedName))
	}
	b, err := json.Marshal(out)
	if err != nil { // a list of strings always has a form
		return "[]"
	}
	return string(b)
}

// findable is the text that recipients are searched in: a line for each of those of the
// envelope, then one that begins with a tab for each of the header's.
func findable(rcpt []string, lists ...[]person) string {
	var b strings.Builder
	b.WriteByte('\n')
	seen := map[string]bool{}
	add := func(mark, a string) {
		a = strings.ToLower(clean(a))
		if a == "" || seen[a] || b.Len()+len(mark)+len(a) > maxFindTo {
			return
		}
		seen[a] = true
		b.WriteString(mark)
		b.WriteString(a)
		b.WriteByte('\n')
	}
	for _, a := range rcpt {
		add("", a)
	}
	for _, list := range lists {
		for _, p := range list {
			add("\t", p.address)
			add("\t", p.name)
		}
	}
	return b.String()
}

// clean makes s fit for both engines: PostgreSQL takes neither bytes that are not
// UTF-8 nor NUL.
func clean(s string) string { return oneLine(s) }

// insert gives the row its number. It may run more than once.
func (r *row) insert(tx *store.Tx, data []byte) error {
	err := tx.Get([]any{&r.seq}, `INSERT INTO mailbox (account, region, received_at, size, message_id, sender, recipients,
		subject, mail_from, rcpt_to, remote_ip, tls, find_to, find_subject, find_other, data)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING seq`,
		r.account, r.region, r.receivedAt, r.size, r.messageID, r.sender, r.recipients,
		r.subject, r.mailFrom, r.rcptTo, r.remoteIP, r.tls, r.findTo, r.findSubject, r.findOther, data)
	if err != nil {
		return fmt.Errorf("insert mail: %w", err)
	}
	return nil
}

const summaryColumns = `seq, account, region, received_at, size, message_id, sender, recipients, subject, mail_from, rcpt_to, remote_ip, tls`

// columns are where summaryColumns are scanned to.
func (r *row) columns() []any {
	return []any{&r.seq, &r.account, &r.region, &r.receivedAt, &r.size, &r.messageID, &r.sender, &r.recipients,
		&r.subject, &r.mailFrom, &r.rcptTo, &r.remoteIP, &r.tls}
}

func (r *row) summary() Summary {
	s := Summary{
		ID: strconv.FormatInt(r.seq, 10), Scope: scope.Scope{Account: r.account, Region: r.region},
		MessageID: r.messageID, From: r.sender, Subject: r.subject,
		ReceivedAt: store.Time(r.receivedAt), Size: r.size,
		Envelope: Envelope{From: splitAddress(r.mailFrom), TLS: r.tls},
	}
	// Both were written by insert from values that have this form.
	_ = json.Unmarshal([]byte(r.recipients), &s.To)
	s.Envelope.RemoteIP, _ = netip.ParseAddr(r.remoteIP)
	for a := range strings.SplitSeq(r.rcptTo, "\n") {
		if a != "" {
			s.Envelope.To = append(s.Envelope.To, splitAddress(a))
		}
	}
	return s
}

// splitAddress is the inverse of Address.String.
func splitAddress(s string) address.Address {
	i := strings.LastIndexByte(s, '@')
	if i < 0 {
		return address.Address{}
	}
	return address.Address{Local: s[:i], Domain: address.Domain(s[i+1:])}
}
