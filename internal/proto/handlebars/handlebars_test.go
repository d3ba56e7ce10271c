// SPDX-License-Identifier: Apache-2.0

package handlebars_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"sesame/internal/proto/handlebars"
)

func compile(t testing.TB, template string, reserved ...string) *handlebars.Template {
	t.Helper()
	compiled, err := handlebars.Compile(template, reserved...)
	if err != nil {
		t.Fatalf("Compile(%.100q): %v", template, err)
	}
	return compiled
}

func parse(t testing.TB, data string) handlebars.Data {
	t.Helper()
	parsed, err := handlebars.ParseData([]byte(data))
	if err != nil {
		t.Fatalf("ParseData(%.100q): %v", data, err)
	}
	return parsed
}

// The examples of "Advanced email personalization" in SES's developer guide.
const (
	preferences = "<h1>Your Preferences</h1><p>You have indicated that you are interested in receiving information about the following topics:</p>" +
		"<ul>{{#each subscription}}<li>{{interest}}</li>{{/each}}</ul>" +
		"<p><a href=https://www.example.com/prefererences/i.aspx?id={{meta.userId}}>Preference Center</a>.</p>"
	preferences2 = "<h1>Your Preferences</h1>{{#if subscription}}<p>Dear {{contact.firstName}},</p>" +
		"<ul>{{#each subscription}}<li>{{interest}}</li>{{/each}}</ul>{{else}}<p>Please update your subscription preferences by visiting the Preference Center.</p>{{/if}}"
	preferences3 = "{{#* inline \"fullName\"}}{{firstName}}{{#if lastName}} {{lastName}}{{/if}}{{/inline~}}\n" +
		"<h1>Hello {{> fullName}}!</h1><p>Your friends:</p><ul>{{#each friends}}<li>{{> fullName}}</li>{{/each}}</ul>"

	anaya   = `{"meta":{"userId":"51806220607"},"contact":{"firstName":"Anaya","lastName":"Iyengar"},"subscription":[{"interest":"Sports"},{"interest":"Travel"},{"interest":"Cooking"}]}`
	shirley = `{"meta":{"userId":"1981624758263"},"contact":{"firstName":"Shirley","lastName":"Rodriguez"}}`
	friend  = `{"meta":{"userId":""},"contact":{"firstName":"Friend","lastName":""},"subscription":[]}`
)

func TestGuide(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ about, template, data, want string }{
		{"the first template", "<h1>Hello {{name}},</h1><p>Your favorite animal is {{favoriteanimal}}.</p>",
			`{"name":"Alejandro","favoriteanimal":"alligator"}`,
			"<h1>Hello Alejandro,</h1><p>Your favorite animal is alligator.</p>"},
		{"values are not escaped", "<p>{{name}}</p>", `{"name":"<b>A & \"B\"</b>"}`, `<p><b>A & "B"</b></p>`},
		{"nested attributes", "Subscription Preferences for {{contact.firstName}} {{contact.lastName}}", anaya,
			"Subscription Preferences for Anaya Iyengar"},
		{"an array", preferences, anaya,
			"<h1>Your Preferences</h1><p>You have indicated that you are interested in receiving information about the following topics:</p>" +
				"<ul><li>Sports</li><li>Travel</li><li>Cooking</li></ul>" +
				"<p><a href=https://www.example.com/prefererences/i.aspx?id=51806220607>Preference Center</a>.</p>"},
		{"an array in text", "{{#each subscription}}- {{interest}}\n{{/each}}", anaya, "- Sports\n- Travel\n- Cooking\n"},
		{"an empty array is a blank list", preferences, friend,
			"<h1>Your Preferences</h1><p>You have indicated that you are interested in receiving information about the following topics:</p>" +
				"<ul></ul><p><a href=https://www.example.com/prefererences/i.aspx?id=>Preference Center</a>.</p>"},
		{"a condition that holds", preferences2, anaya,
			"<h1>Your Preferences</h1><p>Dear Anaya,</p><ul><li>Sports</li><li>Travel</li><li>Cooking</li></ul>"},
		{"an empty array is false", preferences2, friend,
			"<h1>Your Preferences</h1><p>Please update your subscription preferences by visiting the Preference Center.</p>"},
		{"an absent attribute is false", preferences2, shirley,
			"<h1>Your Preferences</h1><p>Please update your subscription preferences by visiting the Preference Center.</p>"},
		{"inline partials", preferences3,
			`{"firstName":"Shirley","lastName":"Rodriguez","friends":[{"firstName":"Anaya","lastName":"Iyengar"},{"firstName":"Liu"}]}`,
			"<h1>Hello Shirley Rodriguez!</h1><p>Your friends:</p><ul><li>Anaya Iyengar</li><li>Liu</li></ul>"},
		{"a partial in a subject", "{{firstName}}'s Subscription Preferences", `{"firstName":"Shirley"}`, "Shirley's Subscription Preferences"},
	} {
		got, err := compile(t, test.template).Render(parse(t, test.data), handlebars.Limits{})
		if err != nil || got != test.want {
			t.Errorf("%s:\n got %q, %v\nwant %q", test.about, got, err, test.want)
		}
	}
}

func TestMissingAttribute(t *testing.T) {
	t.Parallel()
	_, err := compile(t, "Dear {{contact.firstName}}").Render(parse(t, `{}`), handlebars.Limits{})
	var missing *handlebars.MissingError
	if !errors.As(err, &missing) || missing.Name != "contact.firstName" {
		t.Fatalf("err = %v", err)
	}
	if got := err.Error(); got != "Attribute 'contact.firstName' is not present in the rendering data." {
		t.Errorf("text = %q", got)
	}
	if _, err := compile(t, "{{x}}").Render(handlebars.Data{}, handlebars.Limits{}); !errors.As(err, &missing) {
		t.Errorf("the zero Data has an attribute: %v", err)
	}
}

func TestReservedNames(t *testing.T) {
	t.Parallel()
	names := []string{"amazonSESUnsubscribeUrl", "ses:openTracker"}
	for _, test := range []struct{ about, template, want string }{
		{"both stay", "a {{amazonSESUnsubscribeUrl}} b {{ses:openTracker}}", "a {{amazonSESUnsubscribeUrl}} b {{ses:openTracker}}"},
		{"however they are written", "{{ ses:openTracker }}{{{ses:openTracker}}}{{&ses:openTracker}}",
			"{{ses:openTracker}}{{ses:openTracker}}{{ses:openTracker}}"},
		{"whitespace control is that of a tag", "a {{~ses:openTracker~}} b", "a{{ses:openTracker}}b"},
		{"within a block", "{{#each xs}}{{amazonSESUnsubscribeUrl}}{{/each}}", "{{amazonSESUnsubscribeUrl}}{{amazonSESUnsubscribeUrl}}"},
		{"the data does not replace them", "{{amazonSESUnsubscribeUrl}}", "{{amazonSESUnsubscribeUrl}}"},
		{"a longer path is another name", "{{#if ses:openTracker.x}}x{{/if}}{{x}}", "X"},
	} {
		got, err := compile(t, test.template, names...).
			Render(parse(t, `{"xs":[1,2],"x":"X","amazonSESUnsubscribeUrl":"evil"}`), handlebars.Limits{})
		if err != nil || got != test.want {
			t.Errorf("%s: got %q, %v, want %q", test.about, got, err, test.want)
		}
	}
}

func TestErrorsHaveAPlace(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		template     string
		line, column int
		reason       string
	}{
		{"Hello\n  {{#if x}}\n", 2, 3, `the block "if" is not closed`},
		{"ä😀 {{#if x}}{{/each}}", 1, 13, `"each" closes the block "if"`},
		{"a\nb\n{{#each xs}}\n  {{shout this}}\n{{/each}}", 4, 3, `there is no helper "shout"`},
		{"{{a", 1, 4, "the template ends where the end of the tag should be"},
		{"{{a,b}}", 1, 4, `"," can't stand here`},
		{"x\n{{!-- open", 2, 1, "the comment is not closed"},
		{"a\x00b", 1, 2, "a template can't hold a NUL character"},
	} {
		_, err := handlebars.Compile(test.template)
		var wrong *handlebars.Error
		if !errors.As(err, &wrong) || *wrong != (handlebars.Error{Line: test.line, Column: test.column, Reason: test.reason}) {
			t.Errorf("%q: %v", test.template, err)
		}
	}
	_, err := compile(t, "x\n{{#if a}}{{#*inline 'p'}}{{/inline}}{{/if}}\n{{> p}}").Render(parse(t, `{}`), handlebars.Limits{})
	var wrong *handlebars.Error
	if !errors.As(err, &wrong) || wrong.Line != 3 || wrong.Column != 1 {
		t.Errorf("a partial out of its scope: %v", err)
	}
}

func TestCompileIsBounded(t *testing.T) {
	t.Parallel()
	for about, template := range map[string]string{
		"blocks":             strings.Repeat("{{#a}}", 501) + strings.Repeat("{{/a}}", 501),
		"chains":             "{{#if a}}" + strings.Repeat("{{else if a}}", 501) + "{{/if}}",
		"subexpressions":     "{{lookup " + strings.Repeat("(lookup ", 501) + "a" + strings.Repeat(" a)", 501) + " a}}",
		"partial blocks":     strings.Repeat("{{#> a}}", 501) + strings.Repeat("{{/a}}", 501),
		"length of a source": strings.Repeat("x", handlebars.MaxSource+1),
	} {
		var wrong *handlebars.Error
		if _, err := handlebars.Compile(template); !errors.As(err, &wrong) {
			t.Errorf("%s: %v", about, err)
		}
	}
	deep := strings.Repeat("{{#if a}}", 500) + "x" + strings.Repeat("{{/if}}", 500)
	if got, err := compile(t, deep).Render(parse(t, `{"a":1}`), handlebars.Limits{}); got != "x" {
		t.Errorf("500 blocks within each other: %q, %v", got, err)
	}
}

func TestRenderIsBounded(t *testing.T) {
	t.Parallel()
	array := "[" + strings.Repeat("0,", 999) + "0]"
	data := parse(t, `{"xs":`+array+`,"s":"`+strings.Repeat("x", 1000)+`","big":"`+strings.Repeat("😀", 100_000)+`"}`)
	for _, test := range []struct {
		about, template string
		limits          handlebars.Limits
		want            error
	}{
		{"output that fits", "{{s}}", handlebars.Limits{Output: 1000}, nil},
		{"one byte too much", "{{s}}x", handlebars.Limits{Output: 1000}, handlebars.ErrTooLarge},
		{"an array that is too long as text", "{{xs}}", handlebars.Limits{Output: 1000}, handlebars.ErrTooLarge},
		{"output that grows in a loop", "{{#each xs}}{{#each ../xs}}{{@root.s}}{{/each}}{{/each}}", handlebars.Limits{}, handlebars.ErrTooLarge},
		{"loops in loops that print nothing", "{{#each xs}}{{#each @root.xs}}{{#each @root.xs}}{{/each}}{{/each}}{{/each}}", handlebars.Limits{}, handlebars.ErrTooManySteps},
		{"a partial that calls itself", "{{#*inline 'p'}}{{> p}}{{/inline}}{{> p}}", handlebars.Limits{}, handlebars.ErrTooDeep},
		{"partials that call each other", "{{#*inline 'p'}}{{> q}}{{/inline}}{{#*inline 'q'}}{{> p}}{{/inline}}{{> p}}", handlebars.Limits{}, handlebars.ErrTooDeep},
		{"a partial that calls itself twice", "{{#*inline 'p'}}{{> p}}{{> p}}{{/inline}}{{> p}}", handlebars.Limits{Depth: 30}, handlebars.ErrTooDeep},
		{"a block that calls itself", "{{#*inline 'p'}}{{#> p}}{{> @partial-block}}{{/p}}{{/inline}}{{#> p}}x{{/p}}", handlebars.Limits{}, handlebars.ErrTooDeep},
		{"a dynamic partial that calls itself", "{{#*inline 'p'}}{{> (lookup @root.names 0)}}{{/inline}}{{> p}}", handlebars.Limits{Depth: 20}, nil},
		{"indentation that grows", "{{#*inline 'p'}}x\n   {{> p}}\n{{/inline}}\n{{> p}}", handlebars.Limits{Output: 10_000}, handlebars.ErrTooLarge},
		{"characters of a long string", "{{#each xs}}{{#each @root.xs}}{{#if @root.big.length}}{{/if}}{{/each}}{{/each}}", handlebars.Limits{}, handlebars.ErrTooManySteps},
		{"copies of a long string", "{{#*inline 'p'}}{{/inline}}{{#each xs}}{{> p @root.big a=1}}{{/each}}", handlebars.Limits{}, handlebars.ErrTooManySteps},
		{"names made of a long array", "{{#each xs}}{{lookup @root @root.xs}}{{/each}}", handlebars.Limits{Steps: 100_000}, handlebars.ErrTooManySteps},
		{"contexts compared with a long array", "{{#each xs}}{{#with @root.xs}}{{/with}}{{/each}}", handlebars.Limits{Steps: 100_000}, handlebars.ErrTooManySteps},
		{"steps that are enough", "{{#each xs}}x{{/each}}", handlebars.Limits{Steps: 2001}, nil},
		{"one step too few", "{{#each xs}}x{{/each}}", handlebars.Limits{Steps: 2000}, handlebars.ErrTooManySteps},
	} {
		t.Run(test.about, func(t *testing.T) {
			t.Parallel()
			text, err := compile(t, test.template).Render(data, test.limits)
			var other *handlebars.Error
			if test.want == nil && errors.As(err, &other) {
				return // of the partial that is not there
			}
			if !errors.Is(err, test.want) {
				t.Errorf("got %v after %d bytes, want %v", err, len(text), test.want)
			}
			if err != nil && text != "" {
				t.Error("a text beside an error")
			}
		})
	}
}

func TestConcurrentRenderings(t *testing.T) {
	t.Parallel()
	compiled := compile(t, preferences3)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			data := parse(t, fmt.Sprintf(`{"firstName":"F%d","friends":[{"firstName":"G%d","lastName":"L"}]}`, i, i))
			want := fmt.Sprintf("<h1>Hello F%d!</h1><p>Your friends:</p><ul><li>G%d L</li></ul>", i, i)
			for range 200 {
				if got, err := compiled.Render(data, handlebars.Limits{}); got != want {
					t.Errorf("got %q, %v", got, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestNames(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		about, template string
		want            []string
	}{
		{"attributes that are printed, once each", "{{a}}{{b.c}}{{a}}{{{d}}}", []string{"a", "b", "d"}},
		{"not those that a helper may do without", "{{#if a}}{{/if}}{{#each b}}{{/each}}{{#with c}}{{/with}}{{lookup d e}}{{#f}}{{/f}}", nil},
		{"nor those that the template asks for first", "{{#if a}}{{a}}{{b}}{{/if}}{{#unless c}}{{else}}{{c.d}}{{/unless}}", []string{"b"}},
		{"but outside of that they count", "{{#if a}}{{a}}{{/if}}{{a}}", []string{"a"}},
		{"within a loop names are those of the item", "{{#each xs}}{{a}}{{../b}}{{@root.c}}{{this.d}}{{@index}}{{else}}{{e}}{{/each}}", []string{"b", "c", "e"}},
		{"with another context too", "{{#with o}}{{a}}{{#if ../x}}{{../b}}{{/if}}{{/with}}", []string{"b"}},
		{"block parameters are no attributes", "{{#each xs as |x i|}}{{x}}{{i}}{{../y}}{{/each}}", []string{"y"}},
		{"what a section's context is only the data knows", "{{#a}}{{b}}{{/a}}{{^c}}{{d}}{{/c}}", []string{"d"}},
		{"an inline partial counts where it is called", "{{#*inline 'p'}}{{a}}{{/inline}}{{#*inline 'q'}}{{b}}{{/inline}}{{> p}}", []string{"a"}},
		{"in its context", "{{#*inline 'p'}}{{a}}{{/inline}}{{#each xs}}{{> p}}{{/each}}{{> p o}}", nil},
		{"without what the call gives", "{{#*inline 'p'}}{{a}}{{b}}{{/inline}}{{> p a=1}}", []string{"b"}},
		{"a partial that calls itself", "{{#*inline 'p'}}{{a}}{{> p}}{{/inline}}{{> p}}", []string{"a"}},
		{"the block of a partial", "{{#> none}}{{a}}{{/none}}", []string{"a"}},
		{"reserved names are none", "{{ses:openTracker}}{{a}}", []string{"a"}},
	} {
		got := compile(t, test.template, "ses:openTracker").Names()
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %q: got %q, want %q", test.about, test.template, got, test.want)
		}
	}
}
