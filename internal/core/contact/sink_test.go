// SPDX-License-Identifier: Apache-2.0

package contact_test

import (
	"encoding/csv"
	"fmt"
	"strings"
	"testing"

	"sesame/internal/base/fault"
	"sesame/internal/core/contact"
	"sesame/internal/core/store"
	"sesame/internal/testkit/storetest"
)

func TestAnImport(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(db)
		w.withList(t, others...)
		w.add(t, "a600", "none Sports+ Cycling+")
		records := make([]contact.Contact, 1000) // several commits
		for i := range records {
			records[i] = contact.Contact{Address: fmt.Sprintf("a%d@EXAMPLE.net", i), Preferences: says("Sports-")}
		}
		records[3].Address = "nobody"
		records[4].Preferences = says("X+")
		records[5].Attributes = "x"
		records[7].Address, records[7].Preferences = "a6@example.net", says("Cycling+")
		errs, err := w.Import(sc, "News", records)
		must(t, err)
		for i, err := range errs {
			if bad := i >= 3 && i <= 5; bad != fault.Is(err, fault.Invalid) || !bad && err != nil {
				t.Errorf("record %d: %v", i, err)
			}
		}
		for local, want := range map[string]string{"a0": "Sports-", "a3": "nobody", "a4": "nobody", "a6": "Cycling+", "a600": "Sports-", "a999": "Sports-"} {
			if got := w.state(t, local); got != want {
				t.Errorf("%s is %q, want %q", local, got, want)
			}
		}
		errs, err = w.Remove(sc, "News", []contact.Contact{{Address: "a0@example.net"}, {Address: "never@example.net"}, {Address: "x"}})
		must(t, err)
		for i, err := range errs {
			if (i == 2) != fault.Is(err, fault.Invalid) {
				t.Errorf("record %d: %v", i, err)
			}
		}
		if got := w.state(t, "a0"); got != "nobody" {
			t.Errorf("removed: %s", got)
		}
		_, err = w.Import(sc, "Other", records)
		refused(t, err, fault.NotFound, "List with name: Other doesn't exist.")
	})
}

// show is a record in one line.
func show(c contact.Contact) string {
	return strings.TrimSpace(c.Address + " " + told(c) + " " + c.Attributes)
}

// TestACSVFile is the guide's.
func TestACSVFile(t *testing.T) {
	t.Parallel()
	file := csv.NewReader(strings.NewReader("emailAddress,unsubscribeAll,attributesData,topicPreferences.Sports,topicPreferences.Cycling\n" +
		"example1@amazon.com,false,{\"Name\": \"John\"},OPT_IN,OPT_OUT\n" + "example2@amazon.com,true,,OPT_OUT,OPT_OUT\n" + "example3@amazon.com,,,,\n"))
	file.LazyQuotes = true // the guide's own example has bare quotes
	lines, err := file.ReadAll()
	must(t, err)
	columns, err := contact.ParseColumns(lines[0])
	must(t, err)
	for i, want := range []string{`example1@amazon.com Sports+ Cycling- {"Name": "John"}`, "example2@amazon.com none Sports- Cycling-", "example3@amazon.com"} {
		c, err := columns.Contact(lines[i+1])
		must(t, err)
		if got := show(c); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	for _, c := range []struct {
		name  string
		cells []string
		text  string
	}{
		{"too few", []string{"a@example.net"}, "The line has 1 columns, and the header 5."},
		{"neither true nor false", []string{"a@example.net", "yes", "", "", ""}, "unsubscribeAll is true or false."},
	} {
		_, err := columns.Contact(c.cells)
		refused(t, err, fault.Invalid, c.text)
	}
}

func TestHeadersOfCSVFiles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, header, text string }{
		{"the address alone", "emailAddress", ""},
		{"with a byte order mark and spaces", "\ufeffemailAddress, unsubscribeAll", ""},
		{"no address", "unsubscribeAll", "The header has no column emailAddress."},
		{"a column that is none", "emailAddress,name", "The header has an unknown or repeated column <name>."},
		{"a column twice", "emailAddress,topicPreferences.A,topicPreferences.A", "The header has an unknown or repeated column <topicPreferences.A>."},
		{"a topic without a name", "emailAddress,topicPreferences.", "The header has an unknown or repeated column <topicPreferences.>."},
		{"too many columns", strings.Repeat("emailAddress,", 101), "The header has more than 100 columns."},
	} {
		_, err := contact.ParseColumns(strings.Split(c.header, ","))
		if c.text == "" {
			must(t, err)
			continue
		}
		t.Run(c.name, func(t *testing.T) { refused(t, err, fault.Invalid, c.text) })
	}
}

// TestAJSONFile is the guide's.
func TestAJSONFile(t *testing.T) {
	t.Parallel()
	for object, want := range map[string]string{
		`{"emailAddress":"example1@amazon.com","unsubscribeAll":false,"attributesData":"{\"Name\":\"John\"}","topicPreferences":[{"topicName":"Sports","subscriptionStatus":"OPT_IN"},{"topicName":"Cycling","subscriptionStatus":"OPT_OUT"}]}`: `example1@amazon.com Sports+ Cycling- {"Name":"John"}`,
		`{"emailAddress":"example2@amazon.com","unsubscribeAll":true,"topicPreferences":[{"topicName":"Sports","subscriptionStatus":"OPT_OUT"}]}`:                                                                                               "example2@amazon.com none Sports-",
	} {
		c, err := contact.ParseRecord([]byte(object))
		must(t, err)
		if got := show(c); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	for _, bad := range []string{"", "[]", `{"emailAddress":1}`, `{"unsubscribeAll":"maybe"}`} {
		_, err := contact.ParseRecord([]byte(bad))
		refused(t, err, fault.Invalid, "The record is not a JSON object of a contact.")
	}
}

func FuzzRecord(f *testing.F) {
	f.Add("emailAddress,topicPreferences.Sports", "a@example.net,OPT_IN", `{"emailAddress":"a@example.net"}`)
	f.Fuzz(func(t *testing.T, header, line, object string) {
		if columns, err := contact.ParseColumns(strings.Split(header, ",")); err == nil {
			_, err := columns.Contact(strings.Split(line, ","))
			if err != nil && !fault.Is(err, fault.Invalid) {
				t.Errorf("%v", err)
			}
		}
		if _, err := contact.ParseRecord([]byte(object)); err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%v", err)
		}
	})
}
