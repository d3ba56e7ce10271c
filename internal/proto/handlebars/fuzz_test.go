// SPDX-License-Identifier: Apache-2.0

package handlebars_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"sesame/internal/proto/handlebars"
)

// FuzzCompile has any template compiled: no panic, errors with a place in the template.
func FuzzCompile(f *testing.F) {
	for _, g := range readCases(f) {
		for _, c := range g.Cases {
			f.Add(c.In)
		}
	}
	f.Fuzz(func(t *testing.T, template string) {
		start := time.Now()
		compiled, err := handlebars.Compile(template, "ses:openTracker")
		var wrong *handlebars.Error
		switch {
		case err == nil:
			compiled.Names()
		case !errors.As(err, &wrong):
			t.Fatalf("err = %v", err)
		case wrong.Line < 1 || wrong.Line > strings.Count(template, "\n")+1 || wrong.Column < 1 || wrong.Column > len(template)+1:
			t.Fatalf("%v is not in the template", wrong)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Fatalf("%d bytes took %v", len(template), took)
		}
	})
}

// FuzzRender has any template rendered with any data: no panic, nothing beyond the limits,
// twice the same.
func FuzzRender(f *testing.F) {
	for _, g := range readCases(f) {
		for i, c := range g.Cases {
			if i%8 == 0 {
				f.Add(c.In, g.Data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, template, data string) {
		parsed, err := handlebars.ParseData([]byte(data))
		if err != nil {
			return
		}
		compiled, err := handlebars.Compile(template)
		if err != nil {
			return
		}
		limits := handlebars.Limits{Output: 10_000, Steps: 10_000, Depth: 100}
		text, err := compiled.Render(parsed, limits)
		if len(text) > limits.Output {
			t.Fatalf("%d bytes", len(text))
		}
		var missing *handlebars.MissingError
		var wrong *handlebars.Error
		if err != nil && !errors.As(err, &missing) && !errors.As(err, &wrong) && !errors.Is(err, handlebars.ErrTooLarge) &&
			!errors.Is(err, handlebars.ErrTooDeep) && !errors.Is(err, handlebars.ErrTooManySteps) {
			t.Fatalf("err = %v", err)
		}
		if again, _ := compiled.Render(parsed, limits); again != text {
			t.Fatalf("%q and then %q", text, again)
		}
	})
}

// FuzzParseData has any data parsed, merged with itself and rendered.
func FuzzParseData(f *testing.F) {
	for _, g := range readCases(f) {
		f.Add(g.Data)
	}
	show := compile(f, "{{#each this}}{{@key}}={{this}}{{/each}}")
	f.Fuzz(func(t *testing.T, text string) {
		data, err := handlebars.ParseData([]byte(text))
		if err != nil {
			return
		}
		limits := handlebars.Limits{Output: 1 << 20, Steps: 1 << 20}
		one, _ := show.Render(data, limits)
		if two, _ := show.Render(data.Merge(data), limits); one != two {
			t.Fatalf("%q, merged %q", one, two)
		}
	})
}
