// SPDX-License-Identifier: Apache-2.0

package need

// Tool is a program that nobody here wrote.
type Tool struct {
	Name    string   // as its users call it
	Paths   []string // absolute paths or patterns, tried in order; a bare name is looked up in PATH
	Version []string // arguments that make it print its version; an absolute path first runs another program
	From    string   // where it comes from
	Root    bool     // works for root only
}

// PythonModule is a module of Debian's Python, never one that pip put beside it.
type PythonModule struct {
	Name    string
	Version string // Python that prints its version
	From    string
}

// The programs. Where a language's own package manager may have put another version
// first in PATH, the path is Debian's.
var (
	Postfix = Tool{
		Name: "Postfix", Paths: []string{"/usr/sbin/postfix"}, Root: true,
		Version: []string{"/usr/sbin/postconf", "-d", "-h", "mail_version"}, From: "Debian package postfix",
	}
	Clamd = Tool{
		Name: "clamd", Paths: []string{"/usr/sbin/clamd"},
		Version: []string{"--version"}, From: "Debian package clamav-daemon",
	}
	Rspamd = Tool{
		Name: "Rspamd", Paths: []string{"/usr/bin/rspamd"},
		Version: []string{"--version"}, From: "Debian package rspamd",
	}
	OpenDKIM = Tool{
		Name: "OpenDKIM", Paths: []string{"/usr/sbin/opendkim"},
		Version: []string{"-V"}, From: "Debian package opendkim",
	}
	PostgreSQL = Tool{
		Name: "PostgreSQL", Paths: []string{"/usr/lib/postgresql/*/bin/postgres"},
		Version: []string{"--version"}, From: "Debian package postgresql-15",
	}
	Python = Tool{
		Name: "Python (smtplib, email.mime)", Paths: []string{"/usr/bin/python3"},
		Version: []string{"--version"}, From: "Debian package python3",
	}
	AWSCLI = Tool{
		Name: "AWS CLI", Paths: []string{"/usr/bin/aws"},
		Version: []string{"--version"}, From: "Debian package awscli",
	}
	Swaks = Tool{
		Name: "swaks", Paths: []string{"/usr/bin/swaks"},
		Version: []string{"--version"}, From: "Debian package swaks",
	}
	Curl = Tool{
		Name: "curl", Paths: []string{"/usr/bin/curl"},
		Version: []string{"--version"}, From: "Debian package curl",
	}
	OpenSSL = Tool{
		Name: "OpenSSL", Paths: []string{"/usr/bin/openssl"},
		Version: []string{"version"}, From: "Debian package openssl",
	}
	BIND = Tool{
		Name: "BIND", Paths: []string{"/usr/sbin/named"},
		Version: []string{"-v"}, From: "Debian package bind9",
	}
	NamedCheckzone = Tool{
		Name: "named-checkzone", Paths: []string{"/usr/bin/named-checkzone", "/usr/sbin/named-checkzone"},
		Version: []string{"-v"}, From: "Debian package bind9-utils, which bind9 brings",
	}
	Dig = Tool{
		Name: "dig", Paths: []string{"/usr/bin/dig"},
		Version: []string{"-v"}, From: "Debian package bind9-dnsutils",
	}
	NSUpdate = Tool{
		Name: "nsupdate", Paths: []string{"/usr/bin/nsupdate"},
		Version: []string{"-V"}, From: "Debian package bind9-dnsutils",
	}
	Knot = Tool{
		Name: "Knot DNS", Paths: []string{"/usr/sbin/knotd"},
		Version: []string{"--version"}, From: "Debian package knot",
	}
	KZoneCheck = Tool{
		Name: "kzonecheck", Paths: []string{"/usr/bin/kzonecheck"},
		Version: []string{"--version"}, From: "Debian package knot-dnssecutils",
	}
	Chromium = Tool{ // the program itself: Debian's script before it reads the machine's settings
		Name: "Chromium", Paths: []string{"/usr/lib/chromium/chromium"},
		Version: []string{"--version"}, From: "Debian package chromium",
	}
	Node = Tool{
		Name: "Node.js", Paths: []string{"node"},
		Version: []string{"--version"}, From: "Node 20 or later",
	}
)

// The Python modules.
var (
	Boto3 = PythonModule{
		Name: "boto3", Version: "import boto3; print(boto3.__version__)",
		From: "Debian package python3-boto3",
	}
	DKIMPy = PythonModule{
		Name: "dkimpy", From: "Debian package python3-dkim",
		Version: "import dkim, importlib.metadata as m; print(m.version('dkimpy'))",
	}
	PySPF = PythonModule{
		Name: "pyspf", Version: "import spf; print(spf.__version__)",
		From: "Debian package python3-spf",
	}
	DNSPython = PythonModule{
		Name: "dnspython", Version: "import dns.version; print(dns.version.version)",
		From: "Debian package python3-dnspython",
	}
)
