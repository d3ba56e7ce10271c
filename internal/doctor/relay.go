// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"errors"
	"net/textproto"
)

// relay tries to have mail from a stranger sent to a stranger. It never gets as far as
// the mail itself.
func (d *doctor) relay(ctx context.Context, l Listener) Result {
	if d.Dev && l.Door == MX {
		return skip("the mailbox of a development server takes mail for anybody, and keeps it", "")
	}
	c, seen := d.session(ctx, l)
	if c == nil {
		return skip(seen.Seen, "")
	}
	defer c.Close()
	err := c.Mail("relay-test@example.org")
	if err == nil {
		err = c.Rcpt("relay-test@example.net")
	}
	var reply *textproto.Error
	switch {
	case err == nil:
		_ = c.Reset() // no mail follows
		_ = c.Quit()
		return fail("takes mail from relay-test@example.org for relay-test@example.net without AUTH",
			"Close the door at once: spammers will find it. Is something else listening on the port?")
	case errors.As(err, &reply):
		_ = c.Quit()
		return ok("refuses strangers: %s", said(err))
	}
	return warn("the session broke: "+said(err), "Look in the server's log.")
}
