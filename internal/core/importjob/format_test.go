// SPDX-License-Identifier: Apache-2.0

package importjob_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sesame/internal/core/contact"
	"sesame/internal/core/importjob"
	"sesame/internal/core/suppression"
	"sesame/internal/testkit/storetest"
)

// say is a contact in one line.
func (w *world) say(t *testing.T, address string) string {
	t.Helper()
	c, _, err := w.lists.Get(ctx, sc, "news", address)
	if err != nil {
		return "nobody"
	}
	var words []string
	if c.UnsubscribeAll {
		words = append(words, "none")
	}
	for _, p := range c.Preferences {
		words = append(words, p.Topic+map[contact.Status]string{contact.OptIn: "+", contact.OptOut: "-"}[p.Status])
	}
	return strings.TrimSpace(strings.Join(words, " ") + " " + c.Attributes)
}

// TestTheGuidesFiles imports each format in the guide's own examples, the one that it prints
// over several lines included.
func TestTheGuidesFiles(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, c := range []struct {
			file string
			job  importjob.Job
			want string // what is on the lists then
		}{
			{"suppression-put.csv", suppress("PUT", "CSV"), "recipient1@example.com BOUNCE, recipient2@example.com COMPLAINT"},
			{"suppression-delete.csv", suppress("DELETE", "CSV"), "recipient2@example.com COMPLAINT"},
			{"suppression-put.json", suppress("PUT", "JSON"), "recipient1@example.com BOUNCE, recipient2@example.com COMPLAINT"},
			{"suppression-delete.json", suppress("DELETE", "JSON"), "recipient1@example.com BOUNCE"},
		} {
			text, err := os.ReadFile(filepath.Join("testdata", c.file))
			must(t, err)
			job := w.run(t, c.job, string(text))
			if got := strings.Join(w.suppressed(t), ", "); job.State != importjob.Completed || job.Processed != 2 || job.Failed != 0 || got != c.want {
				t.Errorf("%s: %s after %+v", c.file, got, job)
			}
		}
		for _, file := range []string{"contacts.csv", "contacts.json", "contacts-printed.json"} {
			text, err := os.ReadFile(filepath.Join("testdata", file))
			must(t, err)
			format := strings.ToUpper(strings.TrimPrefix(filepath.Ext(file), "."))
			job := w.run(t, contacts("PUT", format), string(text))
			first, second := strings.ReplaceAll(w.say(t, "example1@amazon.com"), ": ", ":"), w.say(t, "example2@amazon.com")
			if job.State != importjob.Completed || job.Processed != 2 || job.Failed != 0 || first != `Sports+ Cycling- {"Name":"John"}` || second != "none Sports- Cycling-" {
				t.Errorf("%s: %s, %s after %+v", file, first, second, job)
			}
			job = w.run(t, contacts("DELETE", format), string(text))
			if got := w.say(t, "example1@amazon.com"); got != "nobody" || job.Processed != 2 || job.Failed != 0 {
				t.Errorf("%s removed: %s after %+v", file, got, job)
			}
		}
	})
}

// TestHowFilesMayBeWritten has the liberties that programs take which write such files.
func TestHowFilesMayBeWritten(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, c := range []struct {
			what    string
			job     importjob.Job
			file    string
			records int64
		}{
			{"lines end with CR LF, the last one with nothing", suppress("PUT", "CSV"), "a@example.com,BOUNCE\r\nb@example.com,COMPLAINT", 2},
			{"a byte order mark, empty lines, spaces around cells", suppress("PUT", "CSV"), "\ufeffa@example.com, BOUNCE\n\n \r\nb@example.com ,COMPLAINT \n", 2},
			{"quoted cells (RFC 4180)", suppress("PUT", "CSV"), `"a@example.com","BOUNCE"` + "\n" + `"""a,b""@example.com",BOUNCE`, 2},
			{"removals with the reasons that they were added with", suppress("DELETE", "CSV"), "a@example.com,BOUNCE\n", 1},
			{"the same address twice, and one that is not there", suppress("DELETE", "CSV"), "a@example.com\na@EXAMPLE.com\nnobody@example.com\n", 3},
			{"the same address twice: the last counts", suppress("PUT", "CSV"), "a@example.com,BOUNCE\na@example.com,COMPLAINT\n", 2},
			{"an empty file", suppress("PUT", "CSV"), "", 0},
			{"nothing but white space", suppress("PUT", "JSON"), "\ufeff \r\n\n", 0},
			{"objects without lines between them, members that mean nothing", suppress("PUT", "JSON"), `{"emailAddress":"a@example.com","reason":"BOUNCE","n":{"}":[]}} {"reason":"BOUNCE","emailAddress":"b@example.com"}`, 2},
			{"a header in another order, alone", contacts("PUT", "CSV"), "topicPreferences.Sports,emailAddress", 0},
			{"an object in a cell, bare and quoted", contacts("PUT", "CSV"), "attributesData,emailAddress\n" + `{"a": "b,c", "d": [1, 2]},a@example.com` + "\n" + `"{""a"": ""b""}",b@example.com` + "\n", 2},
			{"cells that say nothing", contacts("PUT", "CSV"), "emailAddress,unsubscribeAll,topicPreferences.Sports\na@example.com,,\nb@example.com,TRUE,OPT_IN\n", 2},
		} {
			if job := w.run(t, c.job, c.file); job.State != importjob.Completed || job.Processed != c.records || job.Failed != 0 || job.Reported {
				t.Errorf("%s: %+v", c.what, job)
				if job.Failed > 0 {
					t.Logf("%+v", w.report(t, job))
				}
			}
		}
		if got := w.suppressed(t); !slices.Contains(got, "a@example.com BOUNCE") || !slices.Contains(got, `"a,b"@example.com BOUNCE`) {
			t.Errorf("%q", got)
		}
	})
}

// TestBadRecordsHarmNoOthers has a good record behind each bad one. Each is in the report
// with its number and why.
func TestBadRecordsHarmNoOthers(t *testing.T) {
	const badAddress = "The email address is not valid."
	const noObject, noContact = "The record is not a JSON object of an address.", "The record is not a JSON object of a contact."
	long := strings.Repeat("x", 100_000)
	csv, objects := suppress("PUT", "CSV"), suppress("PUT", "JSON")
	header := "emailAddress,unsubscribeAll,attributesData,topicPreferences.Sports\n"
	each(t, func(t *testing.T, w *world) {
		for _, c := range []struct {
			what, bad, reason string
			job               importjob.Job
		}{
			{"no reason", "b@example.com", "The line has 1 columns.", csv},
			{"too many cells", "b@example.com,BOUNCE,x", "The line has 3 columns.", csv},
			{"no address", "nobody,BOUNCE", badAddress, csv},
			{"a header", "emailAddress,reason", badAddress, csv},
			{"an address beyond ASCII", "ü@example.com,BOUNCE", badAddress, csv},
			{"a NUL", "b\x00@example.com,BOUNCE", badAddress, csv},
			{"a reason in small letters", "b@example.com,bounce", "", csv},
			{"no UTF-8", "b\xff@example.com,BOUNCE", "The record is not UTF-8.", csv},
			{"UTF-16", "b\x00@\x00\xff\xfe", "The record is not UTF-8.", csv},
			{"a quote without an end", `"b@example.com,BOUNCE`, badAddress, csv},
			{"a line without an end in sight", long, "The record is longer than 65536 octets.", csv},
			{"cells without end", strings.Repeat(",", 50_000), "The line has too many columns.", csv},
			{"no object", "rubbish", noObject, objects},
			{"an object that begins and does not end", `{"emailAddress":`, noObject, objects},
			{"a string that does not end", `{"emailAddress":"b@example.com`, noObject, objects},
			{"an array", `["b@example.com"]`, noObject, objects},
			{"a number for an address", `{"emailAddress":1,"reason":"BOUNCE"}`, noObject, objects},
			{"no address in it", `{"reason":"BOUNCE"}`, badAddress, objects},
			{"no UTF-8 in it", "{\"emailAddress\":\"\xff\",\"reason\":\"BOUNCE\"}", "The record is not UTF-8.", objects},
			{"an object that is too long", `{"x":"` + long + `"}`, "The record is longer than 65536 octets.", objects},
			{"nested beyond reason", strings.Repeat(`{"a":`, 10_001) + "1" + strings.Repeat("}", 10_001), noObject, objects},
			{"a topic that the list has not", "b@example.com,,,", "", contacts("PUT", "CSV")},
			{"too few cells", "b@example.com,true", "The line has 2 columns, and the header 4.", contacts("PUT", "CSV")},
			{"neither true nor false", "b@example.com,yes,,", "unsubscribeAll is true or false.", contacts("PUT", "CSV")},
			{"no status", "b@example.com,,,MAYBE", "A subscription status is OPT_IN or OPT_OUT.", contacts("PUT", "CSV")},
			{"attributes that are no object", `b@example.com,,"[]",`, "AttributesData must be a valid JSON object.", contacts("PUT", "CSV")},
			{"attributes that are too long", `b@example.com,,{"x": "` + long[:20_000] + `"},`, "AttributesData can contain up to 10240 characters.", contacts("PUT", "CSV")},
			{"a topic of another list", `{"emailAddress":"b@example.com","topicPreferences":[{"topicName":"Chess","subscriptionStatus":"OPT_IN"}]}`, "List: news doesn't contain Topic: Chess", contacts("PUT", "JSON")},
			{"an object for attributes", `{"emailAddress":"b@example.com","attributesData":{}}`, noContact, contacts("PUT", "JSON")},
		} {
			if c.what == "a topic that the list has not" { // needs a header of its own
				job := w.run(t, c.job, "emailAddress,topicPreferences.Chess\nb@example.com,OPT_IN\na@example.com,\n")
				if r := w.report(t, job); job.Failed != 1 || r[0].ErrorMessage != "List: news doesn't contain Topic: Chess" {
					t.Errorf("%s: %+v %+v", c.what, job, r)
				}
				continue
			}
			before, good := "", "a@example.com,BOUNCE\n"
			switch {
			case c.job.Format == importjob.JSON:
				good = `{"emailAddress":"a@example.com","reason":"BOUNCE"}` + "\n"
			case c.job.Destination == importjob.Contacts:
				before, good = header, "a@example.com,,,\n"
			}
			job := w.run(t, c.job, before+c.bad+"\n"+good)
			if job.State != importjob.Completed || job.Processed != 2 || job.Failed != 1 || !job.Reported || job.Error != "" {
				t.Errorf("%s: %+v", c.what, job)
				continue
			}
			r := w.report(t, job)
			if len(r) != 1 || r[0].Record != 1 || r[0].ErrorMessage == "" || c.reason != "" && r[0].ErrorMessage != c.reason {
				t.Errorf("%s: %.300v", c.what, r)
			}
			if want := strings.ToValidUTF8(c.bad, "\ufffd"); r[0].Content != want[:min(len(want), 4096)] {
				t.Errorf("%s: the report has %.100q", c.what, r[0].Content)
			}
		}
	})
}

// TestFilesThatAreRefused as a whole change nothing.
func TestFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	for _, c := range []struct {
		what, file string
		job        importjob.Job
		text       string
	}{
		{"too many removals", strings.Repeat("a@example.com\n", suppression.MaxDelete+1), suppress("DELETE", "CSV"), "The file has more than 10000 records."},
		{"too many additions", strings.Repeat("a@example.com,BOUNCE\n", suppression.MaxPut+1), suppress("PUT", "CSV"), "The file has more than 100000 records."},
		{"contacts without a header", "", contacts("PUT", "CSV"), "The file has no header."},
		{"a header without addresses", "unsubscribeAll\ntrue\n", contacts("PUT", "CSV"), "The header has no column emailAddress."},
		{"a header that is none", "a@example.com\x00\n", contacts("PUT", "CSV"), "The header has an unknown or repeated column <a@example.com?>."},
		{"a header without an end", strings.Repeat("x", 100_000), contacts("PUT", "CSV"), "The record is longer than 65536 octets."},
	} {
		if job := w.run(t, c.job, c.file); job.State != importjob.Failed || job.Error != c.text || job.Processed != 0 || job.Failed != 0 || job.Reported {
			t.Errorf("%s: %+v", c.what, job)
		}
	}
	if got := w.suppressed(t); len(got) > 0 {
		t.Errorf("%q", got)
	}
}

// TestWhatIsExportedIsImported: the export of the suppression list, in both formats, is a
// file that adds the same, and one that removes it.
func TestWhatIsExportedIsImported(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for n, address := range []string{"recipient1@example.com", `"a,b"@example.com`, `"a\"b"@example.com`, `"a b"@example.com`, "o'neil+tag@example.com", "x@xn--bcher-kva.example", "a@[192.0.2.1]"} {
			reason := []suppression.Reason{suppression.Bounce, suppression.Complaint}[n%2]
			if err := w.list.Put(ctx, sc, address, reason); err != nil {
				t.Logf("%s can't be listed: %v", address, err)
			}
		}
		before := w.suppressed(t)
		slices.Sort(before)
		for _, format := range []suppression.Format{suppression.CSV, suppression.JSON} {
			var file bytes.Buffer
			must(t, w.list.Export(ctx, sc, format, &file))
			job := w.run(t, suppress("DELETE", string(format)), file.String())
			if got := w.suppressed(t); len(got) > 0 || job.Failed != 0 || job.Processed != int64(len(before)) {
				t.Errorf("%s: %+v leaves %q", format, job, got)
			}
			job = w.run(t, suppress("PUT", string(format)), file.String())
			got := w.suppressed(t)
			if slices.Sort(got); !slices.Equal(got, before) || job.Failed != 0 || job.Processed != int64(len(before)) {
				t.Errorf("%s: %+v\n%q is not\n%q", format, job, got, before)
			}
		}
	})
}
