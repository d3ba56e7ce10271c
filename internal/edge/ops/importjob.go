// SPDX-License-Identifier: Apache-2.0

package ops

import (
	"github.com/prometheus/client_golang/prometheus"

	"sesame/internal/core/importjob"
)

// Imports are the numbers of import jobs, for Sources.Extra.
func Imports(stats func() importjob.Stats) []prometheus.Collector {
	counter := func(name, help string, f func(importjob.Stats) int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(f(stats())) })
	}
	return []prometheus.Collector{
		counter("sesame_import_records_total", "Records of import jobs dealt with.", func(s importjob.Stats) int64 { return s.Records }),
		counter("sesame_import_failed_records_total", "Those that could not be imported.", func(s importjob.Stats) int64 { return s.Failed }),
		counter("sesame_import_completed_total", "Import jobs that were completed.", func(s importjob.Stats) int64 { return s.Completed }),
		counter("sesame_import_refused_total", "Import jobs that failed.", func(s importjob.Stats) int64 { return s.Refused }),
		counter("sesame_import_errors_total", "Errors of the server; the jobs are tried again.", func(s importjob.Stats) int64 { return s.Errors }),
	}
}
