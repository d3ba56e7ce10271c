// SPDX-License-Identifier: Apache-2.0

package mailcli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"sesame/internal/adminclient"
	"sesame/internal/edge/api/admin"
)

// cell is a value for one column of a table.
func cell(s string, most int) string {
	s = strings.Join(strings.Fields(adminclient.Printable(s)), " ")
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return s
}

func printList(out io.Writer, all []admin.MailSummary) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tRECEIVED\tFROM\tTO\tSUBJECT")
	for _, m := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", cell(m.Id, 20), received(m).Format(time.DateTime),
			cell(m.From, 40), cell(strings.Join(m.Envelope.To, ", "), 40), cell(m.Subject, 60))
	}
	return w.Flush()
}

func received(m admin.MailSummary) time.Time { return time.UnixMilli(int64(m.ReceivedAt * 1000)) }

func printMail(out io.Writer, m admin.MailMessage) error {
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-12s %s\n", name+":", strings.Join(strings.Fields(value), " "))
		}
	}
	line("Id", m.Id)
	line("Message id", m.MessageId)
	line("From", m.From)
	line("To", strings.Join(m.To, ", "))
	line("Cc", strings.Join(m.Cc, ", "))
	line("Subject", m.Subject)
	line("Received", received(m.MailSummary).Format(time.RFC1123Z))
	line("Envelope", "<"+m.Envelope.From+"> -> "+strings.Join(m.Envelope.To, ", "))
	for _, a := range m.Attachments {
		line("Attachment", fmt.Sprintf("%d %s (%s, %d bytes)", a.Index, a.FileName, a.ContentType, a.Size))
	}
	b.WriteByte('\n')
	body := m.Text
	if body == "" && m.Html != "" {
		body = m.Html
	}
	b.WriteString(body)
	if !strings.HasSuffix(body, "\n") {
		b.WriteByte('\n')
	}
	_, err := io.WriteString(out, adminclient.Printable(b.String()))
	return err
}
