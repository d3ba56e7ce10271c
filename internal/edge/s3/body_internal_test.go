// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"errors"
	"strings"
	"testing"

	"sesame/internal/base/fault"
)

// TestMemoryOfDocuments is bounded over all calls, and given back.
func TestMemoryOfDocuments(t *testing.T) {
	t.Parallel()
	d := &Door{}
	small, large := strings.Repeat("x", heldStep-1), strings.Repeat("x", maxDocument)
	var calls []*call
	for range maxHeld / maxDocument {
		c := &call{door: d}
		if b, err := c.read(strings.NewReader(large)); err != nil || string(b) != large {
			t.Fatalf("%d octets, %v", len(b), err)
		}
		calls = append(calls, c)
	}
	c := &call{door: d}
	if _, err := c.read(strings.NewReader(large)); !fault.Is(err, fault.Throttled) {
		t.Errorf("one too many: %v", err)
	}
	if _, err := (&call{door: d}).read(strings.NewReader(small)); err != nil {
		t.Errorf("a small one: %v", err)
	}
	for _, c := range append(calls, c) {
		d.held.Add(-c.held)
	}
	if held := d.held.Load(); held != 0 {
		t.Errorf("afterwards %d octets are held", held)
	}
}

// TestElementsThatAreTooMany are not read before they are counted.
func TestElementsThatAreTooMany(t *testing.T) {
	t.Parallel()
	element := "<Object><Key>a</Key></Object>"
	var in struct {
		Objects deletions `xml:"Object"`
	}
	if err := decode([]byte("<Delete>"+strings.Repeat(element, maxDeletes)+"</Delete>"), &in); err != nil || len(in.Objects) != maxDeletes || in.Objects[999].Key != "a" {
		t.Errorf("%d, %v", len(in.Objects), err)
	}
	in.Objects = nil
	if err := decode([]byte("<Delete>"+strings.Repeat(element, 100*maxDeletes)+"</Delete>"), &in); !errors.Is(err, errMalformedXML) || len(in.Objects) != maxDeletes {
		t.Errorf("%d, %v", len(in.Objects), err)
	}
}
