// SPDX-License-Identifier: Apache-2.0

package ops_test

import (
	"strings"
	"testing"

	"sesame/internal/core/importjob"
	"sesame/internal/edge/ops"
)

func TestImportMetrics(t *testing.T) {
	t.Parallel()
	s := sources()
	s.Extra = ops.Imports(func() importjob.Stats {
		return importjob.Stats{Records: 1, Failed: 2, Completed: 3, Refused: 4, Errors: 5}
	})
	body := get(t, ops.New(s), "GET", "/metrics").Body.String()
	for _, line := range []string{
		"sesame_import_records_total 1", "sesame_import_failed_records_total 2", "sesame_import_completed_total 3", "sesame_import_refused_total 4",
		"sesame_import_errors_total 5",
	} {
		if !strings.Contains(body, line+"\n") {
			t.Errorf("no %s", line)
		}
	}
}
