// SPDX-License-Identifier: Apache-2.0

// Command sesame is Amazon SES on your own machine: `sesame dev` for a laptop or CI,
// `sesame serve` for real mail.
package main

import (
	"io"
	"os"

	"github.com/alecthomas/kong"

	"sesame/internal/mailcli"
)

// cli is the whole command line.
type cli struct {
	Dev             devCmd         `cmd:"" help:"Run SES on this machine for development: catches all mail, needs no configuration."`
	Serve           serveCmd       `cmd:"" help:"Run SES for real mail."`
	Account         accountCmd     `cmd:"" help:"Create, list, pause and close accounts."`
	User            userCmd        `cmd:"" help:"Create, list and delete users with their keys."`
	Key             keyCmd         `cmd:"" help:"Create, list, rotate, disable and delete access keys."`
	SMTPCredentials smtpCmd        `cmd:"" name:"smtp-credentials" help:"Make up SMTP credentials, or derive the SMTP password of a secret access key."`
	Policy          policyCmd      `cmd:"" help:"Say what users and roles may do."`
	Role            roleCmd        `cmd:"" help:"Create, list and delete roles."`
	Identity        identityCmd    `cmd:"" help:"Work on identities as the operator."`
	DNS             dnsCmd         `cmd:"" name:"dns" help:"Look at the DNS records of an identity and say what is wrong with them."`
	Zone            zoneCmd        `cmd:"" help:"Work on the service's DNS zone."`
	Doctor          doctorCmd      `cmd:"" help:"Examine the whole installation."`
	Suppression     suppressionCmd `cmd:"" help:"Look at suppression lists, take addresses off, and export them."`
	Message         messageCmd     `cmd:"" help:"Look at what became of messages."`
	Settings        settingsCmd    `cmd:"" help:"Show and set what SES has no settings for."`
	Mail            mailcli.Cmd    `cmd:"" help:"Read the mailbox of a development server."`
	API             apiCmd         `cmd:"" name:"api" help:"List the operations of SES and whether this server has them."`
	Version         versionCmd     `cmd:"" help:"Print the version."`
}

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run executes one command line and returns the exit code.
func run(args []string, out, errOut io.Writer) int {
	var c cli
	exit := -1
	parser, err := kong.New(&c, kong.Name("sesame"), kong.Description("Amazon SES on machines that you own."),
		kong.Writers(out, errOut), kong.Exit(func(code int) { exit = code }), kong.UsageOnError(),
		kong.BindTo(out, (*io.Writer)(nil)))
	if err != nil {
		panic(err) // the command line's own description is wrong
	}
	ctx, err := parser.Parse(args)
	if exit >= 0 { // --help
		return exit
	}
	if err != nil {
		parser.Errorf("%s", err)
		return 2
	}
	if err := ctx.Run(); err != nil {
		parser.Errorf("%s", err)
		return 1
	}
	return 0
}
