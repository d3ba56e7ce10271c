// SPDX-License-Identifier: Apache-2.0

package track_test

import (
	"runtime"
	"strings"
	"testing"

	"sesame/internal/core/content"
	"sesame/internal/core/track"
)

// What a text costs grows with its length, whatever it is made of.
func TestHostileTextsCostLittle(t *testing.T) {
	for _, c := range []struct {
		why, unit string
		before    string
		after     string
		most      uint64 // octets that are allocated per octet of text
	}{
		{"each script is hidden in a comment", "<script><!--</script>", "", "", 1000},
		{"a link has as many attributes as there is room for", " a", "<a", ">", 10},
	} {
		text := []byte(c.before + strings.Repeat(c.unit, 1<<20/len(c.unit)) + c.after)
		edit := newTracker().Editor(track.Message{Scope: home, ID: newID(t), Recipients: 1}, both)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := edit(content.TextPart{HTML: true, Text: text}); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if n := (after.TotalAlloc - before.TotalAlloc) / uint64(len(text)); n > c.most {
			t.Errorf("%s: %d octets are allocated for each of the text, not %d", c.why, n, c.most)
		}
	}
}
