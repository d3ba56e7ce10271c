// SPDX-License-Identifier: Apache-2.0

package smtpserver

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
)

// errAuthResponse means that a response can't be decoded; errAuthCancel, that the
// client gave up.
var (
	errAuthResponse = errors.New("smtpserver: bad AUTH response")
	errAuthCancel   = errors.New("smtpserver: AUTH cancelled")
)

// auth is AUTH (RFC 4954 §4) with the mechanisms PLAIN (RFC 4616) and LOGIN.
func (c *conn) auth(args []byte) (answer, error) {
	switch {
	case !c.cfg.Auth:
		return fault(lineNotBuilt), nil
	case c.tls == nil:
		return fault(lineNeedTLS), nil
	case !c.greeted:
		return fault(lineNeedHello), nil
	case c.authenticated:
		return fault(lineAuthTwice), nil
	case c.inMail:
		return fault(lineInMail), nil
	case len(args) == 0:
		return fault(lineAuthSyntax), nil
	}
	// The line that args is part of is gone when the next one is read.
	mechanism, initial, _ := strings.Cut(string(args), " ")
	var user, password string
	var err error
	switch strings.ToUpper(mechanism) {
	case "PLAIN":
		user, password, err = c.authPlain(initial)
	case "LOGIN":
		user, password, err = c.authLogin(initial)
	default:
		return fault(lineMechanism), nil
	}
	switch {
	case errors.Is(err, errAuthResponse):
		return fault(lineBase64), nil
	case errors.Is(err, errAuthCancel):
		return fault(lineCancelled), nil
	case errors.Is(err, ErrCredentials):
		return answer{ErrCredentials, isFault}, nil
	case errors.Is(err, errLongLine):
		c.cfg.Metrics.Refused(LimitLine)
		return fault(lineLong), nil
	case err != nil:
		return answer{}, err
	}
	if err := c.session.Auth(c.ctx, user, password); err != nil {
		a := c.refused("Auth", err, ErrAuthFailure)
		a.flags |= isFault
		return a, nil
	}
	c.authenticated = true
	return say(lineAuthOK), nil
}

// authPlain takes the response with the command or asks for it with an empty
// challenge.
func (c *conn) authPlain(initial string) (user, password string, err error) {
	var message []byte
	if initial != "" {
		message, err = decodeResponse([]byte(initial))
	} else {
		message, err = c.challenge("")
	}
	if err != nil {
		return "", "", err
	}
	return splitPlain(message)
}

// splitPlain reads the message of RFC 4616 §2. To act for somebody else than the
// user is not possible here, so that identity must be empty or the user.
func splitPlain(message []byte) (user, password string, err error) {
	parts := bytes.Split(message, []byte{0})
	if len(parts) != 3 || len(parts[1]) == 0 {
		return "", "", errAuthResponse
	}
	if len(parts[0]) > 0 && !bytes.Equal(parts[0], parts[1]) {
		return "", "", ErrCredentials
	}
	return string(parts[1]), string(parts[2]), nil
}

// authLogin asks for "Username:" and "Password:", which is all that this mechanism
// without a standard is. Some clients send the name with the command.
func (c *conn) authLogin(initial string) (user, password string, err error) {
	var name, pass []byte
	if initial != "" {
		name, err = decodeResponse([]byte(initial))
	} else {
		name, err = c.challenge("VXNlcm5hbWU6")
	}
	if err != nil {
		return "", "", err
	}
	if pass, err = c.challenge("UGFzc3dvcmQ6"); err != nil {
		return "", "", err
	}
	return string(name), string(pass), nil
}

// challenge sends a 334 whose text is in base64 already, and decodes the response.
func (c *conn) challenge(text string) ([]byte, error) {
	c.write(answer{Reply{Code: 334, Text: text}, isPlain})
	response, err := c.readLine()
	if err != nil {
		return nil, err
	}
	c.trace("C", "[AUTH response]")
	if len(response)+len("\r\n") > c.limit("AUTH") {
		return nil, errLongLine
	}
	return decodeResponse(response)
}

// decodeResponse is RFC 4954 §4: "*" cancels, "=" is an initial response of no bytes.
func decodeResponse(s []byte) ([]byte, error) {
	switch string(s) {
	case "*":
		return nil, errAuthCancel
	case "=":
		return nil, nil
	}
	out := make([]byte, base64.StdEncoding.DecodedLen(len(s)))
	n, err := base64.StdEncoding.Strict().Decode(out, s)
	// The decoder skips CR and LF, which no response may hold.
	if err != nil || bytes.ContainsAny(s, "\r\n") {
		return nil, errAuthResponse
	}
	return out[:n], nil
}
