// SPDX-License-Identifier: Apache-2.0

package smtpserver_test

import "strings"

// reference is RFC 5321 §4.5.2 said in the plainest way: the content of DATA in
// wire, which begins after the DATA line, or "no end" if wire does not hold the end.
func reference(wire string) string {
	const crlf = "\r\n"
	end := strings.Index(crlf+wire, "\r\n.\r\n")
	if end < 0 {
		return "no end"
	}
	content := (crlf + wire)[:end+len(crlf)]
	return strings.ReplaceAll(content, "\r\n.", crlf)[len(crlf):]
}
