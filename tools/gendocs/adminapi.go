// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"sort"
	"strings"

	"sesame/internal/base/scope"
	"sesame/internal/edge/api/admin"
)

// subject is a table of routes with its heading.
type subject struct {
	function string // of package admin that makes the table
	title    string
	routes   []admin.Route
}

// examples are the values of variables and parameters in the examples; a parameter
// without a value is left out of them.
var examples = map[string]string{
	"{Id}": "1", "{Index}": "0", "{Name}": "example.com", "{Arn}": "arn:aws:ses:" + sampleRegion + ":" + sampleAccount + ":account",
	"to": "you@example.net", "subject": "Welcome", "limit": "10", "timeout": "10", "query": "", "since": "", "nextToken": "",
	"{MessageId}": sampleMessage, "{Address}": "gone@example.net", "list": "", "configurationSetName": "", "format": "CSV",
}

// bodies are what the examples send.
var bodies = map[string]string{
	"PUT /settings/{Arn}": `{"QuotaMode":"delay"}`,
}

// commands are the command lines that do the same.
var commands = map[string]string{
	"GET /mailbox/messages":          "sesame mail list --to you@example.net --subject Welcome",
	"GET /mailbox/wait":              "sesame mail wait --to you@example.net --subject Welcome --timeout 10s",
	"GET /mailbox/messages/{Id}":     "sesame mail show 1",
	"GET /mailbox/messages/{Id}/raw": "sesame mail raw 1",
	"GET /identities/{Name}/records": "sesame dns example.com --zonefile",
	"GET /identities/{Name}/dns":     "sesame dns example.com",
	"POST /identities/{Name}/check":  "sesame identity check example.com --config sesame.toml --account 123456789012",
	"GET /settings/{Arn}":            "sesame settings get " + examples["{Arn}"],
	"GET /messages/{MessageId}":      "sesame message show " + sampleMessage + " --account 123456789012",
	"GET /suppression":               "sesame suppression list --account 123456789012",
	"GET /suppression/{Address}":     "sesame suppression why gone@example.net --account 123456789012",
	"GET /suppression/export":        "sesame suppression export --account 123456789012",
	"PUT /settings/{Arn}":            "sesame settings set " + examples["{Arn}"] + " QuotaMode=delay",
}

const adminIntroduction = `# The admin API

What SES cannot say is said here: REST with JSON below ` + "`" + admin.Prefix + "`" + `, on the same port as the API. Requests are signed like
requests to SES (SigV4, service ` + "`ses`" + `) with the same keys, and the region of the signature selects the region. Members of
answers are in UpperCamel, times are epoch seconds. Errors are those of API v2: the code is in the header
` + "`x-amzn-errortype`" + `, the text in ` + "`message`" + `. The IAM action of each operation stands beside it.

curl signs too. Version 7.88, which is Debian 12's, signs the query string as it stands: write its parameters in
alphabetical order and percent-encode them, as below. The examples take their variables from ` + "`.sesame/dev.env`" + `.
`

// adminPage describes the admin API.
func adminPage(ctx context.Context) ([]byte, error) {
	sample, err := newSample(ctx)
	if err != nil {
		return nil, err
	}
	defer sample.close()
	p := page{answers: map[string]string{}}
	p.WriteString(generated + adminIntroduction)
	for _, s := range sample.subjects() {
		fmt.Fprintf(&p, "\n## %s\n", s.title)
		router := admin.New(s.routes)
		for _, route := range router.Routes() {
			if err := p.describe(ctx, router, route); err != nil {
				return nil, fmt.Errorf("%s %s: %w", route.Method, route.Pattern, err)
			}
		}
	}
	return p.Bytes(), nil
}

// page is the page as far as it is written.
type page struct {
	bytes.Buffer
	answers map[string]string // that are on it, with whose they are
}

// describe writes one operation.
func (b *page) describe(ctx context.Context, router *admin.Router, r admin.Route) error {
	heading := r.Method + " " + admin.Prefix + r.Pattern
	fmt.Fprintf(b, "\n### `%s`\n\n%s IAM action: `%s`.\n", heading, r.Doc, r.Action)
	if len(r.Params) > 0 {
		b.WriteString("\n| parameter | |\n| --- | --- |\n")
		for _, p := range r.Params {
			fmt.Fprintf(b, "| `%s` | %s |\n", p.Name, p.Doc)
		}
	}
	path, query, err := example(r)
	if err != nil {
		return err
	}
	b.WriteString("\n```sh\n")
	if command := commands[r.Method+" "+r.Pattern]; command != "" {
		b.WriteString(command + "\n")
	}
	body := bodies[r.Method+" "+r.Pattern]
	b.WriteString(curl(r.Method, path, query, body) + "\n```\n")
	values, err := url.ParseQuery(query)
	if err != nil {
		return err
	}
	route, vars, err := router.Find(r.Method, path)
	if err != nil {
		return err
	}
	sample := scope.Scope{Account: sampleAccount, Region: sampleRegion}
	answer, err := route.Answer(ctx, admin.Request{Scope: sample, Path: vars, Query: values, Body: []byte(body)})
	if err == nil && answer.Stream != nil {
		var body bytes.Buffer
		err = answer.Stream(&body)
		answer.Body = body.Bytes()
	}
	if err != nil {
		return err
	}
	if same := b.answers[string(answer.Body)]; same != "" {
		fmt.Fprintf(b, "\nThe answer is that of `%s`.\n", same)
		return nil
	}
	b.answers[string(answer.Body)] = heading
	return b.show(answer)
}

var variables = regexp.MustCompile(`\{[^}]*\}`)

// example fills the variables and the parameters of a route in.
func example(r admin.Route) (path, query string, err error) {
	path = admin.Prefix + variables.ReplaceAllStringFunc(r.Pattern, func(name string) string {
		v, ok := examples[name]
		if !ok {
			err = fmt.Errorf("no example of %s: see examples", name)
		}
		return v
	})
	var params []string
	for _, p := range r.Params {
		v, ok := examples[p.Name]
		if !ok {
			return "", "", fmt.Errorf("no example of %s: see examples", p.Name)
		}
		if v != "" {
			params = append(params, p.Name+"="+strings.ReplaceAll(url.QueryEscape(v), "+", "%20"))
		}
	}
	sort.Strings(params)
	return path, strings.Join(params, "&"), err
}

// curl is the call by curl. Debian 12's signs no path with a colon as AWS does: of such a
// call it is the request alone, for whatever signs it.
func curl(method, path, query, body string) string {
	if query != "" {
		path += "?" + query
	}
	if strings.Contains(path, ":") {
		return strings.TrimSpace("# " + method + " " + path + " " + body)
	}
	s := `curl --aws-sigv4 "aws:amz:$AWS_REGION:ses" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \` + "\n    "
	if method != "GET" {
		s += "-X " + method + " "
	}
	if body != "" {
		s += "-d '" + body + "' "
	}
	return s + `"$AWS_ENDPOINT_URL` + path + `"`
}

// show writes an answer: JSON indented, what is not JSON as it is.
func (b *page) show(a admin.Response) error {
	if a.ContentType != "application/json" {
		fmt.Fprintf(b, "\nThe answer is of type `%s`:\n\n```\n%s\n```\n", a.ContentType, strings.TrimSpace(strings.ReplaceAll(string(a.Body), "\r\n", "\n")))
		return nil
	}
	b.WriteString("\n```json\n")
	if err := json.Indent(&b.Buffer, bytes.TrimSpace(a.Body), "", "  "); err != nil {
		return err
	}
	b.WriteString("\n```\n")
	return nil
}
