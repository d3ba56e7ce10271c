// SPDX-License-Identifier: Apache-2.0

// Package tlspolicy is the one place that says which TLS Sesame speaks: TLS 1.2 at
// least, on every listener and to every peer (RFC 9325 §3.1.1), and as a server only
// suites with forward secrecy and authenticated encryption (RFC 9325 §4.2).
package tlspolicy

import "crypto/tls"

// serverSuites are the TLS 1.2 suites of a server: ephemeral elliptic-curve
// Diffie-Hellman with an AEAD. TLS 1.3 has no others.
func serverSuites() []uint16 {
	return []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
		tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
}

// Server returns the configuration of a listener that takes its certificates from
// getCertificate, which is called for every handshake and may change its answer. The
// result is the caller's own; it names no application protocols.
func Server(getCertificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		CipherSuites:   serverSuites(),
		GetCertificate: getCertificate,
	}
}

// Client returns the configuration for connecting to an SMTP server. With verify,
// the server's certificate must be valid for serverName. Without it, any certificate
// will do: opportunistic TLS is still better than clear text (RFC 7435), and a name
// is only told to the server. Suites are crypto/tls's choice, wider than a server's,
// since the other way out is clear text.
func Client(serverName string, verify bool) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         serverName,
		InsecureSkipVerify: !verify,
	}
}
