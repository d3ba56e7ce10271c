// SPDX-License-Identifier: Apache-2.0

package clients_test

import (
	"testing"

	"sesame/internal/testkit/need"
	"sesame/test/harness"
)

// greeting is what the template of SES's guide makes for a reader.
func greeting(to, name, animal string) want {
	return want{
		From: "Mary Major <mary.major@example.com>", To: []string{to}, Subject: "Greetings, " + name + "!",
		Text: "Dear " + name + ",\nYour favorite animal is " + animal + ".", HTML: "<h1>Hello " + name + ",</h1><p>Your favorite animal is " + animal + ".</p>",
	}
}

// TestTemplates has three clients make templates and send what they make, by the commands
// and the code examples of SES's documentation.
func TestTemplates(t *testing.T) {
	t.Parallel()
	alejandro := greeting("alejandro.rosalez@example.net", "Alejandro", "alligator")
	anaya := greeting("anaya.iyengar@example.net", "Anaya", "angelfish")
	friend := greeting("richard.roe@example.net", "friend", "unknown")
	hello := func(to, name string) want {
		return want{From: "Mary Major <mary.major@example.com>", To: []string{to}, Subject: "Hello " + name, Text: "Hello " + name + "!"}
	}
	own, plain := hello("rosie@example.net", "Rosie"), hello("sam@example.net", "friend")
	own.Header, plain.Header = map[string]string{"X-Campaign": "own"}, map[string]string{"X-Campaign": "default"}
	for name, c := range map[string]struct {
		program func(t *testing.T) string
		script  string
		cases   map[string]want
	}{
		"AWS CLI": {func(t *testing.T) string { need.Program(t, need.AWSCLI); return "/bin/sh" }, "templates.sh", map[string]want{
			"v1 templated": alejandro, "v2 templated": alejandro, "v1 bulk 0": anaya, "v1 bulk 1": greeting("liu.jie@example.net", "Liu", "lion"),
			"v1 bulk 2": greeting("shirley.rodriguez@example.net", "Shirley", "shark"), "v1 bulk 3": friend, "v2 bulk": friend,
		}},
		"boto3": {func(t *testing.T) string { return need.Module(t, need.Boto3) }, "templates.py", map[string]want{
			"v1 templated": alejandro, "v2 templated": alejandro, "v2 merge own": anaya, "v2 merge default": friend,
		}},
		"JavaScript": {func(t *testing.T) string { return npm(t, "@aws-sdk/client-ses", "@aws-sdk/client-sesv2") }, "templates.mjs", map[string]want{
			"nested": {From: "Mary Major <mary.major@example.com>", To: []string{"bilbo@example.net"}, Subject: "Amazon Tip",
				HTML: "\n        <h1>Hello, Bilbo!</h1>\n        <p>Did you know Amazon has a mascot named Peccy?</p>"},
			"bulk 0": hello("bilbo@example.net", "Bilbo"), "bulk 1": hello("frodo@example.net", "Frodo"),
			"merge 0": plain, "merge 1": own,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := c.program(t)
			s := harness.Dev(t)
			checkScript(t, s, script(t, s, program, c.script), c.cases)
		})
	}
}
