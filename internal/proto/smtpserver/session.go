// SPDX-License-Identifier: Apache-2.0

package smtpserver

import (
	"context"
	"crypto/tls"
	"net"

	"sesame/internal/base/address"
)

// Backend is the policy behind a Server.
type Backend interface {
	// NewSession is called for an accepted EHLO or HELO, again after STARTTLS, and
	// again when a client that has not authenticated greets anew; before TLS it is
	// not called if the Server demands TLS. Its refusal is the answer to the EHLO.
	// It may be called from many goroutines at once.
	NewSession(ctx context.Context, info ConnInfo) (Session, error)
}

// ConnInfo is what is known of a client when it greets.
type ConnInfo struct {
	ID     string // the connection's id: the last word of the greeting line
	Remote net.Addr
	Local  net.Addr
	TLS    *tls.ConnectionState // nil in clear
	Hello  string               // argument of EHLO or HELO: visible ASCII without ()<>,;"\@
	ESMTP  bool                 // EHLO, not HELO
}

// MailParams are the parameters of MAIL.
type MailParams struct {
	Size     int64 // RFC 1870; 0 if not declared; never over Limits.MaxMessageBytes
	Body8Bit bool  // BODY=8BITMIME (RFC 6152)
}

// Session is the policy for one client. The engine calls its methods one at a time
// and in the order of RFC 5321: Mail, then Rcpt, then Data with at least one
// accepted recipient. A refusal is a Reply, possibly wrapped; any other error is
// logged and the client reads 451 "Temporary service failure" (for Auth, 454
// "Temporary authentication failure"). A panic is logged and ends the connection
// with 451. The context ends when the server gives up waiting in Shutdown.
type Session interface {
	// Auth checks a user's password (PLAIN or LOGIN, RFC 4954), always under TLS. It
	// is not called again after it has returned nil.
	Auth(ctx context.Context, user, password string) error
	// Mail begins a transaction. from is zero for the null reverse-path. A refusal
	// must leave nothing behind.
	Mail(ctx context.Context, from address.Address, p MailParams) error
	// Rcpt adds a recipient. The domain is empty for the bare <Postmaster> of RFC
	// 5321 §4.1.1.3 and set in any other case.
	Rcpt(ctx context.Context, to address.Address) error
	// Data takes the message, with dot-stuffing undone and otherwise as it came: a
	// bare CR or LF stays as it is unless Config.RefuseBare. message must not be
	// used after Data has returned. The client reads "250 " and text ("Ok" if text
	// is empty); returning nil is taking responsibility for the message.
	Data(ctx context.Context, message []byte) (text string, err error)
	// Reset ends the transaction that an accepted Mail began: after Data, whatever
	// came of it, after RSET or another EHLO.
	Reset()
	// Close is the last call, once.
	Close()
}
